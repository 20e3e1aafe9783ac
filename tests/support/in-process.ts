// A broker inside the test process: for tests about its listeners, which need no disk.
import {
  type Broker,
  type BrokerAddress,
  type BrokerOptionsInput,
  createBroker,
  resolveOptions,
  silentLog,
} from "@mq9/broker";
import { MemoryStore } from "@mq9/store";

export interface BrokerInProcess extends AsyncDisposable {
  readonly broker: Broker;
  readonly address: BrokerAddress;
}

/** Starts a broker on free ports of 127.0.0.1 with a store in memory. */
export async function brokerInProcess(options: BrokerOptionsInput = {}): Promise<BrokerInProcess> {
  const resolved = resolveOptions({
    port: 0,
    shutdown: { graceMs: 0, spreadMs: 0 },
    ...options,
    disk: { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 },
  });
  const broker = createBroker(resolved, {
    store: new MemoryStore(),
    log: silentLog,
    version: "test",
  });
  const address = await broker.start();
  return { broker, address, [Symbol.asyncDispose]: () => broker.stop() };
}
