// Random commands of senders and pullers against the domain and the model: every reply must agree,
// and after every burst and disaster everything that can be read. Commands at once must be explained
// by some order of them. SEED=… repeats a run, RUNS=… changes its length.
import { Mq9Error, neverMs, type PriorityLabel, type ReceiptResult } from "@mq9/protocol";
import { asciiBytes } from "@mq9/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type PullChange,
  type PullCommand,
  type PullSurroundings,
  pullCommands,
  pullOptions,
} from "./testing/pull-commands.ts";
import { PullModel } from "./testing/pull-model.ts";
import type { FetchOrder } from "./testing/pull-state.ts";
import { Rig, textOf } from "./testing/rig.ts";

/** Fixed, so that a build fails for a change and not by chance; `SEED=$RANDOM` looks further. */
const seed = Number(process.env["SEED"] ?? 20_261_121);
const runs = Number(process.env["RUNS"] ?? 800);
/** `path` of a failure, which is then the only run. */
const replay = process.env["REPLAY"] === undefined ? {} : { path: process.env["REPLAY"] };
const labels: readonly PriorityLabel[] = ["critical", "urgent", "normal", "low"];
const names = ["ma", "mb", "ma.dlq", "mb.dlq"];

/** A change on the domain, and the same on a model. */
interface Prepared {
  readonly act: () => Promise<string>;
  readonly model: (model: PullModel, reply: string) => string;
  /** When nobody knows whether it happened: what else may have come of it. */
  readonly partly?: readonly Prepared["model"][];
}

interface UnderWay extends Prepared {
  reply: string;
}

interface Consumer {
  readonly name: string;
}

class Run {
  readonly #rig: Rig;
  #model: PullModel;
  #count = 0;
  readonly #consumers: Consumer[] = [0, 1, 2].map((n) => ({ name: `w${n}` }));
  /** Fetches that wait, and what they were answered. */
  readonly #waits = new Map<number, { reply: string; more: boolean }>();
  /** Mailboxes that nobody uses are not kept in memory. */
  readonly #forgets: boolean;
  /** Letters that the model knows of, to see which are new. */
  #letters = 0;

