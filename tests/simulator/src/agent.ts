// One simulated agent: a connection that it makes anew whenever it ends, and what it does with it,
// written down as a history. Each operation is a method; which ones it plays is a row of
// `operations.ts`.
import type { Delivery, HistoryRecord, Rank, Send, Settling } from "../../history/src/record.ts";
import { type Delivered, type Outgoing, SimulatedClient } from "./client.ts";
import type { Machine } from "./machine.ts";
import {
  type Answer,
  command,
  type Generation,
  hashOf,
  idOf,
  itemsOf,
  numberIn,
  payloadOf,
  payloadOfItem,
  rankOf,
  readAnswer,
  receiveSubject,
  type SendWords,
  sendOf,
} from "./mail.ts";
import type { World } from "./world.ts";

/** An answer that takes longer is taken for lost; the connection is given up. */
const answerMsMax = 8_000;

/** What all agents of a world share. */
export interface Stage {
  readonly world: World;
  readonly machine: Machine;
  readonly note: (record: HistoryRecord) => void;
  ids: number;
}

/** A send as it was prepared: the same again is a repeat. */
export interface Draft extends SendWords {
  readonly id: string;
  readonly generation: Generation;
  readonly mailbox: string;
  readonly rank: Rank;
  readonly payload: Buffer;
}

/** A message in hands: what the group may settle. */
export interface Held {
  readonly mailbox: string;
  readonly group: string;
  readonly msgId: number;
  readonly id: string;
}

export interface FetchOptions {
  readonly limit: number;
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly held: "again" | "kept";
  readonly deliveriesMax: number;
}

/** When and where something was asked. */
interface Asked {
  readonly tInv: number;
  readonly bInv: number;
  readonly epoch: number;
}

export class Agent {
  readonly name: string;
  readonly stage: Stage;
  client: SimulatedClient | undefined;
  #lives = 0;
  #calls = 0;

  constructor(stage: Stage, name: string) {
    this.stage = stage;
    this.name = name;
  }

  /** Name of the connection. */
  get conn(): string {
    return `${this.name}.${this.#lives}`;
  }

  get world(): World {
    return this.stage.world;
  }

  /** @returns whether there is a connection now */
  async connect(): Promise<boolean> {
    if (this.client !== undefined && !this.client.closed) return true;
    this.#lives += 1;
    this.client = await SimulatedClient.open(this.stage.machine.network, this.conn);
    const { client } = this;
    if (client === undefined) return false;
    const conn = this.conn;
    client.onceClosed(() => this.gone(conn));
    return true;
  }

