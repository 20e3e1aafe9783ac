// A hundred thousand connections without their sockets: what the router itself keeps of each, on machines
// where a process may not open as many files. Each says CONNECT, subscribes and is silent.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRouter, type Transport, type TransportEvents } from "@mq9/router";

/** What was measured, in bytes. */
export interface Sessions {
  readonly heldBytesEach: number;
  /** Heap and buffers, before and after all of them. */
  readonly before: number;
  readonly after: number;
  /** Connections that got one message to all. */
  readonly reached: number;
}

const perRouter = 10_000;

/**
 * A router takes no more than the process may open files, so it takes several.
 * @param count connections
 */
export async function sessions(count: number): Promise<Sessions> {
  const routers = Array.from({ length: Math.ceil(count / perRouter) }, () =>
    createRouter({ host: "127.0.0.1", port: 0, maxConnections: perRouter }),
  );
  const before = heldBytes();
  const sides = { reached: 0 };
  const open: TransportEvents[] = [];
  for (let at = 0; at < count; at++) {
    const events = routers[Math.floor(at / perRouter)]?.accept(silentTransport(at, sides));
    if (events === undefined) break;
    events.data(Buffer.from(`CONNECT {"verbose":false}\r\nSUB agent.${at} 1\r\nSUB all 2\r\n`));
    open.push(events);
  }
  const held = heldBytes();
  for (let at = 0; at < count; at += perRouter) open[at]?.data(Buffer.from("PUB all 2\r\nhi\r\n"));
  for (const events of open) events.ended();
  open.length = 0;
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // subscriptions leave the index in turns
  const after = heldBytes();
  for (const router of routers) await router.close();
  return { heldBytesEach: (held - before) / count, before, after, reached: sides.reached };
}

/** Takes everything at once and counts the messages. */
function silentTransport(at: number, sides: { reached: number }): Transport {
  return {
    kind: "STANDARD",
    tls: undefined,
    remoteAddress: `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`,
    remotePort: 1,
    write: (bytes) => {
      if (bytes.includes("MSG all 2 2\r\n")) sides.reached++;
      return true;
    },
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => {},
  };
}

function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let times = 0; times < 3; times++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
