// Runs a table of mailbox operations: a row per fact, the expected result after the arrow.
//
//     send   a  critical  fire    -> 0
//     clock  +60s
//
// A row without an arrow must not be refused. Refusals are their error code. For tests only.
import {
  type AckMode,
  allRanks,
  type MailboxInfo,
  type MailSubscription,
  Mq9Error,
  type Mq9ErrorCode,
  maskOf,
  neverMs,
  type PriorityLabel,
  rankOf,
  type StartPosition,
} from "@mq9/protocol";
import { asciiBytes, sampleMs } from "@mq9/store/testing";
import { expect } from "vitest";
import type { MailboxOptions } from "../options.ts";
import { Reader, Rig, textOf } from "./rig.ts";

/** Runs the rows of a table one after the other and compares every result. */
export async function runScript(
  table: string,
  options: Partial<MailboxOptions> = {},
): Promise<void> {
  const stage = new Stage(await Rig.open(options));
  const expected: string[] = [];
  const actual: string[] = [];
  for (const line of table.split("\n")) {
    const row = line.replace(/#.*/, "").trim();
    if (row === "") continue;
    const [command = "", wanted] = row.split(/\s*->\s*/);
    const shown = command.replace(/\s+/g, " ");
    const result = await stage.perform(command);
    const unasked = wanted === undefined && !result.refused;
    expected.push(`${shown} -> ${wanted?.replace(/\s+/g, " ") ?? ""}`);
    actual.push(`${shown} -> ${unasked ? "" : result.text}`);
  }
  expect(actual).toEqual(expected);
}

interface Result {
  readonly text: string;
  readonly refused: boolean;
}

/** The words of one row: plain ones in order, `name=value`, and bare flags. */
class Row {
  readonly words: string[] = [];
  readonly #values = new Map<string, string>();

  constructor(text: string) {
    for (const word of text.split(/\s+/)) {
      const at = word.indexOf("=");
      if (at < 0) this.words.push(word);
      else this.#values.set(word.slice(0, at), word.slice(at + 1));
    }
  }

  word(index: number): string {
    return this.words[index] ?? "";
  }

  value(name: string): string | undefined {
    return this.#values.get(name);
  }

  number(name: string): number | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : Number(text);
  }

  has(flag: string): boolean {
    return this.words.includes(flag);
  }
}

