// One subscription across mailboxes: `m-status-*` follows every mailbox of kind `latest`, and every
// public one, whose name matches, those made later too. It is a set of ordinary feeds with one sink.
import type { MailMessage, MailSink, MailSubscription, SubscribeRequest } from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import type { Guard } from "./access.ts";
import type { Engine } from "./engine.ts";
import { Feed, type FeedSink } from "./feed.ts";
import type { Slot } from "./slot.ts";

export class Glob implements MailSubscription {
  readonly #engine: Engine;
  readonly #request: SubscribeRequest;
  readonly #guard: Guard | undefined;
  readonly #prefix: string;
  /** The pattern's parts between its stars. */
  readonly #parts: readonly string[];
  readonly #feeds = new Map<string, Feed>();
  readonly #sink: SharedSink;
  #ended = false;

  constructor(engine: Engine, account: string, request: SubscribeRequest, guard?: Guard) {
    this.#guard = guard;
    this.#engine = engine;
    this.#request = request;
    this.#prefix = `${account}/`;
    this.#parts = request.mailbox.split("*");
    this.#sink = new SharedSink(request.sink);
    engine.globs.add(this);
    this.scan();
  }

  /** Looks for mailboxes to follow. Called at the start, and again when the store is back. */
  scan(): void {
    this.#scan().catch((error: unknown) => this.#engine.readFailed(error));
  }

  end(): void {
    this.#ended = true;
    this.#engine.globs.delete(this);
    for (const feed of this.#feeds.values()) feed.end();
    this.#feeds.clear();
  }

  /**
   * Follows a mailbox if it belongs here.
   * @param durable its record on disk: what memory holds may fail to get there, and a mailbox that
   * was to become public would stay private
   */
  consider(slot: Slot, durable: MailboxRecord): void {
    if (this.#ended || slot.record?.number !== durable.number) return;
    if (!this.#takes(durable) || this.#feeds.has(slot.key)) return;
    if (this.#full) return;
    const feed = new Feed(this.#engine, slot, this.#request.ranks, this.#sink, this.#guard);
    this.#feeds.set(slot.key, feed);
    slot.feeds.push(feed);
    feed.open();
  }

  /** What may be followed has changed. */
  review(): void {
    for (const feed of this.#feeds.values()) feed.review();
  }

  /** Follows a mailbox no longer: this life of it is over, the next may not belong here. */
  forget(slot: Slot): void {
    this.#feeds.get(slot.key)?.end();
    this.#feeds.delete(slot.key);
  }

  /**
   * Follows a mailbox no longer that does not belong here as the store has it: it was read anew, and
   * the life that was followed may be over.
   */
  reread(slot: Slot): void {
    const { record } = slot;
    if (record === undefined || !this.#takes(record)) this.forget(slot);
  }

  get #full(): boolean {
    return this.#feeds.size >= this.#engine.options.globMailboxesMax;
  }

  #takes(record: MailboxRecord): boolean {
    return (
      (record.kind === "latest" || record.public) &&
      record.key.startsWith(this.#prefix) &&
      matchesGlob(this.#parts, record.key.slice(this.#prefix.length))
    );
  }

  async #scan(): Promise<void> {
    const prefix = this.#prefix + (this.#parts[0] as string);
    let after = "";
    while (!this.#ended && !this.#full) {
      const page = await this.#engine.store.mailboxes(prefix, after, scanPage);
      if (this.#ended) return;
      after = page.at(-1)?.key ?? after;
      const ours = page.filter((record) => this.#takes(record));
      await Promise.all(ours.map((record) => this.#visit(record)));
      if (page.length < scanPage) return;
    }
  }

  /** Brings a mailbox into memory and considers it in its turn. */
  #visit(durable: MailboxRecord): Promise<void> {
    const slot = this.#engine.slot(durable.key);
    return new Promise((done) => {
      slot.enter(() => {
        if (slot.isLive(this.#engine.nowMs())) this.consider(slot, durable);
        done();
        return undefined;
      });
    });
  }
}

const scanPage = 256;

/** Offers a mailbox that was just made (or made public) to every glob, once that is durable. */
export function attachGlobs(engine: Engine, slot: Slot, durable: MailboxRecord): void {
  for (const glob of engine.globs) glob.consider(slot, durable);
}

/** Takes a mailbox that ended from every glob; they would hold it in memory for ever. */
export function detachGlobs(engine: Engine, slot: Slot): void {
  for (const glob of engine.globs) glob.forget(slot);
}

/** Whether text is the parts in order with anything between them. */
export function matchesGlob(parts: readonly string[], text: string): boolean {
  const first = parts[0] as string;
  const last = parts.at(-1) as string;
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) {
    return false;
  }
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** Many feeds, one sink: remembers everyone who waits for room, and says when there is none. */
class SharedSink implements FeedSink {
  readonly #sink: MailSink;
  #waiting: (() => void)[] = [];

  constructor(sink: MailSink) {
    this.#sink = sink;
  }

  get full(): boolean {
    return this.#waiting.length > 0;
  }

  deliver(message: MailMessage, replayed: boolean): boolean {
    return this.#sink.deliver(message, replayed);
  }

  onceWritable(resume: () => void): void {
    this.#waiting.push(resume);
    if (this.#waiting.length > 1) return;
    this.#sink.onceWritable(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const one of waiting) one();
    });
  }
}
