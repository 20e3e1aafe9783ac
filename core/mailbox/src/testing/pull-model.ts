// What the domain must do for senders with options and for those who pull, written as plainly as
// possible: arrays and linear scans, no store, no time of its own. The model test compares every
// reply of the domain with it. Pushing, directory and patterns are the other model's.
import { type AckMode, neverMs, type Rank } from "@mq9/protocol";
import type {
  Box,
  Entry,
  FetchOrder,
  PullGroupModel,
  PullLimits,
  PullMessage,
  PullState,
  QueryOrder,
  SendOrder,
  Waiter,
} from "./pull-state.ts";

export const graceMs = 600_000;
export const dedupWindowMs = 600_000;
export const deadLetterMs = 604_800_000;
const minuteMs = 60_000;
/** From this delivery on a crash does not forget the count. */
const durableFrom = 3;

// Every platform has it; the package itself compiles without the types of any.
declare function structuredClone<T>(value: T): T;

export class PullModel {
  readonly state: PullState;
  readonly #limits: PullLimits;
  /** Waiting fetches that were answered in this step. */
  answered: { wait: number; reply: string }[] = [];

  constructor(state: PullState, limits: PullLimits) {
    this.state = state;
    this.#limits = limits;
  }

  copy(): PullModel {
    return new PullModel(structuredClone(this.state), this.#limits);
  }

  // --- mailboxes ----------------------------------------------------------------------------------

  create(name: string, latest: boolean, ttlSeconds: number, strict: boolean): string {
    const known = this.#live(name);
    if (known !== undefined) {
      if (strict || (latest && !known.latest)) return "exists";
      return `found ${known.expiresAtMs}`;
    }
    if (this.#counted().length >= this.#limits.accountMailboxesMax) return "quota_exceeded";
    return `made ${this.#begin(name, latest, this.#end(ttlSeconds)).expiresAtMs}`;
  }

  renew(name: string, ttlSeconds: number): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    box.expiresAtMs = this.#end(ttlSeconds);
    return `until ${box.expiresAtMs}`;
  }

  drop(name: string): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    box.expiresAtMs = this.state.nowMs;
    this.#endWaiters();
    return "ok";
  }

  /** @param given the id of a scheduled message as the domain gave it: any that is free and means its time */
  send(order: SendOrder, given?: number): string {
    const box = this.#live(order.mailbox);
    const { nowMs } = this.state;
    if (box === undefined) return "gone";
    const { rank, text, tags, delayMs, ttlSeconds, dedupId } = order;
    if (ttlSeconds !== undefined && delayMs !== undefined && delayMs >= ttlSeconds * 1000)
      return "invalid";
    const digest = `${rank} ${text}`;
    const isRecent = (atMs: number): boolean => nowMs - atMs < dedupWindowMs;
    const earlier = box.sends.findLast((each) => each.name === dedupId && isRecent(each.atMs));
    if (dedupId !== undefined && earlier !== undefined)
      return earlier.digest === digest ? `again ${earlier.reply}` : "dedup_conflict";
    const key = box.latest ? "newest" : order.key;
    const replaced = box.messages.find((each) => key !== undefined && each.key === key);
    if (!this.#hasRoom(box, text, delayMs === undefined ? replaced : undefined))
      return "quota_exceeded";
    const expiresAtMs = ttlSeconds === undefined ? neverMs : this.#end(ttlSeconds);
    const message = { id: box.nextId, rank, text, key, tags, createdAtMs: nowMs, expiresAtMs };
    let reply = String(message.id);
    if (delayMs === undefined) {
      this.#append(box, message);
    } else {
      const visibleAtMs = nowMs + delayMs;
      const first = (visibleAtMs - box.createdAtMs) * 256;
      const ids = box.scheduled.map((each) => each.id);
      let id = first;
      while (ids.includes(id)) id += 1;
      if (given !== undefined && !ids.includes(given) && given >= first && given < first + 256)
        id = given;
      box.scheduled.push({ ...message, id, visibleAtMs });
      reply = `scheduled ${id}`;
    }
    if (dedupId !== undefined) box.sends.push({ name: dedupId, digest, reply, atMs: nowMs });
    this.#serve();
    return reply;
  }

  remove(name: string, id: number): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    if (!this.#visible(box).some((each) => each.id === id)) return "message_not_found";
    this.#take(box, (each) => each.id === id);
    return "ok";
  }

  /** @param lastRank a purge that failed may have come so far */
  purge(name: string, beforeId: number, lastRank = 3): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    const before = box.messages.length;
    this.#take(box, (each) => each.id < beforeId && each.rank <= lastRank);
    return String(before - box.messages.length);
  }