class Stage {
  readonly #rig: Rig;
  readonly #readers = new Map<string, Reader>();
  readonly #subscriptions = new Map<string, MailSubscription>();
  readonly #consumers = new Map<string, object>();
  readonly #fetches = new Map<string, Promise<string>>();
  /** The instant of the latest `mark`, which `since` means. */
  #marked = 0;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  async perform(command: string): Promise<Result> {
    const row = new Row(command);
    let result: Result = { text: "hangs", refused: true };
    const done = this.#act(row).then(
      (text) => {
        result = { text, refused: false };
      },
      (error: unknown) => {
        result = { text: error instanceof Mq9Error ? error.code : String(error), refused: true };
      },
    );
    await this.#rig.settle();
    // Only a row that moves the rig itself takes more than one settling.
    if (result.text === "hangs" && rigWords.has(row.word(0))) await done;
    return result;
  }

  async #act(row: Row): Promise<string> {
    const rig = this.#rig;
    const api = rig.account;
    const name = row.word(1);
    switch (row.word(0)) {
      case "create":
        return this.#create(row);
      case "info":
        return describe(await api.info(name), rig.nowMs);
      case "renew":
        return describe(await api.renew(name, Number(row.word(2))), rig.nowMs);
      case "drop":
        await api.drop(name);
        return "ok";
      case "list":
        return (
          await api.list({ after: row.value("after") ?? "", limit: row.number("limit") ?? 100 })
        )
          .map((info) => info.name)
          .join(" ");
      case "send":
        return this.#send(row);
      case "query":
        return this.#query(row);
      case "remove":
        await api.remove({ mailbox: name, msgId: Number(row.word(2)) });
        return "ok";
      case "purge":
        return String(await api.purge({ mailbox: name, beforeId: row.number("before") }));
      case "inspect":
        return this.#inspect(name);
      case "scheduled":
        return this.#scheduled(row);
      case "cancel":
        await api.cancel({ mailbox: name, scheduledId: scheduledIdOf(row.word(2)) });
        return "ok";
      case "subscribe":
        return this.#subscribe(row);
      case "fetch":
        return this.#fetch(row);
      case "await":
        return this.#await(name);
      case "leave":
        api.release(this.#consumer(name));
        return "ok";
      case "ack": {
        const [msgId, ...alsoMsgIds] = row.word(3).split(",").map(Number) as [number, ...number[]];
        const mode = (row.value("mode") ?? "delivered") as AckMode;
        const request = { mailbox: name, group: row.word(2), msgId, alsoMsgIds, mode };
        return (await api.ack(request)).join(" ");
      }
      case "nack":
        await api.nack({
          mailbox: name,
          group: row.word(2),
          msgId: Number(row.word(3)),
          delayMs: row.number("delay"),
          poison: row.has("poison"),
          unseen: row.has("unseen"),
          reason: row.value("reason"),
          deliveryCount: row.number("count"),
        });
        return "ok";
      case "extend": {
        const endsAtMs = await api.extend({
          mailbox: name,
          group: row.word(2),
          msgId: Number(row.word(3)),
          leaseMs: row.number("lease"),
          deliveryCount: row.number("count"),
        });
        return spell(endsAtMs - rig.nowMs);
      }
      case "receipt":
        return this.#receipt(row);
      case "redrive":
        return String(
          await api.redrive({
            mailbox: name,
            msgId: row.number("id"),
            limit: row.number("limit") ?? 100,
          }),
        );
      case "got":
        return this.#reader(name).take().join(" ");
      case "read":
        this.#reader(name).read(Number(row.word(2)));
        return "ok";
      case "end":
        this.#subscriptions.get(name)?.end(row.has("vanished") ? "vanished" : "unsubscribed");
        return "ok";
      case "mark":
        this.#marked = rig.nowMs;
        return "ok";
      case "clock":
        rig.nowMs += Number.parseInt(name, 10) * (name.endsWith("ms") ? 1 : 1000);
        return "ok";
      case "tick": {
        const nextMs = await rig.mailboxes.tick();
        return nextMs === Number.POSITIVE_INFINITY ? "idle" : spell(nextMs - rig.nowMs);
      }
      case "refuse":
        rig.mailboxes.refuse(new Mq9Error(name as Mq9ErrorCode, "as the table says"));
        return "ok";
      case "accept":
        rig.mailboxes.refuse(undefined);
        return "ok";
      case "plant":
        rig.store.plant(name as "commit", 1, { kind: row.word(2) as "fail", code: "full" });
        return "ok";
      case "crash":
        await rig.crash();
        return "ok";
      case "restart":
        await rig.restart();
        return "ok";
      case "reopen":
        await rig.reopen();
        return "ok";
      default:
        throw new TypeError(`no such row: ${row.word(0)}`);
    }
  }

  async #create(row: Row): Promise<string> {
    const style = row.value("style") ?? "uuid";
    const token = row.value("token");
    const { mailbox, created } = await this.#rig.account.create({
      name: row.word(1) === "-" ? undefined : row.word(1),
      nameStyle: style as "uuid",
      kind: row.has("latest") ? "latest" : "standard",
      ttlSeconds: row.number("ttl") ?? 3600,
      public: row.has("public"),
      desc: row.value("desc"),
      tokenDigest: token === undefined ? undefined : asciiBytes(token),
      ifExists: row.has("strict") ? "fail" : "return",
    });
    return `${created ? "made" : "found"} ${describe(mailbox, this.#rig.nowMs)}`;
  }

  /** `3`, or `@5000.0` of a delayed message, and `again` when it was there already. */
  async #send(row: Row): Promise<string> {
    const payload = row.number("bytes");
    const { msgId, scheduledId, duplicate } = await this.#rig.account.send({
      mailbox: row.word(1),
      label: row.word(2) as PriorityLabel,
      payload: payload === undefined ? asciiBytes(row.word(3)) : new Uint8Array(payload),
      headers:
        row.value("headers") === undefined ? undefined : asciiBytes(row.value("headers") ?? ""),
      ttlSeconds: row.number("ttl"),
      key: row.value("key"),
      delayMs: row.number("delay"),
      tags: row.value("tags")?.split(","),
      dedupId: row.value("id"),
      from: row.value("from"),
    });
    if (scheduledId !== undefined && msgId !== -1) throw new TypeError("scheduled and numbered");
    const id = scheduledId === undefined ? String(msgId) : spellScheduled(scheduledId);
    return duplicate === true ? `${id} again` : id;
  }

  async #inspect(mailbox: string): Promise<string> {
    const { messages, bytes, scheduled, nextId } = await this.#rig.account.inspect(mailbox);
    const later = scheduled === 0 ? "" : ` +${scheduled} scheduled`;
    return `${messages} (${bytes} bytes)${later} next ${nextId}`;
  }

  async #scheduled(row: Row): Promise<string> {
    const after = row.value("after");
    const found = await this.#rig.account.scheduled({
      mailbox: row.word(1),
      afterId: after === undefined ? -1 : scheduledIdOf(after),
      limit: row.number("limit") ?? 100,
    });
    return found
      .map(({ scheduledId, visibleAtMs, message }) =>
        [
          spellScheduled(scheduledId),
          textOf(message.payload),
          spell(visibleAtMs - this.#rig.nowMs),
        ].join(":"),
      )
      .join(" ");
  }

  async #query(row: Row): Promise<string> {
    const token = row.value("token");
    const { messages, unread, more } = await this.#rig.account.query({
      mailbox: row.word(1),
      checkToken: row.has("checked"),
      tokenDigest: token === undefined ? undefined : asciiBytes(token),
      unreadOnly: row.has("unread"),
      limit: row.number("limit") ?? 100,
      bytesMax: row.number("bytes"),
      countUnread: row.has("uncounted") ? false : undefined,
      key: row.value("key"),
      tags: row.value("tags")?.split(","),
      tagsMode: row.has("any") ? "any" : undefined,
      sinceMs: row.has("since") ? this.#marked : undefined,
      order: row.has("newest") ? "newest" : undefined,
      beforeId: row.number("before"),
    });
    const found = messages.map((message) => `${message.msgId}:${textOf(message.payload)}`);
    return [...found, ...(more ? ["more"] : []), `(${unread} unread)`].join(" ");
  }

  /** `fetch a g by=w1 limit=3 wait=1000`; `3:x` = number and payload, `3:x~2` = second delivery. */
  async #fetch(row: Row): Promise<string> {
    const by = row.value("by");
    const from = row.value("from") ?? "earliest";
    const at = from.slice(0, from.indexOf("/"));
    const place = Number(from.slice(from.indexOf("/") + 1));
    const group = row.word(2);
    const start: StartPosition =
      at === "id"
        ? { at: "id", msgId: place }
        : at === "time"
          ? { at: "time", ms: sampleMs + place }
          : { at: from as "latest" };
    const fetched = this.#rig.account
      .fetch({
        mailbox: row.word(1),
        group: group === "-" ? undefined : group,
        start,
        restart: row.has("restart"),
        limit: row.number("limit") ?? 100,
        bytesMax: row.number("bytes"),
        waitMs: row.number("wait") ?? 0,
        leaseMs: row.number("lease"),
        consumer: by === undefined ? undefined : this.#consumer(by),
        held: row.has("kept") ? "kept" : "again",
        detached: row.has("detached"),
        look: row.has("look"),
        deliveriesMax: row.number("max"),
        fairEvery: row.number("fair"),
      })
      .then(({ messages, more }) =>
        [
          ...messages.map(({ msgId, payload, deliveryCount = 1 }) => {
            const count = deliveryCount === 1 ? "" : `~${deliveryCount}`;
            return `${msgId}:${textOf(payload)}${count}`;
          }),
          ...(more ? ["more"] : []),
        ].join(" "),
      );
    if (by === undefined) return fetched;
    this.#fetches.set(
      by,
      fetched.catch((error: unknown) => (error instanceof Mq9Error ? error.code : String(error))),
    );
    return fetched;
  }

  /** What the latest fetch of a consumer came to. */
  #await(by: string): Promise<string> {
    const fetched = this.#fetches.get(by);
    if (fetched === undefined) throw new TypeError(`${by} fetches nothing`);
    return fetched;
  }

  #consumer(name: string): object {
    let consumer = this.#consumers.get(name);
    if (consumer === undefined) {
      consumer = { name };
      this.#consumers.set(name, consumer);
    }
    return consumer;
  }

  async #receipt(row: Row): Promise<string> {
    const { state, read, groups } = await this.#rig.account.receipt({
      mailbox: row.word(1),
      msgId: Number(row.word(2)),
    });
    const each = groups.map(({ group, state: standing, deliveryCount, untilMs }) => {
      const until = untilMs === undefined ? "" : ` ${spell(untilMs - this.#rig.nowMs)}`;
      return `${group}=${standing}~${deliveryCount}${until}`;
    });
    return [state, ...(read ? ["read"] : []), ...each].join(" ");
  }

  #subscribe(row: Row): string {
    const reader = new Reader(row.number("room") ?? Number.POSITIVE_INFINITY);
    this.#readers.set(row.word(1), reader);
    const ranks = row.value("ranks")?.split(",") as PriorityLabel[] | undefined;
    this.#subscriptions.set(
      row.word(1),
      this.#rig.account.subscribe({
        mailbox: row.word(2),
        match: row.word(2).includes("*") ? "glob" : "exact",
        ranks: ranks?.reduce((mask, label) => mask | maskOf(rankOf(label)), 0) ?? allRanks,
        group: row.value("group"),
        replayOnly: row.has("replay-only"),
        sink: reader,
      }),
    );
    return "ok";
  }

  #reader(name: string): Reader {
    const reader = this.#readers.get(name);
    if (reader === undefined) throw new TypeError(`no reader ${name}`);
    return reader;
  }
}

/** Rows that settle the rig while they run. */
const rigWords = new Set(["crash", "restart", "reopen", "tick"]);

function describe(info: MailboxInfo, nowMs: number): string {
  const end = info.expiresAtMs === neverMs ? "never" : spell(info.expiresAtMs - nowMs);
  const listed = info.public ? " public" : "";
  return `${info.name} ${info.kind}${listed} ends ${end}${info.desc === undefined ? "" : ` '${info.desc}'`}`;
}

/** `@5000.1` = the second of those that become visible 5000 ms after the mailbox was made. */
function spellScheduled(id: number): string {
  return `@${Math.floor(id / 256)}.${id % 256}`;
}

function scheduledIdOf(text: string): number {
  const [ms = "", n = ""] = text.slice(1).split(".");
  return Number(ms) * 256 + Number(n);
}

function spell(ms: number): string {
  return ms % 1000 === 0 ? `+${ms / 1000}s` : `+${ms}ms`;
}
