// The loads of `mq9 bench`: each runs for a while against a broker and tells what it came to. As in the
// benchmarks of the repository (bench/load-*.mjs), a load keeps so many messages on the way and sends the
// next when one is done, so the rate follows from the broker and not from a guess.
import { randomBytes } from "node:crypto";
import type { ConnectionFacts } from "../cli/connection.ts";
import { CliError } from "../cli/exit-codes.ts";
import { type Measured, Meter } from "./meter.ts";
import { connectWire, type WireClient } from "./wire-client.ts";

export interface LoadOptions {
  readonly facts: ConnectionFacts;
  /** Bytes of a payload. */
  readonly size: number;
  readonly inFlight: number;
  readonly seconds: number;
  readonly warmMs: number;
  /** Where mail goes; each was made for this and holds nothing else. */
  readonly mailboxes: readonly string[];
  readonly signal: AbortSignal;
}

/** A kind of load. */
export interface Load {
  /** What is done, for people. */
  readonly title: string;
  /** Needs mailboxes. */
  readonly stored: boolean;
  readonly run: (options: LoadOptions) => Promise<Measured>;
}

const slotDigits = 6;
const poolBytes = 1 << 20;
const batchMax = 100;
let inboxes = 0;

/** By the name a person types. */
export const loads: Readonly<Record<string, Load>> = {
  send: { title: "send, answered after fsync", stored: true, run: send },
  fetch: { title: "fetch and acknowledge", stored: true, run: fetchAndAck },
  push: { title: "send until pushed to a reader", stored: true, run: push },
  core: { title: "plain publish to a subscriber", stored: false, run: core },
  request: { title: "plain request and reply", stored: false, run: request },
};

/** Makes mailboxes for a run. They end by themselves when nobody drops them. */
export async function createMailboxes(facts: ConnectionFacts, count: number): Promise<string[]> {
  await using asker = await openAsker(facts);
  const answers = await asker.all(
    Array.from({ length: count }, () => ["$mq9.AI.MAILBOX.CREATE", '{"ttl":3600}'] as const),
  );
  return answers.map((answer) => {
    const { mail_id: name } = JSON.parse(answer) as { mail_id?: unknown };
    if (typeof name !== "string") throw refused(answer);
    return name;
  });
}

export async function dropMailboxes(
  facts: ConnectionFacts,
  names: readonly string[],
): Promise<void> {
  await using asker = await openAsker(facts);
  await asker.all(names.map((name) => [`$mq9.AI.MAILBOX.DROP.${name}`, ""] as const));
}

/** Sends with answers: each was stored when it is counted. */
async function send(options: LoadOptions): Promise<Measured> {
  const meter = new Meter();
  await using asker = await openAsker(options.facts);
  const { inFlight, mailboxes } = options;
  const payloads = payloadsOf(options.size);
  let sent = 0;
  let running = true;
  const next = () => {
    if (!running) return;
    const subject = `$mq9.AI.INBOX.${mailboxes[sent % mailboxes.length]}.normal`;
    const startedMs = performance.now();
    asker.ask(subject, payloads(sent), (answer) => {
      if (!answer.includes('"msg_id":')) throw refused(answer);
      meter.latency(performance.now() - startedMs);
      meter.count(1);
      next();
    });
    sent += 1;
  };
  for (let at = 0; at < inFlight; at += 1) next();
  const measured = await measure(meter, options, [asker.client]);
  running = false;
  await asker.idle();
  return measured;
}

/** Fetches up to a hundred at once in a group, and acknowledges them with one request. */
async function fetchAndAck(options: LoadOptions): Promise<Measured> {
  const meter = new Meter();
  const { mailboxes } = options;
  await using filler = await openAsker(options.facts);
  await using asker = await openAsker(options.facts);
  const payloads = payloadsOf(options.size);
  const perFetch = Math.min(batchMax, Math.max(1, options.inFlight));
  let filled = 0;
  let taken = 0;
  let running = true;
  // Kept ahead of the reader: a round that waits for mail would measure the waiting.
  const aheadOf = perFetch * mailboxes.length * 4;
  const fill = (): Promise<void> =>
    filler
      .all(
        Array.from({ length: aheadOf }, (_, at) => {
          const subject = `$mq9.AI.INBOX.${mailboxes[at % mailboxes.length]}.normal`;
          return [subject, payloads(at)] as const;
        }),
      )
      .then(() => {
        filled += aheadOf;
      });
  await fill();
  let filling: Promise<void> | undefined;
  const refill = () => {
    if (filling !== undefined || filled - taken > aheadOf * 2) return;
    filling = fill().finally(() => {
      filling = undefined;
    });
    filling.catch(() => {});
  };
  const body = `{"group_name":"bench","deliver":"earliest","held":"kept","encoding":"raw","config":{"num_msgs":${perFetch},"max_wait_ms":1000}}`;
  const round = (mailbox: string) => {
    if (!running) return;
    refill();
    const startedMs = performance.now();
    asker.ask(`$mq9.AI.MSG.FETCH.${mailbox}`, body, (answer) => {
      const ids = idsOf(answer);
      if (ids.length === 0) return round(mailbox);
      const settle = `{"group_name":"bench","msg_ids":[${ids.join()}]}`;
      asker.ask(`$mq9.AI.MSG.ACK.${mailbox}`, settle, (settled) => {
        if (!settled.includes('"error":""')) throw refused(settled);
        meter.latency(performance.now() - startedMs);
        meter.count(ids.length);
        taken += ids.length;
        round(mailbox);
      });
    });
  };
  for (const mailbox of mailboxes) round(mailbox);
  const measured = await measure(meter, options, [asker.client, filler.client]);
  running = false;
  await asker.idle();
  await filling;
  return measured;
}

