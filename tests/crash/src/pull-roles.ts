// What drivers of generation 2 do: send with ids and repeat what was not answered, pull in groups and
// acknowledge, hand back or forget, empty every group at the end. Their history has one line for each
// finished operation; the checkers of `tests/history` judge it.
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HistoryRecord, Outcome } from "../../history/src/record.ts";
import { nowMicros, type Rank } from "./history.ts";
import { type Answer, hashOf, idOf, payloadOf, readAnswer } from "./mail.ts";
import { ConnectionLost } from "./nats-client.ts";
import type { Life, Role } from "./roles.ts";

const ranks: readonly Rank[] = [0, 1, 2, 3];
const words = ["critical", "urgent", "normal", "low"] as const;
const groups = ["left", "right"] as const;
/** What a broker refuses while it stops is tried again after so long. */
const refusedPauseMs = 50;
/** A group that has been silent for so long after the last restart is empty. */
const quietMs = 3_000;

/** Fetches that may wait on one connection at the same time, and some to spare. */
const waitingMax = 40;

/** Appends records to a file of its own. */
export class RecordWriter {
  readonly #file: number;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.#file = openSync(join(folder, `${name}.jsonl`), "a");
    this.#name = name;
  }

  write(...records: readonly HistoryRecord[]): void {
    if (records.length === 0) return;
    writeSync(this.#file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  }

  /** The broker ends or serves. */
  life(what: "ended" | "started"): void {
    const tInv = nowMs();
    const nobody = { proc: this.#name, conn: "", mailbox: "", inc: 0, epoch: 0 };
    this.write({ ...nobody, tInv, tRet: tInv, res: "ok", op: "life", what });
  }

  close(): void {
    closeSync(this.#file);
  }
}

interface Draft {
  readonly id: string;
  readonly mailbox: string;
  readonly rank: Rank;
  readonly payload: Buffer;
  readonly dedup: string | undefined;
  readonly delayMs: number | undefined;
}

interface Item {
  readonly msg_id: number;
  readonly payload: string;
  readonly payload_encoding?: string;
  readonly delivery_count?: number;
}

/** One connection's operations, each written down when it is over or lost. */
class Worker {
  readonly life: Life;
  readonly records: RecordWriter;

  /** When the latest answer came. */
  #heardAt = nowMs();

  constructor(life: Life, records: RecordWriter) {
    this.life = life;
    this.records = records;
  }

  /** The mailboxes of the epoch; a public name that is taken is handed out again. */
  async mailboxes(): Promise<readonly string[]> {
    const names = [1, 2].map((n) => `${this.life.epoch()}-pull${n}`);
    for (const mailbox of names) {
      const tInv = nowMs();
      const body = { name: mailbox, public: true, ttl: 86_400 };
      const answer = await this.#ask("MAILBOX.CREATE", body);
      this.records.write({ ...this.#answered(mailbox, tInv, answer), op: "create" });
    }
    return names;
  }

  async send(draft: Draft): Promise<Outcome> {
    const { id, mailbox, rank, payload, dedup, delayMs } = draft;
    const tInv = nowMs();
    const headers: Record<string, string> = { "mq9-priority": words[rank] };
    if (dedup !== undefined) headers["mq9-dedup-id"] = dedup;
    if (delayMs !== undefined) headers["mq9-delay"] = String(delayMs / 1000);
    const { client } = this.life;
    const said = client.request(`$mq9.AI.MSG.SEND.${mailbox}`, payload, headers);
    const answer = await said.then(readAnswer, lost);
    const number = answer.is === "ok" ? Number(answer.body["msg_id"]) : -1;
    const common = this.#answered(mailbox, tInv, answer);
    const msgId = number < 0 ? null : number;
    const hash = hashOf(payload);
    this.records.write({ ...common, op: "send", id, hash, rank, msgId, dedup, delayMs });
    if (answer.is !== "ok") await sleep(refusedPauseMs);
    return common.res;
  }

  /** @returns what came, or why nothing did */
  async fetch(
    mailbox: string,
    group: string | undefined,
    options: { limit: number; waitMs: number; leaseMs: number },
  ): Promise<Item[] | string> {
    const { limit, waitMs, leaseMs } = options;
    const tInv = nowMs();
    const call = `${this.life.conn}/${tInv}`;
    const answer = await this.#ask(`MSG.FETCH.${mailbox}`, {
      ...(group === undefined ? {} : { group_name: group, ack_wait_ms: leaseMs, held: "kept" }),
      deliver: "earliest",
      encoding: "base64",
      max_deliver: 1_000,
      config: { num_msgs: limit, max_wait_ms: waitMs },
    });
    if (answer.is !== "ok") return answer.text;
    const items = (answer.body["messages"] ?? []) as Item[];
    const common = this.#answered(mailbox, tInv, answer);
    this.records.write(
      ...items.map((item): HistoryRecord => {
        const encoding = item.payload_encoding === "base64" ? "base64" : "utf8";
        const payload = Buffer.from(item.payload, encoding);
        return {
          ...common,
          op: "deliver",
          via: group === undefined ? "read" : "fetch",
          call,
          group: group ?? null,
          id: idOf(payload),
          hash: hashOf(payload),
          rank: null,
          msgId: item.msg_id,
          count: item.delivery_count ?? null,
          leaseMs: group === undefined ? null : leaseMs,
        };
      }),
    );
    if (group === undefined && answer.body["more"] !== true) {
      this.records.write({ ...common, op: "drained", via: "read", call, group: null, since: 0 });
    }
    return items;
  }

  async settle(
    op: "ack" | "nack",
    mailbox: string,
    group: string,
    msgId: number,
    forMs?: number,
  ): Promise<void> {
    const tInv = nowMs();
    const body = { group_name: group, msg_id: msgId, ack_mode: "one", delay_ms: forMs };
    const answer = await this.#ask(`MSG.${op === "ack" ? "ACK" : "NACK"}.${mailbox}`, body);
    const common = this.#answered(mailbox, tInv, answer);
    this.records.write({ ...common, op, group, msgId, forMs });
  }

  drained(mailbox: string, group: string, tInv: number): void {
    const call = `drain of ${mailbox}`;
    const common = { ...this.common(mailbox, tInv), res: "ok", tRet: nowMs() } as const;
    this.records.write({ ...common, op: "drained", via: "fetch", call, group, since: 0 });
  }

  /**
   * The connection is over. The broker may have known since the last answer, long before the client
   * noticed.
   */
  leave(): void {
    const tInv = this.#heardAt;
    this.records.write({ ...this.common("", tInv), tRet: nowMs(), res: "ok", op: "gone" });
  }

  async #ask(subject: string, body: object): Promise<Answer> {
    const { client } = this.life;
    const said = client.request(`$mq9.AI.${subject}`, Buffer.from(JSON.stringify(body)));
    const answer = await said.then(readAnswer, lost);
    if (answer.is !== "unknown") this.#heardAt = nowMs();
    if (answer.is === "refused") await sleep(refusedPauseMs);
    return answer;
  }

  common(
    mailbox: string,
    tInv: number,
  ): { proc: string; conn: string; mailbox: string; inc: number; epoch: number; tInv: number } {
    const { conn } = this.life;
    return { proc: conn, conn, mailbox, inc: 0, epoch: 0, tInv };
  }

  #answered(
    mailbox: string,
    tInv: number,
    { is: res }: Answer,
  ): ReturnType<Worker["common"]> & { res: Outcome; tRet: number | null } {
    return { ...this.common(mailbox, tInv), res, tRet: res === "unknown" ? null : nowMs() };
  }
}

/** Sends, some with an id; what was not answered for sure is sent again on the next connection. */
export function repeater(records: RecordWriter): Role {
  const open: Draft[] = [];
  return async (life) => {
    const { random } = life;
    await working(life, records, async (worker) => {
      for (const draft of open.splice(0)) {
        if ((await worker.send(draft)) === "unknown") open.push(draft);
      }
      const drafts = Array.from({ length: random.between(1, 6) }, () => draftOf(life));
      await Promise.all(
        drafts.map(async (draft) => {
          const res = await worker.send(draft);
          const again = res === "unknown" || random.chance(0.1);
          if (draft.dedup !== undefined && again) open.push(draft);
        }),
      );
      await sleep(random.between(1, 20));
    });
  };
}

let drafts = 0;

function draftOf(life: Life): Draft {
  const { random } = life;
  drafts += 1;
  const id = `${life.conn}!${drafts}`;
  const mailbox = `${life.epoch()}-pull${random.between(1, 2)}`;
  const dedup = random.chance(0.5) ? id : undefined;
  const delayMs = random.chance(0.1) ? 1_000 : undefined;
  const payload = payloadOf(id, random.between(1, 400));
  return { id, mailbox, rank: random.pick(ranks), payload, dedup, delayMs };
}

/** Takes mail of a group: most of it is acknowledged, some handed back, some forgotten. */
export function puller(records: RecordWriter): Role {
  return async (life) => {
    const { random } = life;
    await working(life, records, async (worker, mailboxes) => {
      const mailbox = random.pick(mailboxes);
      const group = random.pick(groups);
      const leaseMs = random.pick([1_000, 30_000]);
      const options = { limit: random.between(1, 20), waitMs: random.between(0, 200), leaseMs };
      const items = await worker.fetch(mailbox, group, options);
      for (const item of typeof items === "string" ? [] : items) {
        const early = (item.delivery_count ?? 1) < 3;
        if (early && random.chance(0.1)) {
          await worker.settle("nack", mailbox, group, item.msg_id, random.between(0, 500));
        } else if (!early || !random.chance(0.1)) {
          await worker.settle("ack", mailbox, group, item.msg_id);
        }
      }
    });
  };
}

/** Reads every mailbox once without a group, then empties the groups, many at the same time. */
export function pullDrainer(records: RecordWriter, mailboxes: readonly string[]): Role {
  return async (life) => {
    const worker = new Worker(life, records);
    await sleep(1_500); // delayed messages become visible
    for (const mailbox of mailboxes) {
      await worker.fetch(mailbox, undefined, { limit: 1_000, waitMs: 0, leaseMs: 0 });
    }
    const everyGroup = mailboxes.flatMap((mailbox) =>
      groups.map((group) => ({ mailbox, group }) as const),
    );
    while (everyGroup.length > 0) {
      const some = everyGroup.splice(0, waitingMax);
      await Promise.all(
        some.map(async ({ mailbox, group }) => await emptyGroup(worker, mailbox, group)),
      );
    }
  };
}

/** Takes and acknowledges until the group has been silent for a while. */
async function emptyGroup(worker: Worker, mailbox: string, group: string): Promise<void> {
  const begin = nowMs();
  let lastAt = begin;
  while (nowMs() - lastAt < quietMs) {
    const options = { limit: 500, waitMs: 900, leaseMs: 30_000 };
    const items = await worker.fetch(mailbox, group, options);
    if (typeof items === "string") throw new Error(`${group} of ${mailbox}: ${items}`);
    if (items.length > 0) lastAt = nowMs();
    await Promise.all(
      items.map(async (item) => await worker.settle("ack", mailbox, group, item.msg_id)),
    );
  }
  worker.drained(mailbox, group, begin);
}

/** One connection's life of a role; what is lost with it is known by the time it ends. */
async function working(
  life: Life,
  records: RecordWriter,
  step: (worker: Worker, mailboxes: readonly string[]) => Promise<void>,
): Promise<void> {
  const worker = new Worker(life, records);
  let epoch: string | undefined;
  let mailboxes: readonly string[] = [];
  while (!life.stopping() && !life.client.closed) {
    if (epoch !== life.epoch()) {
      mailboxes = await worker.mailboxes();
      epoch = life.epoch();
    }
    await step(worker, mailboxes);
  }
  worker.leave();
}

/** An answer that never came. */
function lost(error: unknown): Answer {
  if (error instanceof ConnectionLost) return { is: "unknown", text: "the connection ended" };
  throw error;
}

function nowMs(): number {
  return nowMicros() / 1000;
}
