// What the tests of malformed input share: a broker of its own, a witness that proves after each case
// that everybody else is served, and an exchange of bytes on a connection nobody else uses.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import path from "node:path";
import { type RunningBroker, startBroker, tempDir } from "@mq9/testkit";
import { connect } from "@nats-io/transport-node";
import { until } from "../support/until.ts";

/** A healthy client beside the ones that misbehave. */
export interface Witness extends AsyncDisposable {
  /** Sends and gets an ordinary message, and sends to a mailbox; both must be answered at once. */
  check(): Promise<void>;
}

export interface LiveBroker extends AsyncDisposable {
  readonly port: number;
  readonly broker: RunningBroker;
  readonly witness: Witness;
  /** What the broker's process holds on and off the heap, after a garbage collection. */
  heldBytes(): Promise<number>;
}

// Loaded into the broker: at SIGWINCH it collects garbage twice (what the first pass finalizes, the second
// frees) and says what is left. Resident memory would depend on when the collector last ran.
const tellMemory = `
require("node:v8").setFlagsFromString("--expose-gc");
const gc = require("node:vm").runInNewContext("gc");
process.on("SIGWINCH", () => {
  gc();
  setTimeout(() => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    process.stderr.write('{"heldBytes":' + (heapUsed + external) + '}\\n');
  }, 20);
});
`;

/** Starts a broker and its witness. */
export async function startLive(args: readonly string[] = []): Promise<LiveBroker> {
  const folder = await tempDir("mq9-hook");
  const hook = path.join(folder.path, "memory.cjs");
  writeFileSync(hook, tellMemory);
  const broker = await startBroker({ args, env: { NODE_OPTIONS: `--require=${hook}` } });
  const witness = await createWitness(broker.port);
  return {
    port: broker.port,
    broker,
    witness,
    heldBytes: async () => {
      const told = () => [...broker.logs.matchAll(/^\{"heldBytes":(\d+)\}$/gm)];
      const before = told().length;
      broker.process.kill("SIGWINCH");
      const [, bytes] = await until(async () => told()[before]);
      return Number(bytes);
    },
    [Symbol.asyncDispose]: async () => {
      await witness[Symbol.asyncDispose]();
      const code = await broker.stop();
      const { logs } = broker;
      await broker[Symbol.asyncDispose]();
      await folder.remove();
      if (code !== 0 || /unhandled|uncaught/i.test(logs)) {
        throw new Error(`the broker ended with ${code}\n${logs}`);
      }
    },
  };
}

/** A published client library: it answers PINGs and notices everything that is not as it should be. */
async function createWitness(port: number): Promise<Witness> {
  const client = await connect({ port, name: "witness", reconnect: false });
  await client.request("$mq9.AI.MAILBOX.CREATE", '{"public":true,"name":"witness","ttl":3600}');
  const echoes = client.subscribe("witness.echo")[Symbol.asyncIterator]();
  let count = 0;
  // Long enough for a machine that is busy with other things; a broker that hangs never answers.
  const timeout = 10_000;
  return {
    check: async () => {
      count += 1;
      client.publish("witness.echo", `echo ${count}`);
      const echo = await echoes.next();
      const text = echo.done === true ? "nothing" : echo.value.string();
      const mail = `mail ${count}`;
      const receipt = await client.request("$mq9.AI.MAILBOX.MSG.witness", mail, { timeout });
      const { msg_id: msgId } = receipt.json<{ msg_id: number }>();
      if (text !== `echo ${count}` || msgId !== count - 1) {
        throw new Error(`the witness got ${text} and ${receipt.string()}`);
      }
    },
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}

/** What came back from an exchange. */
export interface Answer {
  /** Everything after INFO, as a byte string, without the PONG that proves a connection open. */
  readonly text: string;
  readonly closed: boolean;
}

const plainConnect =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';
const patienceMs = 10_000;

/**
 * Sends bytes on a fresh connection and reads until the server closes it, or, when it is expected to
 * stay open, until it has answered a PING sent behind them.
 */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  options: { readonly ends: "open" | "closed"; readonly connect?: string },
): Promise<Answer> {
  const socket = connectSocket({ host: "127.0.0.1", port, noDelay: true });
  let text = "";
  let closed = false;
  let wake: () => void = () => undefined;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    wake();
  });
  // best effort: a reset is a way of closing; "close" follows.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
    wake();
  });
  await once(socket, "connect");
  socket.write(options.connect ?? plainConnect);
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  if (options.ends === "open") socket.write("PING\r\n");
  const done = (): boolean => closed || (options.ends === "open" && text.endsWith("PONG\r\n"));
  const late = AbortSignal.timeout(patienceMs);
  while (!done() && !late.aborted) {
    await new Promise<void>((resolve) => {
      wake = resolve;
      late.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  socket.destroy();
  const afterInfo = text.slice(text.indexOf("\r\n") + 2);
  return { text: closed ? afterInfo : afterInfo.replace(/PONG\r\n$/, ""), closed };
}

/** `PUB` with its payload. */
export function pub(subject: string, payload: string, reply = ""): string {
  return `PUB ${subject} ${reply === "" ? "" : `${reply} `}${payload.length}\r\n${payload}\r\n`;
}

/** `HPUB` with its headers and payload, whatever they hold. */
export function hpub(subject: string, headers: string, payload: string): string {
  const sizes = `${headers.length} ${headers.length + payload.length}`;
  return `HPUB ${subject} ${sizes}\r\n${headers}${payload}\r\n`;
}