/** From the publish to the delivery to a reader that follows the mailbox: stored in between. */
async function push(options: LoadOptions): Promise<Measured> {
  const meter = new Meter();
  const { facts, inFlight, size, mailboxes } = options;
  const sender = await connectWire(facts);
  const reader = await connectWire(facts);
  try {
    const startedMs = new Float64Array(inFlight);
    const payload = Buffer.from(payloadsOf(Math.max(size, slotDigits))(0));
    let running = true;
    let sent = 0;
    const put = (slot: number) => {
      const mailbox = mailboxes[sent % mailboxes.length] as string;
      sent += 1;
      payload.write(String(slot).padStart(slotDigits, "0"), 0, "latin1");
      startedMs[slot] = performance.now();
      sender.send(`PUB $mq9.AI.INBOX.${mailbox}.normal ${payload.length}\r\n`);
      sender.send(Buffer.from(payload));
      sender.send("\r\n");
    };
    reader.onMessage = (buffer, _at, _bodyAt, bodyEnd) => {
      const from = bodyEnd - payload.length;
      const slot = Number(buffer.latin1Slice(from, from + slotDigits));
      meter.latency(performance.now() - (startedMs[slot] ?? 0));
      meter.count(1);
      if (running) put(slot);
    };
    for (const [at, mailbox] of mailboxes.entries()) {
      // What earlier loads left there is not of this one.
      reader.send(`PUB $mq9.AI.MSG.PURGE.${mailbox} _INBOX.bench.purged 2\r\n{}\r\n`);
      await reader.flush();
      reader.send(`SUB $mq9.AI.MSG.PUSH.${mailbox} ${at + 1}\r\n`);
    }
    await reader.flush();
    for (let slot = 0; slot < inFlight; slot += 1) put(slot);
    const measured = await measure(meter, options, [sender, reader]);
    running = false;
    await sender.flush();
    return measured;
  } finally {
    sender.close();
    reader.close();
  }
}

/** One publisher, one subscriber, so many messages between them. */
async function core(options: LoadOptions): Promise<Measured> {
  const meter = new Meter();
  const publisher = await connectWire(options.facts);
  const subscriber = await connectWire(options.facts);
  try {
    const subject = `mq9.bench.${randomBytes(6).toString("hex")}`;
    // As many as a client library's write buffer would hold; the window is what bounds them.
    const window = Math.max(options.inFlight, 4096);
    const frame = Buffer.concat([
      Buffer.from(`PUB ${subject} ${options.size}\r\n`),
      randomBytes(options.size),
      Buffer.from("\r\n"),
    ]);
    const perBlock = Math.max(1, Math.min(window >> 2, Math.floor(65_536 / frame.length)));
    const block = Buffer.concat(Array.from({ length: perBlock }, () => frame));
    let [published, received, running] = [0, 0, true];
    const pump = () => {
      while (running && published - received + perBlock <= window) {
        publisher.send(block);
        published += perBlock;
      }
    };
    let inRead = 0;
    subscriber.onMessage = () => {
      inRead += 1;
    };
    subscriber.afterRead = () => {
      received += inRead;
      meter.count(inRead);
      inRead = 0;
      pump();
    };
    subscriber.send(`SUB ${subject} 1\r\n`);
    await subscriber.flush();
    pump();
    const measured = await measure(meter, options, [publisher, subscriber]);
    running = false;
    await publisher.flush();
    return measured;
  } finally {
    publisher.close();
    subscriber.close();
  }
}

/** One responder; the requester keeps so many questions on the way. */
async function request(options: LoadOptions): Promise<Measured> {
  const meter = new Meter();
  const responder = await connectWire(options.facts);
  await using asker = await openAsker(options.facts);
  try {
    const subject = `mq9.bench.${randomBytes(6).toString("hex")}`;
    const reply = Buffer.from(payloadsOf(options.size)(0));
    responder.onMessage = (buffer, at, bodyAt) => {
      const [, , , replySubject] = buffer.latin1Slice(at, bodyAt - 2).split(" ");
      responder.send(`PUB ${replySubject} ${reply.length}\r\n`);
      responder.send(reply);
      responder.send("\r\n");
    };
    responder.send(`SUB ${subject} 1\r\n`);
    await responder.flush();
    let running = true;
    const body = payloadsOf(options.size)(1);
    const next = () => {
      if (!running) return;
      const startedMs = performance.now();
      asker.ask(subject, body, () => {
        meter.latency(performance.now() - startedMs);
        meter.count(1);
        next();
      });
    };
    for (let at = 0; at < options.inFlight; at += 1) next();
    const measured = await measure(meter, options, [asker.client, responder]);
    running = false;
    await asker.idle();
    return measured;
  } finally {
    responder.close();
  }
}