  cancel(name: string, id: number): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    if (!box.scheduled.some((each) => each.id === id)) return "message_not_found";
    box.scheduled = box.scheduled.filter((each) => each.id !== id);
    return "ok";
  }

  // --- what is shown ------------------------------------------------------------------------------

  query(order: QueryOrder): string {
    const box = this.#live(order.mailbox);
    if (box === undefined) return "gone";
    const { key, tags, any, sinceMs = 0, newest, beforeId = neverMs, limit } = order;
    const isTagged = (message: PullMessage): boolean => {
      const has = (tag: string): boolean => message.tags.includes(tag);
      return tags === undefined || (any ? tags.some(has) : tags.every(has));
    };
    const found = this.#visible(box).filter(
      (each) =>
        (key === undefined || (!box.latest && each.key === key)) &&
        isTagged(each) &&
        each.createdAtMs >= sinceMs &&
        each.id < beforeId,
    );
    const byId = newest ? found.sort((a, b) => a.id - b.id) : found;
    const shown = newest ? byId.slice(Math.max(0, byId.length - limit)) : byId.slice(0, limit);
    return [...shown.map(show), ...(found.length > limit ? ["more"] : [])].join(" ");
  }

  /** Everything about a mailbox that does not depend on groups. */
  whole(name: string): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    const texts = this.#visible(box).map(show).join(" ");
    const later = box.scheduled.toSorted((a, b) => a.id - b.id);
    const counts = `${box.messages.length} ${bytesOf(box.messages)} ${box.scheduled.length}`;
    return `until ${box.expiresAtMs} next ${box.nextId} counts ${counts}: ${texts} later ${later.map(show).join(" ")}`;
  }

  /** The groups of a receipt as `group=state~count until`. */
  receipt(name: string, id: number): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    if (id < 0 || id >= box.nextId) return "message_not_found";
    const message = box.messages.find((each) => each.id === id);
    if (message === undefined) return "removed";
    if (message.expiresAtMs <= this.state.nowMs) return "ended";
    const standings = box.groups.flatMap((group) => {
      if (id <= Math.min(...group.begin)) return [];
      const { state, count, untilMs } = standing(group, message);
      const settled = state === "acked" || state === "dead_lettered";
      const timed = state === "leased" || state === "deferred";
      return `${group.name}=${state}~${settled ? 0 : count}${timed ? ` ${untilMs}` : ""}`;
    });
    return ["stored", ...standings.sort()].join(" ");
  }

  // --- pulling ------------------------------------------------------------------------------------

  /** @param more whether the domain said that there is more: it may say so of what has ended */
  fetch(order: FetchOrder, wait: number, more: boolean): string {
    const box = this.#live(order.mailbox);
    if (box === undefined) return "gone";
    const begin = this.#start(box, order.from);
    const { nowMs } = this.state;
    if (order.group !== undefined) {
      const group = this.#group(box, order.group, order, begin);
      if (order.consumer !== undefined && !order.kept) {
        for (const entry of held(group, order.consumer)) {
          const backoffMs = backoff(entry.count);
          this.#free(box, group, entry, backoffMs === 0 ? 0 : nowMs + backoffMs);
        }
      }
    }
    const waiter = { ...order, wait, begin, endsAtMs: nowMs + order.waitMs };
    const shown = this.#hand(box, waiter);
    const left = this.#left(box, waiter);
    this.#serve();
    const isMore = left === "some" || (left === "perhaps" && more);
    if (shown.length > 0) return [...shown, ...(isMore ? ["more"] : [])].join(" ");
    if (order.waitMs === 0) return "";
    this.state.waiters.push(waiter);
    return "hangs";
  }

  ack(name: string, groupName: string, ids: readonly number[], mode: AckMode): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    const group = box.groups.find((each) => each.name === groupName);
    if (group === undefined) return "not_delivered";
    if (ids.some((id) => id < 0 || id >= box.nextId)) return "not_delivered";
    const settled: number[] = [];
    for (const id of ids) {
      const message = box.messages.find((each) => each.id === id);
      if (message === undefined) continue;
      const entry = standing(group, message);
      if (isSettled(entry)) continue;
      for (const each of meant(group, entry, mode)) {
        this.#settle(group, each);
        settled.push(each);
      }
    }
    return settled.join(" ");
  }

  /** @param count the delivery it is about; undefined = whatever it is */
  nack(
    [name, groupName, id]: readonly [string, string, number],
    how: { delayMs: number | undefined; poison: boolean; count: number | undefined },
  ): string {
    const found = this.#delivered(name, groupName, id, how.count);
    if (typeof found === "string") return found;
    const { box, group, entry } = found;
    entry.result = undefined; // no acknowledgement of the rest of that result is about it
    if (how.poison && !name.endsWith(".dlq")) {
      this.#bury(box, group, entry);
      return "ok";
    }
    const waitMs = how.delayMs ?? backoff(entry.count);
    this.#free(box, group, entry, waitMs === 0 ? 0 : this.state.nowMs + waitMs);
    entry.pinned = true;
    this.#serve();
    return "ok";
  }

  extend(
    [name, groupName, id]: readonly [string, string, number],
    how: { leaseMs: number; count: number | undefined },
  ): string {
    const found = this.#delivered(name, groupName, id, how.count);
    if (typeof found === "string") return found;
    if (found.entry.state !== "leased") return "not_delivered";
    found.entry.untilMs = this.state.nowMs + how.leaseMs;
    return String(found.entry.untilMs);
  }

  redrive(name: string, id: number | undefined, limit: number): string {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    const letters = this.#live(`${name}.dlq`);
    if (letters === undefined) return id === undefined ? "0" : "gone";
    const isMeant = (each: PullMessage): boolean =>
      each.dead !== undefined && (id === undefined || each.id === id);
    const all = this.#visible(letters).filter(isMeant);
    if (id !== undefined && all.length === 0) return "message_not_found";
    let back = 0;
    let blocked = false;
    for (const letter of all) {
      if (back >= limit) break;
      const { group: groupName, id: origin } = letter.dead ?? { group: "", id: -1 };
      const group = box.groups.find((each) => each.name === groupName);
      const original = this.#visible(box).find((each) => each.id === origin);
      const isSame = original?.text === letter.text;
      const { rank, text, tags } = letter;
      const key = box.latest ? "newest" : undefined;
      if (group === undefined || original === undefined || !isSame) {
        if (box.latest && this.#visible(box).length > 0) {
          blocked = true;
          continue;
        }
        const createdAtMs = this.state.nowMs;
        const message = { id: box.nextId, rank, text, tags, key, createdAtMs };
        this.#append(box, { ...message, expiresAtMs: letter.expiresAtMs });
      } else if (isSettled(standing(group, original))) {
        this.#enter(group, { ...blank(original), pinned: true });
      }
      this.#take(letters, (each) => each === letter);
      back += 1;
    }
    this.#serve();
    return blocked && back === 0 ? "exists" : String(back);
  }

  leave(consumer: string): void {
    const mine = this.state.waiters.filter((each) => each.consumer === consumer);
    for (const waiter of mine) this.#answer(waiter, "");
    for (const box of this.state.boxes)
      for (const group of box.groups)
        for (const entry of held(group, consumer)) this.#free(box, group, entry, 0);
    this.#serve();
  }

  // --- time and disasters -------------------------------------------------------------------------

  /** What is due happens. */
  tick(): void {
    const { nowMs } = this.state;
    for (const waiter of this.state.waiters.filter((each) => each.endsAtMs <= nowMs)) {
      this.#answer(
        waiter,
        this.#live(waiter.mailbox) === undefined && waiter.group === undefined ? "gone" : "",
      );
    }
    for (const box of this.state.boxes)
      for (const group of box.groups)
        for (const entry of group.entries) {
          if (entry.untilMs > nowMs) continue;
          if (entry.state === "leased") this.#free(box, group, entry, 0);
          else if (entry.state === "deferred") entry.state = "waiting";
        }
    this.#serve();
    this.#endWaiters();
    for (const box of this.state.boxes.filter((each) => this.#live(each.name) === each)) {
      const due = box.scheduled.filter((each) => each.visibleAtMs <= nowMs);
      box.scheduled = box.scheduled.filter((each) => each.visibleAtMs > nowMs);
      for (const { visibleAtMs: _, ...message } of due.sort((a, b) => a.id - b.id)) {
        if (message.expiresAtMs > nowMs)
          this.#append(box, { ...message, id: box.nextId, createdAtMs: nowMs });
      }
      if (box.sweepsAtMs.some((atMs) => atMs <= nowMs))
        this.#take(box, (each) => each.expiresAtMs <= nowMs - graceMs);
      box.sweepsAtMs = box.sweepsAtMs.filter((atMs) => atMs > nowMs);
    }
    this.#serve();
  }

  /** The process is gone, and with it every lease and whoever waited. */
  crash(): void {
    this.state.crashed = true;
    this.state.waiters = [];
    for (const box of this.state.boxes)
      for (const group of box.groups) {
        group.oneByOne = false;
        for (const entry of group.entries) {
          entry.result = undefined;
          entry.consumer = undefined;
          if (entry.state === "leased") Object.assign(entry, { state: "waiting", untilMs: 0 });
        }
      }
  }

  /**
   * After a crash: a receipt as the domain gives it. Takes over what a crash may have forgotten.
   * @param counted every count survived
   */
  learn(name: string, id: number, receipt: string, counted: boolean): void {
    const box = this.#live(name);
    for (const [, groupName, state, count] of receipt.matchAll(/(\w+)=(\w+)~(\d+)/g)) {
      const group = box?.groups.find((each) => each.name === groupName);
      const entry = group?.entries.find((each) => each.id === id);
      if (entry === undefined || isSettled(entry)) continue;
      const seen = Number(count);
      if (!counted && entry.count < durableFrom && seen < entry.count) entry.count = seen;
      if (state === "waiting" && entry.state === "deferred" && !entry.pinned)
        entry.state = "waiting";
    }
  }

  /** What comes in one step of the clock gets numbers in any order: takes over which. */
  renumber(name: string, found: readonly { id: number; what: string }[]): void {
    const left = found.toSorted((a, b) => a.id - b.id);
    for (const message of this.#live(name)?.messages.toSorted((a, b) => a.id - b.id) ?? []) {
      const what = `${message.text} ${message.dead?.group} ${message.dead?.id}`;
      const at = left.findIndex((each) => each.what === what);
      if (at >= 0) message.id = left.splice(at, 1)[0]?.id as number;
    }
  }

  /** The ids of delayed messages whose send was not answered are the domain's choice. */
  adoptScheduled(name: string, found: readonly { id: number; text: string }[]): void {
    const box = this.#live(name);
    const left = [...found];
    for (const message of box?.scheduled ?? []) {
      const at = left.findIndex(
        ({ id, text }) => text === message.text && Math.abs(id - message.id) < 256,
      );
      const [chosen] = at < 0 ? [] : left.splice(at, 1);
      if (chosen === undefined) continue;
      for (const sent of box?.sends ?? [])
        if (sent.reply === `scheduled ${message.id}`) sent.reply = `scheduled ${chosen.id}`;
      message.id = chosen.id;
    }
  }

  /** Some message was handed out as often as its group allows: it dies as soon as it is free. */
  isDying(name: string): boolean {
    const groups = this.#live(name)?.groups ?? [];
    return groups.some((group) => group.entries.some((entry) => isSpent(group, entry)));
  }

  // --- details ------------------------------------------------------------------------------------

  nextId(name: string): number {
    return this.state.boxes.find((each) => each.name === name)?.nextId ?? 0;
  }

  scheduledIds(name: string): number[] {
    return this.#live(name)?.scheduled.map((each) => each.id) ?? [];
  }

  #live(name: string): Box | undefined {
    return this.state.boxes.find(
      (each) => each.name === name && this.state.nowMs < each.expiresAtMs,
    );
  }

  #counted(): Box[] {
    return this.state.boxes.filter((each) => this.state.nowMs < each.expiresAtMs);
  }

  #begin(name: string, latest: boolean, expiresAtMs: number): Box {
    const box: Box = {
      name,
      latest,
      createdAtMs: this.state.nowMs,
      expiresAtMs,
      nextId: this.nextId(name),
      messages: [],
      scheduled: [],
      sends: [],
      groups: [],
      sweepsAtMs: [],
    };
    this.state.boxes = [...this.state.boxes.filter((each) => each.name !== name), box];
    return box;
  }

  #hasRoom(box: Box, text: string, replaced: PullMessage | undefined): boolean {
    const { mailboxMessagesMax, mailboxBytesMax, accountMessagesMax } = this.#limits;
    const here = [...box.messages, ...box.scheduled];
    const all = this.#counted().flatMap((each) => [...each.messages, ...each.scheduled]);
    if (replaced === undefined)
      if (here.length >= mailboxMessagesMax || all.length >= accountMessagesMax) return false;
    const bytes = text.length - (replaced?.text.length ?? 0);
    return bytes <= 0 || bytesOf(here) + bytes <= mailboxBytesMax;
  }

  #append(box: Box, message: PullMessage): void {
    if (message.key !== undefined) this.#take(box, (each) => each.key === message.key);
    box.messages.push(message);
    box.nextId = message.id + 1;
    const { expiresAtMs } = message;
    if (expiresAtMs < neverMs)
      box.sweepsAtMs.push(Math.ceil((expiresAtMs + graceMs) / minuteMs) * minuteMs);
  }

  #take(box: Box, isTaken: (message: PullMessage) => boolean): void {
    const ids = box.messages.filter(isTaken).map((each) => each.id);
    box.messages = box.messages.filter((each) => !ids.includes(each.id));
    for (const group of box.groups)
      group.entries = group.entries.filter((each) => !ids.includes(each.id));
  }

  /** In delivery order. */
  #visible(box: Box): PullMessage[] {
    const alive = box.messages.filter((each) => this.state.nowMs < each.expiresAtMs);
    return alive.sort(inOrder);
  }

  #start(box: Box, from: FetchOrder["from"]): number[] {
    return [0, 1, 2, 3].map((rank) => {
      if (from === "earliest") return -1;
      if (from === "latest") return box.nextId - 1;
      if (typeof from === "number") return Math.min(Math.max(from, 0), box.nextId) - 1;
      const before = box.messages.filter(
        (each) => each.rank === rank && each.createdAtMs < from.ms,
      );
      return Math.max(-1, ...before.map((each) => each.id));
    });
  }

  #group(box: Box, name: string, order: FetchOrder, begin: readonly number[]): PullGroupModel {
    let group = box.groups.find((each) => each.name === name);
    if (group === undefined) {
      group = { name, max: this.#limits.deliveriesMax, begin, entries: [], oneByOne: false };
      box.groups.push(group);
    } else if (order.restart) Object.assign(group, { begin, entries: [] });
    group.max = box.name.endsWith(".dlq") ? 0 : (order.max ?? group.max);
    return group;
  }

  /** Hands out what a fetch may have. @returns it as `id:text~count` */
  #hand(
    box: Box,
    { group: groupName, limit, leaseMs, detached, begin, ...waiter }: Waiter,
  ): string[] {
    const { nowMs } = this.state;
    const consumer = detached ? undefined : waiter.consumer;
    const group = box.groups.find((each) => each.name === groupName);
    if (group === undefined) {
      const found = this.#visible(box).filter((each) => each.id > (begin[each.rank] as number));
      return found.slice(0, limit).map(show);
    }
    const handed: { message: PullMessage; entry: Entry }[] = [];
    for (const message of box.messages.toSorted(inOrder)) {
      const entry = standing(group, message);
      if (handed.length >= limit || entry.state !== "waiting") continue;
      if (message.expiresAtMs <= nowMs) this.#settle(group, message.id, message.rank);
      else if (isSpent(group, entry)) this.#bury(box, group, entry);
      else handed.push({ message, entry });
    }
    const result = { ids: handed.map(({ message }) => message.id), meant: undefined };
    return handed.map(({ message, entry }) => {
      const count = entry.count + 1;
      const lease = { state: "leased" as const, count, untilMs: nowMs + leaseMs, consumer, result };
      this.#enter(group, { ...entry, ...lease, pinned: false });
      return `${show(message)}~${count}`;
    });
  }

  /**
   * What a fetch that is full left behind; what has ended, or was settled before it was handed out,
   * the domain may take for mail until it looks.
   */
  #left(box: Box, { group: groupName, begin, limit }: Waiter): "some" | "perhaps" | "none" {
    const group = box.groups.find((each) => each.name === groupName);
    if (group === undefined) {
      const all = this.#visible(box).filter((each) => each.id > (begin[each.rank] as number));
      return all.length > limit ? "some" : "none";
    }
    const left = box.messages.filter((each) => {
      const { state, count } = standing(group, each);
      return state === "waiting" || (state === "acked" && count === 0);
    });
    const isSome = (message: PullMessage): boolean =>
      standing(group, message).state === "waiting" &&
      this.state.nowMs < message.expiresAtMs &&
      !isSpent(group, standing(group, message));
    return left.some(isSome) ? "some" : left.length > 0 || this.state.crashed ? "perhaps" : "none";
  }

  #serve(): void {
    for (const waiter of this.state.waiters.slice()) {
      const box = this.#live(waiter.mailbox);
      const shown = box === undefined ? [] : this.#hand(box, waiter);
      if (shown.length > 0) this.#answer(waiter, shown.join(" "));
    }
  }

  #endWaiters(): void {
    for (const waiter of this.state.waiters.slice())
      if (this.#live(waiter.mailbox) === undefined) this.#answer(waiter, "gone");
  }

  #answer(waiter: Waiter, reply: string): void {
    this.state.waiters = this.state.waiters.filter((each) => each !== waiter);
    this.answered.push({ wait: waiter.wait, reply });
  }

  /** A message that is out, or came back. */
  #delivered(
    name: string,
    groupName: string,
    id: number,
    count: number | undefined,
  ): string | { box: Box; group: PullGroupModel; entry: Entry } {
    const box = this.#live(name);
    if (box === undefined) return "gone";
    const group = box.groups.find((each) => each.name === groupName);
    const entry = group?.entries.find((each) => each.id === id);
    if (group === undefined || entry === undefined) return "not_delivered";
    if (isSettled(entry) || entry.count === 0) return "not_delivered";
    return count === undefined || count === entry.count ? { box, group, entry } : "not_delivered";
  }

  #free(box: Box, group: PullGroupModel, entry: Entry, untilMs: number): void {
    if (isSpent(group, entry)) return this.#bury(box, group, entry);
    const isLater = untilMs > this.state.nowMs;
    const state = isLater ? "deferred" : "waiting";
    Object.assign(entry, {
      state,
      untilMs: isLater ? untilMs : 0,
      consumer: undefined,
      pinned: false,
    });
  }

  #bury(box: Box, group: PullGroupModel, entry: Entry): void {
    const { nowMs } = this.state;
    const found = box.messages.find((each) => each.id === entry.id);
    this.#settle(group, entry.id, entry.rank);
    if (found === undefined || found.expiresAtMs <= nowMs || box.expiresAtMs <= nowMs) return;
    const settled = group.entries.find((each) => each.id === entry.id) as Entry;
    settled.state = "dead_lettered";
    const name = `${box.name}.dlq`;
    const expiresAtMs = Math.max(
      Math.min(found.expiresAtMs, box.expiresAtMs),
      nowMs + deadLetterMs,
    );
    const letters = this.#live(name) ?? this.#begin(name, false, expiresAtMs);
    letters.expiresAtMs = Math.max(letters.expiresAtMs, expiresAtMs);
    const dead = { group: group.name, id: entry.id };
    const letter = { ...found, id: letters.nextId, key: undefined, dead, createdAtMs: nowMs };
    this.#append(letters, { ...letter, expiresAtMs });
  }

  #settle(group: PullGroupModel, id: number, rank: Rank = 0): void {
    const known = group.entries.find((each) => each.id === id);
    this.#enter(group, { ...(known ?? blank({ id, rank })), state: "acked", consumer: undefined });
  }

  #enter(group: PullGroupModel, entry: Entry): void {
    group.entries = [...group.entries.filter((each) => each.id !== entry.id), entry];
  }

  #end(ttlSeconds: number): number {
    return ttlSeconds === 0 ? neverMs : this.state.nowMs + ttlSeconds * 1000;
  }
}