  /** Notes that a connection ends now, or may be seen to end from now on. */
  gone(conn: string = this.conn): void {
    const asked = this.#ask();
    this.stage.note({ ...this.#common("", asked), conn, op: "gone", res: "ok", tRet: asked.tInv });
  }

  leave(): void {
    this.client?.close();
  }

  // --- sending ----------------------------------------------------------------------------------

  draft(
    mailbox: string,
    generation: Generation,
    rank: Rank,
    bytes: number,
    words: SendWords,
  ): Draft {
    const id = `${this.name}-${++this.stage.ids}`;
    return { id, generation, mailbox, rank, payload: payloadOf(id, bytes), ...words };
  }

  /** Sends and waits for the answer. */
  async send(draft: Draft): Promise<Answer> {
    const asked = this.#ask();
    const { generation, mailbox, rank, payload } = draft;
    const answer = await this.#request(sendOf(generation, mailbox, rank, payload, draft));
    const msgId = Number(answer.body["msg_id"] ?? -1);
    this.#noteSend(draft, asked, answer, msgId < 0 ? null : msgId);
    return answer;
  }

  /** Sends several without a reply subject; the PONG behind them stands for all. */
  async sendFlushed(drafts: readonly Draft[]): Promise<void> {
    const { client } = this;
    if (client === undefined) return;
    const asked = this.#ask();
    const errors = client.errors.length;
    for (const { generation, mailbox, rank, payload, ...words } of drafts) {
      client.publish(sendOf(generation, mailbox, rank, payload, words));
    }
    const came = await client.flush(answerMsMax);
    // An error may speak of any of them.
    const res = came && client.errors.length === errors ? "ok" : "unknown";
    const answer = { res, text: "", code: 0, body: {} } as const;
    for (const draft of drafts) this.#noteSend(draft, asked, answer, null);
    if (!came) this.leave();
  }

  #noteSend(draft: Draft, asked: Asked, answer: Answer, msgId: number | null): void {
    const { id, mailbox, rank, payload, key, ttlMs, delayMs, dedup } = draft;
    const record: Send = {
      ...this.#answered(mailbox, asked, answer),
      op: "send",
      id,
      rank,
      msgId,
      hash: hashOf(payload),
      key,
      ttlMs,
      delayMs,
      dedup,
      duplicate: answer.body["duplicate"] === true,
    };
    this.stage.note(record);
    this.world.trace(
      `${this.conn} send ${id} to ${mailbox}: ${answer.res} ${msgId} ${answer.text}`,
    );
  }

  // --- pushed mail ------------------------------------------------------------------------------

  /** Subscribes; what comes is written down. @returns the subscription's sid and its name */
  subscribe(
    generation: Generation,
    mailbox: string,
    queue: string,
    onEach: (id: string) => void = () => undefined,
  ): { sid: string; call: string } | undefined {
    const { client } = this;
    if (client === undefined) return undefined;
    const call = `${this.conn}/sub${++this.#calls}`;
    const asked = this.#ask();
    const conn = this.conn;
    const group = queue === "" ? null : `q:${queue}`;
    this.world.trace(`${call} ${receiveSubject(generation, mailbox)} ${queue}`);
    const sid = client.subscribe(receiveSubject(generation, mailbox), queue, (message) => {
      const id = this.#notePush(message, { call, conn, group, mailbox }, asked);
      onEach(id);
    });
    return { sid, call };
  }

  #notePush(
    message: Delivered,
    where: { call: string; conn: string; group: string | null; mailbox: string },
    asked: Asked,
  ): string {
    const { machine, world } = this.stage;
    const { payload, headers, handedAt } = message;
    const id = idOf(payload);
    const delivery: Delivery = {
      ...this.#common(where.mailbox, asked),
      op: "deliver",
      via: "push",
      res: "ok",
      tRet: world.now,
      bRet: machine.clock,
      call: where.call,
      conn: where.conn,
      group: where.group,
      id,
      hash: hashOf(payload),
      rank: rankOf(headers.get("mq9-priority")),
      msgId: numberIn(headers.get("mq9-msg-id")),
      count: null,
      leaseMs: null,
      bInv: handedAt === undefined ? undefined : machine.clockAtLeastAt(handedAt),
    };
    this.stage.note(delivery);
    world.trace(`${where.call} got ${id} ${delivery.msgId}`);
    return id;
  }

  // --- pulled mail ------------------------------------------------------------------------------

  /** One FETCH; `group` undefined reads everything from the first. @returns what it holds now */
  async fetch(
    mailbox: string,
    group: string | undefined,
    options: FetchOptions,
  ): Promise<{ answer: Answer; held: Held[]; call: string; more: boolean }> {
    const asked = this.#ask();
    const call = `${this.conn}/fetch${++this.#calls}`;
    const { limit, waitMs, leaseMs, held, deliveriesMax } = options;
    const grouped = { group_name: group, ack_wait_ms: leaseMs, held, max_deliver: deliveriesMax };
    const body = {
      ...(group === undefined ? {} : grouped),
      deliver: "earliest",
      encoding: "base64",
      config: { num_msgs: limit, max_wait_ms: waitMs },
    };
    if (group !== undefined && held === "again") {
      this.stage.note({
        ...this.#common(mailbox, asked),
        op: "refetch",
        group,
        res: "unknown",
        tRet: null,
      });
    }
    const answer = await this.#request(command(`MSG.FETCH.${mailbox}`, body), waitMs);
    const items = itemsOf(answer);
    const hands: Held[] = [];
    for (const item of items) {
      const payload = payloadOfItem(item);
      const id = idOf(payload);
      const msgId = Number(item.msg_id);
      const via = group === undefined ? "read" : "fetch";
      this.stage.note({
        ...this.#answered(mailbox, asked, answer),
        op: "deliver",
        via,
        call,
        group: group ?? null,
        id,
        hash: hashOf(payload),
        msgId,
        rank: rankOf(item.priority),
        count: item.delivery_count ?? null,
        leaseMs: group === undefined ? null : leaseMs,
      });
      if (group !== undefined) hands.push({ mailbox, group, msgId, id });
    }
    const got = items.map((item) => `${item.msg_id}x${item.delivery_count ?? 0}`).join(" ");
    this.world.trace(`${call} ${mailbox} ${group}: ${answer.res} ${answer.text} [${got}]`);
    return { answer, held: hands, call, more: answer.body["more"] === true };
  }