/** Opens the window once the load goes, and closes it; fails when a connection does. */
async function measure(
  meter: Meter,
  { warmMs, seconds, signal }: LoadOptions,
  clients: readonly WireClient[],
): Promise<Measured> {
  const failure = new Promise<never>((_, reject) => {
    for (const client of clients) client.onFailure = reject;
    signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
  });
  failure.catch(() => {});
  await Promise.race([sleep(warmMs), failure]);
  meter.start();
  await Promise.race([sleep(seconds * 1000), failure]);
  return meter.stop();
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks on one connection, with a reply subject per question. */
interface Asker extends AsyncDisposable {
  readonly client: WireClient;
  ask(subject: string, body: Uint8Array | string, answered: (answer: string) => void): void;
  /** Asks everything, in the order given. */
  all(questions: readonly (readonly [string, Uint8Array | string])[]): Promise<string[]>;
  /** Resolves when every question was answered. */
  idle(): Promise<void>;
}

async function openAsker(facts: ConnectionFacts): Promise<Asker> {
  const client = await connectWire(facts);
  inboxes += 1;
  const inbox = `_INBOX.bench${randomBytes(8).toString("hex")}${inboxes}`;
  const slotAt = `MSG ${inbox}.`.length;
  const waiting = new Map<number, (answer: string) => void>();
  let asked = 0;
  let whenIdle: (() => void) | undefined;
  let pending: (Uint8Array | string)[] = [];
  let inRead = false;
  const write = () => {
    if (pending.length === 0) return;
    const parts = pending.map((part) => (typeof part === "string" ? Buffer.from(part) : part));
    pending = [];
    client.send(Buffer.concat(parts));
  };
  client.onMessage = (buffer, at, bodyAt, bodyEnd) => {
    inRead = true;
    const lineSlot = buffer.latin1Slice(at + slotAt - (buffer[at] === 72 ? -1 : 0), bodyAt);
    const slot = Number.parseInt(lineSlot, 10);
    const answered = waiting.get(slot);
    waiting.delete(slot);
    answered?.(buffer.utf8Slice(bodyAt, bodyEnd));
    if (waiting.size === 0) whenIdle?.();
  };
  client.afterRead = () => {
    inRead = false;
    write();
  };
  client.send(`SUB ${inbox}.* 1\r\n`);
  await client.flush();
  const ask: Asker["ask"] = (subject, body, answered) => {
    asked += 1;
    waiting.set(asked, answered);
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    pending.push(`PUB ${subject} ${inbox}.${asked} ${length}\r\n`, body, "\r\n");
    if (!inRead) write();
  };
  return {
    client,
    ask,
    all: (questions) =>
      new Promise((resolve, reject) => {
        const answers: string[] = [];
        client.onFailure = reject;
        if (questions.length === 0) resolve([]);
        for (const [at, [subject, body]] of questions.entries()) {
          ask(subject, body, (answer) => {
            answers[at] = answer;
            if (/^\{"error":[^"]*"[^"]|"code":[45]/.test(answer)) reject(refused(answer));
            if (Object.keys(answers).length === questions.length) resolve(answers);
          });
        }
      }),
    idle: () =>
      new Promise((resolve) => {
        if (waiting.size === 0) resolve();
        else whenIdle = resolve;
      }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

function refused(answer: string): CliError {
  let said = answer.slice(0, 200);
  try {
    const { error, message } = JSON.parse(answer) as { error?: unknown; message?: unknown };
    said = [error, message].find((text) => typeof text === "string") ?? JSON.stringify(error);
  } catch {
    // as it came
  }
  return new CliError("error", `the broker refused: ${said}`, { reason: "refused" });
}

/** The numbers in the first line of a raw reply of FETCH. */
function idsOf(answer: string): number[] {
  const line = answer.split("\n", 1)[0] ?? "";
  const { error, messages } = JSON.parse(line) as {
    error?: string;
    messages?: { msg_id: number }[];
  };
  if (error !== undefined && error !== "") throw refused(line);
  return (messages ?? []).map(({ msg_id: id }) => id);
}

/** Bytes that no store can compress, another piece for each number. */
function payloadsOf(size: number): (at: number) => Buffer {
  const pool = randomBytes(Math.max(poolBytes, size * 2));
  return (at) => {
    const from = Math.imul(at + 1, 40_503) % (pool.length - size);
    return pool.subarray(Math.abs(from), Math.abs(from) + size);
  };
}