  constructor(rig: Rig, limits: PullSurroundings["limits"]) {
    this.#rig = rig;
    this.#forgets = limits.activeMax === 1;
    const most = (limit: number | undefined): number => limit || Number.POSITIVE_INFINITY;
    this.#model = new PullModel(
      { nowMs: rig.nowMs, boxes: [], waiters: [], crashed: false },
      {
        mailboxMessagesMax: most(limits.mailboxMessagesMax),
        mailboxBytesMax: most(limits.mailboxBytesMax),
        accountMessagesMax: most(limits.accountMessagesMax),
        accountMailboxesMax: most(limits.accountMailboxesMax),
        deliveriesMax: limits.deliveriesMax ?? 20,
      },
    );
  }

  async step(command: PullCommand): Promise<void> {
    if (this.#isVague(command)) return;
    switch (command.op) {
      case "fetch":
        await this.#fetch(command);
        break;
      case "extend": {
        const { name, group, leaseMs, count } = command;
        const msgId = this.#id(name, command.back);
        const request = { mailbox: name, group, msgId, leaseMs, deliveryCount: count };
        expect(await this.#reply(this.#rig.account.extend(request).then(String))).toBe(
          this.#model.extend([name, group, msgId], { leaseMs, count }),
        );
        break;
      }
      case "leave":
        this.#leave(command.consumer);
        await this.#rig.settle();
        break;
      case "query":
        await this.#query(command);
        break;
      case "receipt": {
        const id = this.#id(command.name, command.back);
        expect(await this.#receipt(command.name, id)).toBe(this.#model.receipt(command.name, id));
        break;
      }
      case "clock":
        this.#rig.nowMs += command.ms;
        this.#model.state.nowMs += command.ms;
        await this.#tick();
        break;
      case "restart":
      case "crash":
        this.#waits.clear();
        await this.#rig[command.op]();
        this.#model.crash();
        await this.#tick();
        await this.#learn(this.#model, command.op === "restart");
        await this.#checkAll(this.#model);
        break;
      case "burst":
        await this.#burst(command);
        break;
      default: {
        const done = this.#prepare(command);
        const reply = await this.#reply(done.act());
        expect(reply).toBe(done.model(this.#model, reply));
      }
    }
    await this.#numberLetters();
    this.#hear();
  }

  async finish(): Promise<void> {
    await this.#checkAll(this.#model);
  }

  async #tick(): Promise<void> {
    expect(await this.#rig.outcome(this.#rig.mailboxes.tick())).toEqual(expect.any(Number));
    this.#model.tick();
  }

  /** A crash may bring back that a message was out which is gone: nobody is handed it, but it answers. */
  #isVague(command: PullCommand): boolean {
    if (command.op !== "ack" && command.op !== "nack" && command.op !== "extend") return false;
    const also = command.op === "ack" ? command.also : [];
    const receipts = [command.back, ...also].map((back) =>
      this.#model.receipt(command.name, this.#id(command.name, back)),
    );
    const isOver = receipts.some((receipt) => receipt === "removed" || receipt === "ended");
    return this.#model.state.crashed && isOver;
  }

  // --- commands -----------------------------------------------------------------------------------

  #id(name: string, back: number): number {
    return this.#model.nextId(name) - 1 - back;
  }

  #prepare(change: PullChange): Prepared {
    const { account } = this.#rig;
    const { name } = change;
    switch (change.op) {
      case "create": {
        const { latest, ttlSeconds, strict } = change;
        const kind = latest ? "latest" : "standard";
        const ifExists = strict ? "fail" : "return";
        return {
          act: async () => {
            const rest = { public: false, nameStyle: "uuid" } as const;
            const request = { name, kind, ttlSeconds, ifExists, ...rest } as const;
            const { created, mailbox } = await account.create(request);
            return `${created ? "made" : "found"} ${mailbox.expiresAtMs}`;
          },
          model: (model) => model.create(name, latest, ttlSeconds, strict),
        };
      }
      case "send":
        return this.#prepareSend(change);
      case "remove": {
        const msgId = this.#id(name, change.back);
        return {
          act: () => account.remove({ mailbox: name, msgId }).then(ok),
          model: (model) => model.remove(name, msgId),
        };
      }
      case "purge": {
        const beforeId = change.back === undefined ? undefined : this.#id(name, change.back);
        return {
          act: () => account.purge({ mailbox: name, beforeId }).then(String),
          model: (model) => model.purge(name, beforeId ?? neverMs),
          partly: [0, 1, 2].map((lastRank) => (model) => {
            return model.purge(name, beforeId ?? neverMs, lastRank);
          }),
        };
      }
      case "cancel": {
        const scheduledId = this.#model.scheduledIds(name)[change.nth] ?? 77;
        return {
          act: () => account.cancel({ mailbox: name, scheduledId }).then(ok),
          model: (model) => model.cancel(name, scheduledId),
        };
      }
      case "renew": {
        const { ttlSeconds } = change;
        return {
          act: async () => `until ${(await account.renew(name, ttlSeconds)).expiresAtMs}`,
          model: (model) => model.renew(name, ttlSeconds),
        };
      }
      case "drop":
        return {
          act: () => account.drop(name).then(ok),
          model: (model) => model.drop(name),
        };
      case "ack": {
        const { group } = change;
        // A mailbox that is read anew has forgotten which messages came together; how a group
        // acknowledges is remembered of a commit that failed, too.
        const guessed = change.mode === "delivered" && this.#rig.failures.length > 0;
        const alone = this.#forgets || change.also.length > 0;
        const mode = alone ? "one" : guessed ? "batch" : change.mode;
        const msgId = this.#id(name, change.back);
        const alsoMsgIds = change.also.map((back) => this.#id(name, back));
        const request = { mailbox: name, group, msgId, mode, alsoMsgIds };
        return {
          act: async () => (await account.ack(request)).join(" "),
          model: (model) => model.ack(name, group, [msgId, ...alsoMsgIds], mode),
        };
      }
      case "nack": {
        const { group, delayMs, poison, count } = change;
        const msgId = this.#id(name, change.back);
        const request = { mailbox: name, group, msgId, delayMs, poison, deliveryCount: count };
        return {
          act: () => account.nack(request).then(ok),
          model: (model) => model.nack([name, group, msgId], { delayMs, poison, count }),
        };
      }
      case "redrive": {
        const { back, limit } = change;
        const msgId = back === undefined ? undefined : this.#id(`${name}.dlq`, back);
        return {
          act: () => account.redrive({ mailbox: name, msgId, limit }).then(String),
          model: (model) => model.redrive(name, msgId, limit),
        };
      }
    }
  }

  #prepareSend(change: Extract<PullChange, { op: "send" }>): Prepared {
    const { name: mailbox, rank, key, tags, ttlSeconds, delayMs, dedupId } = change;
    this.#count += 1;
    const text = dedupId === undefined ? `t${this.#count}` : `d${change.text}`;
    const order = { mailbox, key, tags, ttlSeconds, delayMs, dedupId };
    return {
      act: async () => {
        const label = labels[rank] as PriorityLabel;
        const request = { ...order, label, payload: asciiBytes(text) };
        const { msgId, scheduledId, duplicate } = await this.#rig.account.send(request);
        const reply = scheduledId === undefined ? String(msgId) : `scheduled ${scheduledId}`;
        return duplicate === true ? `again ${reply}` : reply;
      },
      model: (model, reply) => {
        const given = /^scheduled (\d+)$/.exec(reply)?.[1];
        return model.send({ ...order, rank, text }, given === undefined ? given : Number(given));
      },
    };
  }

  async #fetch(command: Extract<PullCommand, { op: "fetch" }>): Promise<void> {
    const {
      name: mailbox,
      group,
      restart,
      limit,
      waitMs,
      leaseMs,
      kept,
      detached,
      max,
      from,
    } = command;
    const consumer = this.#consumers[command.consumer ?? -1];
    const fromId = typeof from === "object" && "back" in from ? this.#id(mailbox, from.back) : 0;
    const fromMs = typeof from === "object" && "agoMs" in from ? this.#rig.nowMs - from.agoMs : 0;
    const order: FetchOrder = {
      mailbox,
      group,
      from: typeof from === "string" ? from : "back" in from ? fromId : { ms: fromMs },
      restart,
      limit,
      // Whoever waits can be told to leave, and on a slow disk nobody knows which mail comes first.
      waitMs: consumer === undefined || this.#rig.pageTurns > 0 ? 0 : waitMs,
      leaseMs,
      consumer: consumer?.name,
      kept,
      detached,
      max,
    };
    this.#count += 1;
    const wait = this.#count;
    const nowMs = this.#rig.nowMs;
    const ended = { reply: "hangs", more: false };
    this.#waits.set(wait, ended);
    this.#rig.account
      .fetch({
        ...order,
        consumer,
        held: kept ? "kept" : "again",
        deliveriesMax: max,
        start:
          typeof from === "string"
            ? { at: from }
            : "back" in from
              ? { at: "id", msgId: fromId }
              : { at: "time", ms: fromMs },
      })
      .then(
        ({ messages, more }) => {
          ended.more = more;
          ended.reply = messages
            .map(({ msgId, payload, deliveryCount, leaseEndsAtMs }) => {
              const until = (leaseEndsAtMs ?? 0) - this.#rig.nowMs;
              const isLeased = group === undefined || until === leaseMs;
              const times = deliveryCount === undefined ? "" : `~${deliveryCount}`;
              return `${msgId}:${textOf(payload)}${times}${isLeased ? "" : ` for ${until} ms`}`;
            })
            .join(" ");
        },
        (error: unknown) => {
          ended.reply = codeOf(error);
        },
      );
    await this.#rig.settle();
    expect(this.#rig.nowMs).toBe(nowMs);
    const wanted = this.#model.fetch(order, wait, ended.more);
    if (wanted !== "hangs") this.#waits.delete(wait);
    expect(`${ended.reply}${ended.more ? " more" : ""}`).toBe(wanted);
  }

  #leave(index: number): void {
    const consumer = this.#consumers[index] as Consumer;
    this.#rig.account.release(consumer);
    this.#model.leave(consumer.name);
    this.#consumers[index] = { name: `${consumer.name}'` };
  }

  async #query(command: Extract<PullCommand, { op: "query" }>): Promise<void> {
    const { name: mailbox, limit, key, tags, any, agoMs, newest } = command;
    const beforeId = command.back === undefined ? undefined : this.#id(mailbox, command.back);
    const sinceMs = agoMs === undefined ? undefined : this.#rig.nowMs - agoMs;
    const found = this.#rig.account.query({
      mailbox,
      limit,
      key,
      tags,
      tagsMode: any ? "any" : "all",
      sinceMs,
      order: newest ? "newest" : "delivery",
      beforeId,
      checkToken: false,
      unreadOnly: false,
    });
    const shown = found.then(({ messages, more }) =>
      [...messages.map(show), ...(more ? ["more"] : [])].join(" "),
    );
    expect(await this.#reply(shown)).toBe(
      this.#model.query({ mailbox, limit, key, tags, any, sinceMs, newest, beforeId }),
    );
  }

  async #burst({ parts, end, nth }: Extract<PullCommand, { op: "burst" }>): Promise<void> {
    const rig = this.#rig;
    // Who waits would be served by some of the commands, and nobody could tell which.
    for (let i = 0; i < this.#consumers.length; i += 1) {
      this.#leave(i);
      await rig.settle();
    }
    await this.#numberLetters();
    this.#hear();
    const isFaulty = end === "fail" || end === "apply-then-fail";
    const failuresBefore = rig.failures.length;
    const release = end === "run" ? undefined : rig.holdDisk();
    if (isFaulty) rig.store.plant("commit", nth, { kind: end, code: "full" });
    const under: UnderWay[] = [];
    for (const part of parts) {
      // What dies on the way has no reply that could tell whether it did.
      const mayDie = part.op === "nack" && !part.poison && this.#model.isDying(part.name);
      const isRaced = parts.some((each) => !["ack", "nack", "renew", "cancel"].includes(each.op));
      if ((mayDie && (end !== "run" || isRaced)) || this.#isVague(part)) continue;
      const entry: UnderWay = { ...this.#prepare(part), reply: "hangs" };
      under.push(entry);
      entry.act().then(
        (reply) => {
          entry.reply = reply;
        },
        (error: unknown) => {
          entry.reply = codeOf(error);
        },
      );
      if (end !== "run") await rig.settle();
    }
    if (end === "crash") await rig.crash();
    else await (release?.() ?? rig.settle());
    rig.store.heal();
    const failed = rig.failures.length > failuresBefore;
    if (failed) await rig.reopen();
    if (failed || end === "crash")
      expect(await rig.outcome(rig.mailboxes.tick())).not.toBe("hangs");
    await this.#explain(under, failed || end === "crash");
  }

  /** Finds an order of the commands, and of what was unknown a part, that explains what is seen. */
  async #explain(under: readonly UnderWay[], ended: boolean): Promise<void> {
    const before = this.#model;
    let closest = "nothing";
    const effective = under.filter(({ reply }) => !isNothing(reply, ended));
    const found = await this.#search(before, effective, async (model) => {
      if (ended) {
        model.crash();
        model.tick();
        await this.#learn(model, false);
        for (const name of names) model.adoptScheduled(name, await this.#scheduled(name));
      }
      await this.#numberLettersOf(model);
      const difference = await this.#differenceOf(model);
      if (difference !== undefined) closest = difference;
      return difference === undefined;
    });
    if (found === undefined) {
      const replies = under.map(({ reply }) => reply).join("; ");
      throw new Error(`no order of the burst explains its replies (${replies}): ${closest}`);
    }
    this.#model = found;
  }

  async #search(
    model: PullModel,
    left: readonly UnderWay[],
    accepts: (model: PullModel) => Promise<boolean>,
  ): Promise<PullModel | undefined> {
    if (left.every(({ reply }) => isOpen(reply))) {
      const copy = model.copy();
      if (await accepts(copy)) return copy;
    }
    for (const next of left) {
      const rest = left.filter((each) => each !== next);
      const ways = [next.model, ...(isOpen(next.reply) ? (next.partly ?? []) : [])];
      for (const way of ways) {
        const copy = model.copy();
        const reply = way(copy, next.reply);
        if (reply !== next.reply && !isOpen(next.reply)) continue;
        const found = await this.#search(copy, rest, accepts);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** The answer in the model's words; `hangs` when there is none. */
  async #reply(answer: Promise<string>): Promise<string> {
    return gone(await this.#rig.outcome(answer));
  }

  // --- checks -------------------------------------------------------------------------------------

  /** Checks the waiting fetches that were answered in this step. */
  #hear(): void {
    const answered = this.#model.answered.splice(0);
    const seen: string[] = [];
    const wanted: string[] = [];
    for (const { wait, reply } of answered) {
      seen.push(`${wait} ${this.#waits.get(wait)?.reply}`);
      wanted.push(`${wait} ${reply}`);
      this.#waits.delete(wait);
    }
    for (const [wait, { reply }] of this.#waits) {
      seen.push(`${wait} ${reply}`);
      wanted.push(`${wait} hangs`);
    }
    expect(seen).toEqual(wanted);
  }

  /** Letters of one step are numbered in any order. */
  async #numberLetters(): Promise<void> {
    await this.#numberLettersOf(this.#model);
  }

  async #numberLettersOf(model: PullModel): Promise<void> {
    const letters = model.state.boxes.filter(({ name }) => name.endsWith(".dlq"));
    const made = letters.reduce((sum, { nextId }) => sum + nextId, 0);
    if (made <= this.#letters + 1) {
      this.#letters = made;
      return;
    }
    this.#letters = made;
    for (const { name } of letters) {
      const found = await this.#rig.outcome(this.#rig.account.query(everythingOf(name)));
      if (typeof found === "string") continue;
      model.renumber(
        name,
        found.messages.map(({ msgId: id, payload, dead }) => {
          return { id, what: `${textOf(payload)} ${dead?.group} ${dead?.msgId}` };
        }),
      );
    }
  }

  async #learn(model: PullModel, counted: boolean): Promise<void> {
    for (const name of names)
      for (let id = 0; id < model.nextId(name); id += 1)
        model.learn(name, id, await this.#receipt(name, id), counted);
  }

  async #checkAll(model: PullModel): Promise<void> {
    const difference = await this.#differenceOf(model);
    if (difference !== undefined) throw new Error(difference);
  }

  /** Compares everything that can be read. */
  async #differenceOf(model: PullModel): Promise<string | undefined> {
    for (const name of names) {
      const pairs = [[await this.#whole(name), model.whole(name)]];
      for (let id = 0; id < model.nextId(name); id += 1)
        pairs.push([await this.#receipt(name, id), model.receipt(name, id)]);
      const at = pairs.findIndex(([seen, wanted]) => seen !== wanted);
      if (at >= 0) return `${name} (${at - 1}): it says ${pairs[at]?.join("\n  and not ")}`;
    }
    return undefined;
  }

  async #whole(mailbox: string): Promise<string> {
    const { account } = this.#rig;
    const found = await this.#rig.outcome(
      Promise.all([
        account.inspect(mailbox),
        account.query(everythingOf(mailbox)),
        account.scheduled({ mailbox, afterId: -1, limit: 100 }),
      ]),
    );
    if (typeof found === "string") return gone(found);
    const [detail, { messages }, later] = found;
    const { expiresAtMs, nextId, bytes, scheduled } = detail;
    const delayed = later.map((each) => `${each.scheduledId}:${textOf(each.message.payload)}`);
    const counts = `${detail.messages} ${bytes - bytesOf([])} ${scheduled}`;
    return `until ${expiresAtMs} next ${nextId} counts ${counts}: ${messages.map(show).join(" ")} later ${delayed.join(" ")}`;
  }

  async #scheduled(mailbox: string): Promise<{ id: number; text: string }[]> {
    const found = await this.#rig.outcome(
      this.#rig.account.scheduled({ mailbox, afterId: -1, limit: 100 }),
    );
    if (typeof found === "string") return [];
    return found.map(({ scheduledId: id, message }) => ({ id, text: textOf(message.payload) }));
  }

  #receipt(mailbox: string, msgId: number): Promise<string> {
    return this.#reply(this.#rig.account.receipt({ mailbox, msgId }).then(describe));
  }
}

