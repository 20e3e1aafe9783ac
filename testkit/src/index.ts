// What tests and benchmarks use to boot brokers and peers and to talk to them.
export {
  createAuthority,
  type IssueOptions,
  type TestAuthority,
  type TestCertificate,
} from "./certificates.ts";
export { type Child, type ChildEnd, type ProgramResult, runProgram, startChild } from "./child.ts";
export { type RunningNatsServer, startNatsServer } from "./nats-server.ts";
export { repositoryRoot } from "./paths.ts";
export { findPeer, type Peer, type PeerName, peersDir } from "./peers.ts";
export { connectRaw, type RawClient, type RawMessage } from "./raw-client.ts";
export { type RunningBroker, type StartBrokerOptions, startBroker } from "./start-broker.ts";
export { type TempDir, tempDir } from "./temp-dir.ts";