function blank({ id, rank }: { readonly id: number; readonly rank: Rank }): Entry {
  const fresh = { consumer: undefined, result: undefined, pinned: false };
  return { id, rank, state: "waiting", count: 0, untilMs: 0, ...fresh };
}

function standing(group: PullGroupModel, message: PullMessage): Entry {
  const entry = group.entries.find((each) => each.id === message.id);
  if (entry !== undefined) return entry;
  const isBefore = message.id <= (group.begin[message.rank] as number);
  return { ...blank(message), state: isBefore ? "acked" : "waiting" };
}

function held(group: PullGroupModel, consumer: string): Entry[] {
  return group.entries.filter((each) => each.state === "leased" && each.consumer === consumer);
}

/** The numbers that an acknowledgement of a message is about. */
function meant(group: PullGroupModel, { id, result }: Entry, mode: AckMode): number[] {
  if (result === undefined || mode === "one") return [id];
  const place = result.ids.indexOf(id);
  if (mode === "delivered") {
    if (result.meant === undefined && place < result.ids.length - 1) group.oneByOne = true;
    result.meant ??= group.oneByOne ? "one" : "batch";
    if (result.meant === "one") return [id];
  }
  return result.ids.slice(0, place + 1).filter((each) => {
    const entry = group.entries.find((other) => other.id === each);
    return entry !== undefined && entry.result === result && !isSettled(entry);
  });
}

function isSettled({ state }: Entry): boolean {
  return state === "acked" || state === "dead_lettered";
}

function isSpent(group: PullGroupModel, entry: Entry): boolean {
  return group.max > 0 && entry.count >= group.max && !isSettled(entry);
}

/** Not at all at first, then 1 s, 2 s, 4 s and so on up to a minute. */
function backoff(count: number): number {
  return count < 3 ? 0 : Math.min(60_000, 1000 * 2 ** (count - 3));
}

function inOrder(a: PullMessage, b: PullMessage): number {
  return a.rank - b.rank || a.id - b.id;
}

function show({ id, text }: PullMessage): string {
  return `${id}:${text}`;
}

function bytesOf(messages: readonly PullMessage[]): number {
  return messages.reduce((sum, each) => sum + each.text.length, 0);
}
