// What drivers do with a connection: send with replies, send and flush, create and delete, subscribe,
// drain. Each writes what it is about to do before it does it, and what it saw before it goes on.
import { setTimeout as sleep } from "node:timers/promises";
import { type HistoryWriter, nowMicros, type Rank } from "./history.ts";
import {
  type Answer,
  createSubject,
  deleteSubject,
  type Generation,
  hashOf,
  idOf,
  listSubject,
  marksOf,
  payloadOf,
  readAnswer,
  receiveSubject,
  sendSubject,
} from "./mail.ts";
import type { Delivered, NatsClient } from "./nats-client.ts";
import type { Random } from "./random.ts";

/** One life of a role: a fresh connection and everything it needs. */
export interface Life {
  readonly client: NatsClient;
  /** Unique name of the connection. */
  readonly conn: string;
  readonly history: HistoryWriter;
  readonly random: Random;
  /** Prefix of mailbox names; changes now and then, so that replays stay short. */
  epoch(): string;
  stopping(): boolean;
}

export type Role = (life: Life) => Promise<void>;

/** A broker that refuses is about to stop: what it refuses meanwhile would only fill the history. */
const refusedPauseMs = 100;

const ranks: readonly Rank[] = [0, 1, 2, 3];

/** Names of the mailboxes everybody uses in one epoch. */
function sharedMailboxes(epoch: string): string[] {
  return [1, 2, 3].map((n) => `${epoch}-box${n}`);
}

/** Sends with a reply subject, several at a time. */
export function requester(generation: Generation): Role {
  return async (life) => {
    const sender = new Sender(life, generation);
    while (!life.stopping()) {
      const mailboxes = await ensureMailboxes(life);
      await sender.requests(mailboxes, life.random.between(1, 16));
      await sleep(life.random.between(1, 16));
    }
  };
}

/** Sends without a reply subject; a PONG says that everything before it is stored. */
export function flusher(generation: Generation): Role {
  return async (life) => {
    const sender = new Sender(life, generation);
    while (!life.stopping()) {
      const mailboxes = await ensureMailboxes(life);
      await sender.flushed(mailboxes, life.random.between(1, 24));
      await sleep(life.random.between(1, 16));
    }
  };
}

/** Makes mailboxes with generated names, sends to them, and deletes some of what it sent. */
export const administrator: Role = async (life) => {
  const sender = new Sender(life, 1);
  let mailboxes = await ensureMailboxes(life);
  for (let round = 0; !life.stopping(); round += 1) {
    if (round < 2) mailboxes = [...mailboxes, await create(life, { ttl: 3_600 })];
    const accepted = await sender.requests(mailboxes, life.random.between(2, 8));
    const doomed = accepted.filter(() => life.random.chance(0.4));
    await Promise.all(doomed.map(async (sent) => await remove(life, sent.mailbox, sent.msgId)));
    await sleep(life.random.between(1, 16));
  }
};

/** Subscribes to the mailboxes of the epoch and writes down what comes. */
export function subscriber(generation: Generation): Role {
  return async (life) => {
    while (!life.stopping()) {
      const epoch = life.epoch();
      const sids = sharedMailboxes(epoch).map((mailbox) => subscribe(life, generation, mailbox));
      // Now and then anew on a living connection: what is stored is replayed again.
      const until = nowMicros() + life.random.between(100_000, 600_000);
      while (life.epoch() === epoch && !life.stopping() && nowMicros() < until) {
        await life.client.flush();
        await sleep(10);
      }
      for (const { sid } of sids) life.client.unsubscribe(sid);
      await life.client.flush();
    }
  };
}

/**
 * Reads mailboxes to their end, once for each generation, and lists them. A last message of the
 * lowest priority, sent first, is the end: a replay delivers it after everything else.
 */
export function drainer(mailboxes: readonly string[]): Role {
  return async (life) => {
    let failures = 0;
    for (const mailbox of mailboxes) {
      const problem = await readToTheEnd(life, mailbox);
      if (problem === undefined) continue;
      life.history.write({ op: "unreadable", t: nowMicros(), mailbox, text: problem });
      failures += 1;
      if (failures === unreadableMax) return;
    }
  };
}