  ack(held: Held): Promise<Answer> {
    const body = { group_name: held.group, msg_id: held.msgId, ack_mode: "one" };
    return this.#settle("ack", held, command(`MSG.ACK.${held.mailbox}`, body));
  }

  nack(held: Held, delayMs: number | undefined, poison: boolean): Promise<Answer> {
    const { group, msgId, mailbox } = held;
    const body = { group_name: group, msg_id: msgId, delay_ms: delayMs, poison };
    return this.#settle("nack", held, command(`MSG.NACK.${mailbox}`, body), delayMs);
  }

  extend(held: Held, forMs: number): Promise<Answer> {
    const body = { group_name: held.group, msg_id: held.msgId, ack_wait_ms: forMs };
    return this.#settle("extend", held, command(`MSG.EXTEND.${held.mailbox}`, body), forMs);
  }

  /** Deletes for everybody; "not found" is as good as done for what may be seen afterwards. */
  async remove(generation: Generation, mailbox: string, msgId: number): Promise<Answer> {
    const word = generation === 2 ? "MSG.DELETE" : "MAILBOX.DELETE";
    const held = { mailbox, group: "", msgId, id: "" };
    return this.#settle("delete", held, command(`${word}.${mailbox}.${msgId}`, {}));
  }

  async #settle(
    op: Settling["op"],
    held: Held,
    request: Outgoing,
    forMs?: number,
  ): Promise<Answer> {
    const asked = this.#ask();
    const said = await this.#request(request);
    const gone = op === "delete" && said.code === 404;
    const answer: Answer = gone ? { ...said, res: "ok" } : said;
    const { mailbox, msgId } = held;
    const group = op === "delete" ? null : held.group;
    this.stage.note({ ...this.#answered(mailbox, asked, answer), op, group, msgId, forMs });
    const words = `${this.conn} ${op} ${mailbox} ${msgId} ${held.group}`;
    this.world.trace(`${words}: ${answer.res} ${answer.text}`);
    return answer;
  }

  // --- the rest ---------------------------------------------------------------------------------

  async create(mailbox: string): Promise<Answer> {
    const asked = this.#ask();
    const body = { name: mailbox, public: true, ttl: 31_536_000 };
    const answer = await this.#request(command("MAILBOX.CREATE", body));
    this.stage.note({ ...this.#answered(mailbox, asked, answer), op: "create" });
    return answer;
  }

  list(mailbox: string): Promise<Answer> {
    return this.#request(command(`MAILBOX.LIST.${mailbox}`, {}));
  }

  /** Notes that a drain is complete. */
  drained(
    via: "fetch" | "push" | "read",
    where: { mailbox: string; group: string | null; call: string },
    since: { tInv: number; bInv: number },
  ): void {
    const { world, machine } = this.stage;
    this.stage.note({
      ...this.#common(where.mailbox, { ...since, epoch: machine.lives }),
      op: "drained",
      via,
      group: where.group,
      call: where.call,
      since: 0,
      res: "ok",
      tRet: world.now,
      bRet: machine.clock,
    });
  }

  /** @returns when something that is asked now was asked */
  ask(): { tInv: number; bInv: number } {
    return this.#ask();
  }

  async #request(message: Outgoing, extraMs = 0): Promise<Answer> {
    const { client } = this;
    const reply = await client?.request(message, answerMsMax + extraMs);
    // Whoever got no answer does not trust its connection any more.
    if (reply === undefined && client !== undefined && !client.closed) {
      this.world.trace(`${this.conn} gives up on ${message.subject}`);
      client.close();
    }
    return readAnswer(reply);
  }

  #ask(): Asked {
    const { world, machine } = this.stage;
    return { tInv: world.now, bInv: machine.clock, epoch: machine.lives };
  }

  #common(
    mailbox: string,
    { tInv, bInv, epoch }: Asked,
  ): Omit<HistoryRecord, "op" | "res" | "tRet"> & { bInv: number } {
    return { proc: this.name, conn: this.conn, mailbox, inc: 0, epoch, tInv, bInv };
  }

  #answered(
    mailbox: string,
    asked: Asked,
    { res }: Answer,
  ): Omit<HistoryRecord, "op"> & { bInv: number } {
    const { world, machine } = this.stage;
    const tRet = res === "unknown" ? null : world.now;
    return { ...this.#common(mailbox, asked), res, tRet, bRet: machine.clock };
  }
}
