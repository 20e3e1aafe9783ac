// An established client beside the stress: it must be answered all the time, and must never be closed.
// Ordinary messages, requests to another client and sends to a mailbox; the round trips of its PINGs are
// kept for the report.
import { connect as connectSocket, type Socket } from "node:net";
import { connect, type NatsConnection } from "@nats-io/transport-node";

/** What it saw, times in milliseconds. */
export interface Seen {
  readonly pings: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly mails: number;
  readonly requests: number;
}

export interface Witness {
  /** Ends it. @throws when anything went unanswered or it was disconnected */
  end(): Promise<Seen>;
}

const mailbox = "witness";
/** A machine that does other things too may be slow; a broker that hangs never answers. */
const timeout = 20_000;

export async function startWitness(port: number, pingEveryMs = 5): Promise<Witness> {
  const client = await connect({ port, name: "witness", reconnect: false });
  const create = JSON.stringify({ public: true, name: mailbox, ttl: 3_600 });
  await client.request("$mq9.AI.MAILBOX.CREATE", create, { timeout });
  client.subscribe("witness.echo", {
    callback: (_, message) => {
      message.respond(message.data);
    },
  });
  await client.flush();
  const pinger = await startPinger(port, pingEveryMs);
  let ended = false;
  const requests = repeat(client, () => ended, "witness.echo");
  const mails = repeat(client, () => ended, `$mq9.AI.MAILBOX.MSG.${mailbox}`);
  return {
    end: async () => {
      ended = true;
      const seen = { ...pinger.end(), requests: await requests, mails: await mails };
      await client.flush();
      await client.close();
      if (seen.requests === 0 || seen.mails === 0)
        throw new Error("the witness was never answered");
      return seen;
    },
  };
}

/** Requests one after the other; each must be answered. */
async function repeat(client: NatsConnection, ended: () => boolean, to: string): Promise<number> {
  let count = 0;
  while (!ended()) {
    const text = `${to} ${count}`;
    const answer = await client.request(to, text, { timeout });
    const isRight =
      to === "witness.echo"
        ? answer.string() === text
        : typeof answer.json<{ msg_id: unknown }>().msg_id === "number";
    if (!isRight) throw new Error(`${text} was answered with ${answer.string()}`);
    count += 1;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return count;
}

interface Pinger {
  end(): { pings: number; p50Ms: number; p99Ms: number; maxMs: number };
}

async function startPinger(port: number, everyMs: number): Promise<Pinger> {
  const socket: Socket = connectSocket({ host: "127.0.0.1", port, noDelay: true });
  const times: number[] = [];
  let sentAtMs = 0;
  let closed = false;
  let ready: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  let timer: NodeJS.Timeout | undefined;
  const ping = (): void => {
    sentAtMs = performance.now();
    socket.write("PING\r\n");
  };
  socket.on("error", () => undefined); // "close" follows
  socket.on("close", () => {
    closed = true;
    ready();
  });
  socket.on("data", (chunk: Buffer) => {
    const text = chunk.toString("latin1");
    if (text.startsWith("INFO ")) {
      socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
      ping();
      ready();
    } else if (text.startsWith("PING")) {
      socket.write("PONG\r\n");
    } else if (text.includes("PONG")) {
      times.push(performance.now() - sentAtMs);
      timer = setTimeout(ping, everyMs);
    }
  });
  await isReady;
  return {
    end: () => {
      clearTimeout(timer);
      if (closed) throw new Error("the established connection was closed");
      const lastMs = times.at(-1);
      socket.destroy();
      if (lastMs === undefined) throw new Error("PING was never answered");
      times.sort((a, b) => a - b);
      const at = (part: number): number =>
        Math.round((times[Math.floor((times.length - 1) * part)] ?? 0) * 10) / 10;
      return { pings: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    },
  };
}