function describe({ state, groups }: ReceiptResult): string {
  if (state !== "stored") return state === "gone" ? "removed" : "ended";
  const each = groups.map(({ group, state: standing, deliveryCount, untilMs }) => {
    const until = untilMs === undefined ? "" : ` ${untilMs}`;
    return `${group}=${standing}~${deliveryCount}${until}`;
  });
  return ["stored", ...each.sort()].join(" ");
}

function everythingOf(mailbox: string): {
  mailbox: string;
  limit: number;
  checkToken: boolean;
  unreadOnly: boolean;
} {
  return { mailbox, limit: 1000, checkToken: false, unreadOnly: false };
}

function bytesOf(messages: readonly { readonly payload: Uint8Array }[]): number {
  return messages.reduce((sum, { payload }) => sum + payload.length, 0);
}

function show({
  msgId,
  payload,
}: {
  readonly msgId: number;
  readonly payload: Uint8Array;
}): string {
  return `${msgId}:${textOf(payload)}`;
}

function ok(): string {
  return "ok";
}

/** It may or may not have happened. */
function isOpen(reply: string): boolean {
  return reply === "hangs" || reply === "unknown";
}

/** It did not happen, whatever was the reason: that may have been a change which the disk lost. */
function isNothing(reply: string, ended: boolean): boolean {
  return reply === "storage_failed" || (ended && hastyRefusals.has(reply));
}

/** Refusals that do not wait until what they are about is durable. */
const hastyRefusals = new Set([
  "quota_exceeded",
  "not_delivered",
  "message_not_found",
  "invalid",
  "gone",
]);

function codeOf(error: unknown): string {
  return error instanceof Mq9Error ? gone(error.code) : String(error);
}

function gone(reply: string): string {
  return reply === "not_found" || reply === "expired" ? "gone" : reply;
}

async function perform(
  { limits, pageTurns }: PullSurroundings,
  steps: PullCommand[],
): Promise<void> {
  const rig = await Rig.open(limits);
  rig.pageTurns = pageTurns;
  const run = new Run(rig, limits);
  for (const each of steps) await run.step(each);
  await run.finish();
}

/** Runs that once went wrong, as fast-check shrank them. */
const pullRegressions: [PullSurroundings, PullCommand[]][] = [];

test(
  `random commands of senders and pullers are answered as the model says (SEED=${seed})`,
  { timeout: 3_600_000 },
  () =>
    fc.assert(fc.asyncProperty(pullOptions, pullCommands, perform), {
      seed,
      numRuns: runs,
      examples: pullRegressions,
      ...replay,
    }),
);
