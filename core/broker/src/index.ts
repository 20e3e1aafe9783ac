// The assembled broker: what it can be told, and how it is started and stopped.
export type {
  AuditActor,
  AuditEvent,
  AuditFact,
  AuditKind,
  AuditSink,
  AuthFailure,
} from "./audit.ts";
export {
  Broker,
  type BrokerAddress,
  type BrokerDeps,
  type BrokerReload,
  createBroker,
} from "./broker.ts";
export type { DiskReserve } from "./disk-guard.ts";
export { type Log, type LogFields, type LogValue, silentLog } from "./log.ts";
export {
  type BrokerOptions,
  type BrokerOptionsInput,
  type DiskMarks,
  type DiskOptions,
  defaultOptions,
  diskMarks,
  isLoopback,
  type LimitOptions,
  type MailboxOptions,
  OptionsError,
  type OutOfRange,
  type RegistryOptions,
  resolveOptions,
  type ShutdownOptions,
  type TlsOptionsInput,
  type WebSocketOptionsInput,
} from "./options.ts";