/** @returns what went wrong, or undefined */
async function readToTheEnd(life: Life, mailbox: string): Promise<string | undefined> {
  const marker = await sendMarker(life, mailbox);
  if ("problem" in marker) return marker.problem;
  for (const generation of [0, 1] as const) {
    const ended = await drain(life, generation, mailbox, marker.id);
    if (!ended) return `no end of the replay in ${drainMsMax} ms`;
  }
  const answer = readAnswer(await life.client.request(listSubject(mailbox), Buffer.from("{}")));
  if (answer.is !== "ok") return answer.text;
  writeList(life, mailbox, answer.body);
  return undefined;
}

let calls = 0;

/** Names a call uniquely within its process; processes have different names for connections. */
function newCall(life: Life): string {
  calls += 1;
  return `${life.conn}#${calls}`;
}

interface Outgoing {
  readonly id: string;
  readonly mailbox: string;
  readonly subject: string;
  readonly payload: Buffer;
}

/** A send that was answered with its number. */
interface Accepted {
  readonly mailbox: string;
  readonly msgId: number;
}

class Sender {
  readonly #life: Life;
  readonly #generation: Generation;

  constructor(life: Life, generation: Generation) {
    this.#life = life;
    this.#generation = generation;
  }

  async requests(mailboxes: readonly string[], count: number): Promise<Accepted[]> {
    const { client } = this.#life;
    const batch = this.#prepare(mailboxes, count);
    client.cork();
    const answers = batch.map(async (sent): Promise<Accepted[]> => {
      const answer = readAnswer(await client.request(sent.subject, sent.payload));
      const accepted = this.#note(sent, answer);
      if (accepted.length === 0) await sleep(refusedPauseMs);
      return accepted;
    });
    client.uncork();
    const settled = await Promise.allSettled(answers);
    return settled.flatMap((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  async flushed(mailboxes: readonly string[], count: number): Promise<void> {
    const { client, history } = this.#life;
    const batch = this.#prepare(mailboxes, count);
    const errorsBefore = client.errors.length;
    client.cork();
    for (const { subject, payload } of batch) client.publish(subject, payload);
    const pong = client.flush();
    client.uncork();
    await pong;
    // An error may speak of any of them, so none is certain.
    if (client.errors.length > errorsBefore) return await sleep(refusedPauseMs);
    const t = nowMicros();
    history.write(
      ...batch.map(({ id }) => ({ op: "send", phase: "ok", t, id, msgId: null }) as const),
    );
  }

  #prepare(mailboxes: readonly string[], count: number): Outgoing[] {
    const { random, history, conn } = this.#life;
    const batch = Array.from({ length: count }, () => {
      const mailbox = random.pick(mailboxes);
      const rank = random.pick(ranks);
      const id = newCall(this.#life);
      const bytes = random.chance(0.01)
        ? 200_000
        : random.between(1, random.chance(0.1) ? 8_000 : 400);
      const payload = payloadOf(id, bytes);
      const subject = sendSubject(this.#generation, mailbox, rank);
      return { id, mailbox, rank, subject, payload };
    });
    const t = nowMicros();
    history.write(
      ...batch.map(({ id, mailbox, rank, payload }) => {
        const hash = hashOf(payload);
        return { op: "send", phase: "invoke", t, conn, id, mailbox, rank, hash } as const;
      }),
    );
    return batch;
  }

  #note(sent: Outgoing, answer: Answer): Accepted[] {
    const { id, mailbox } = sent;
    const t = nowMicros();
    if (answer.is === "ok") {
      const msgId = Number(answer.body["msg_id"]);
      this.#life.history.write({ op: "send", phase: "ok", t, id, msgId });
      return [{ mailbox, msgId }];
    }
    if (answer.is === "refused") {
      this.#life.history.write({ op: "send", phase: "refused", t, id, text: answer.text });
    }
    return [];
  }
}

/** The shared mailboxes of the epoch, made if need be: a taken name is handed out again. */
async function ensureMailboxes(life: Life): Promise<readonly string[]> {
  const known = ensured.get(life);
  if (known?.epoch === life.epoch()) return known.mailboxes;
  const epoch = life.epoch();
  const mailboxes: string[] = [];
  for (const name of sharedMailboxes(epoch)) {
    mailboxes.push(await create(life, { ttl: 86_400, public: true, name }));
  }
  ensured.set(life, { epoch, mailboxes });
  return mailboxes;
}

const ensured = new WeakMap<Life, { epoch: string; mailboxes: readonly string[] }>();

async function create(life: Life, body: object): Promise<string> {
  const call = newCall(life);
  for (;;) {
    life.history.write({ op: "create", phase: "invoke", t: nowMicros(), conn: life.conn, call });
    const reply = await life.client.request(createSubject, Buffer.from(JSON.stringify(body)));
    const answer = readAnswer(reply);
    if (answer.is === "ok") {
      const mailbox = String(answer.body["mail_id"]);
      life.history.write({ op: "create", phase: "ok", t: nowMicros(), call, mailbox });
      return mailbox;
    }
    if (answer.is === "refused") {
      life.history.write({
        op: "create",
        phase: "refused",
        t: nowMicros(),
        call,
        text: answer.text,
      });
    }
    if (life.stopping()) throw new Error(`a mailbox was refused to the end: ${answer.text}`);
    await sleep(20);
  }
}

/** Deletes; "not found" is as good as "deleted" for what may be seen afterwards. */
async function remove(life: Life, mailbox: string, msgId: number): Promise<void> {
  const call = newCall(life);
  life.history.write({ op: "delete", phase: "invoke", t: nowMicros(), call, mailbox, msgId });
  const reply = await life.client.request(deleteSubject(mailbox, msgId), Buffer.from("{}"));
  const answer = readAnswer(reply);
  const t = nowMicros();
  if (answer.is === "ok" || (answer.is === "refused" && answer.status === 404)) {
    life.history.write({ op: "delete", phase: "ok", t, call });
  } else if (answer.is === "refused") {
    life.history.write({ op: "delete", phase: "refused", t, call, text: answer.text });
  }
}

function subscribe(
  life: Life,
  generation: Generation,
  mailbox: string,
  onEach: (id: string) => void = () => undefined,
  final = false,
): { sid: string; sub: string } {
  const sub = `${newCall(life)}@${generation}`;
  life.history.write({ op: "subscribe", t: nowMicros(), sub, mailbox, final });
  const handle = (message: Delivered): void => {
    const id = idOf(message.payload);
    const hash = hashOf(message.payload);
    life.history.write({ op: "deliver", t: nowMicros(), sub, id, ...marksOf(message), hash });
    onEach(id);
  };
  return { sid: life.client.subscribe(receiveSubject(generation, mailbox), handle), sub };
}

/** Sends the last message of a mailbox. */
async function sendMarker(
  life: Life,
  mailbox: string,
): Promise<{ readonly id: string } | { readonly problem: string }> {
  const id = newCall(life);
  const payload = payloadOf(id, 1);
  const { conn } = life;
  const hash = hashOf(payload);
  const t = nowMicros();
  life.history.write({ op: "send", phase: "invoke", t, conn, id, mailbox, rank: 3, hash });
  const answer = readAnswer(await life.client.request(sendSubject(1, mailbox, 3), payload));
  if (answer.is !== "ok") return { problem: answer.text };
  const msgId = Number(answer.body["msg_id"]);
  life.history.write({ op: "send", phase: "ok", t: nowMicros(), id, msgId });
  return { id };
}

/** A replay that has not ended by then has lost its end. */
const drainMsMax = 10_000;
/** More tell nothing new; what was not drained is found missing anyway. */
const unreadableMax = 3;

/** @returns whether the marker came, and with it everything before it */
async function drain(
  life: Life,
  generation: Generation,
  mailbox: string,
  marker: string,
): Promise<boolean> {
  const ended = new AbortController();
  const onEach = (id: string): void => {
    if (id === marker) ended.abort();
  };
  const { sid, sub } = subscribe(life, generation, mailbox, onEach, true);
  await sleep(drainMsMax, undefined, { signal: ended.signal }).catch(() => undefined);
  life.client.unsubscribe(sid);
  if (ended.signal.aborted) life.history.write({ op: "drained", t: nowMicros(), sub });
  return ended.signal.aborted;
}

function writeList(life: Life, mailbox: string, body: Readonly<Record<string, unknown>>): void {
  const messages = body["messages"] as { msg_id: string }[];
  const msgIds = messages.map((message) => Number(message.msg_id));
  // A list may be cut at 1000; what it shows must be right all the same.
  const complete = messages.length < 1_000 && body["more"] !== true;
  life.history.write({ op: "list", t: nowMicros(), mailbox, msgIds, complete });
}
