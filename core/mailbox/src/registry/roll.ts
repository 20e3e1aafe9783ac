// The agents of one account in memory: by name, by mailbox, in order, and what each one's silence
// means. Changes nothing on disk and tells nobody.
import { type Agent, type AgentState, neverMs } from "@mq9/protocol";
import { skeletonOf } from "./look-alike.ts";
import type { Entry } from "./record.ts";

/** When silence means something. */
export interface SilenceRules {
  /** Silence after which an agent that reported once is stale. */
  readonly staleAfterMs: number;
  /** Silence after which it is gone. */
  readonly goneAfterMs: number;
}

/** A time in which nobody could report, because the broker was down. */
export interface Downtime {
  readonly sinceMs: number;
  readonly forMs: number;
}

export class Roll {
  readonly #rules: SilenceRules;
  readonly #downtime: Downtime;
  readonly #entries = new Map<string, Entry>();
  readonly #byMailbox = new Map<string, Set<Entry>>();
  /** One name per look. */
  readonly #looks = new Map<string, string>();
  /** Grows whenever an agent comes, leaves or moves. */
  changes = 0;
  /** Names in order; undefined = to be sorted again. */
  #names: string[] | undefined;

  constructor(rules: SilenceRules, downtime: Downtime) {
    this.#rules = rules;
    this.#downtime = downtime;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** All names in the order of their code units. Not to be changed; a later change makes another. */
  names(): readonly string[] {
    this.#names ??= [...this.#entries.keys()].sort();
    return this.#names;
  }

  /** Agents of a mailbox, oldest registration first. */
  ofMailbox(mailbox: string): readonly Entry[] {
    return [...(this.#byMailbox.get(mailbox) ?? [])];
  }

  /** The registered name that reads like this one and is another. */
  lookAlike(name: string): string | undefined {
    const other = this.#looks.get(skeletonOf(name));
    return other === name ? undefined : other;
  }

  add(entry: Entry): void {
    this.changes += 1;
    this.#entries.set(entry.name, entry);
    this.#looks.set(skeletonOf(entry.name), entry.name);
    this.#names = undefined;
    if (entry.mailbox !== undefined) this.#join(entry, entry.mailbox);
  }

  remove(entry: Entry): void {
    this.changes += 1;
    this.#entries.delete(entry.name);
    this.#looks.delete(skeletonOf(entry.name));
    this.#names = undefined;
    if (entry.mailbox !== undefined) this.#part(entry, entry.mailbox);
  }

  /** The agent takes its mail elsewhere. */
  move(entry: Entry, mailbox: string | undefined): void {
    if (entry.mailbox === mailbox) return;
    this.changes += 1;
    if (entry.mailbox !== undefined) this.#part(entry, entry.mailbox);
    entry.mailbox = mailbox;
    if (mailbox !== undefined) this.#join(entry, mailbox);
  }

  #join(entry: Entry, mailbox: string): void {
    const others = this.#byMailbox.get(mailbox);
    if (others === undefined) this.#byMailbox.set(mailbox, new Set([entry]));
    else others.add(entry);
  }

  #part(entry: Entry, mailbox: string): void {
    const others = this.#byMailbox.get(mailbox);
    others?.delete(entry);
    if (others?.size === 0) this.#byMailbox.delete(mailbox);
  }

  state(entry: Entry, nowMs: number): AgentState {
    if (entry.mailboxEndsAtMs !== undefined && nowMs >= entry.mailboxEndsAtMs) return "gone";
    if (entry.report === undefined) return "active";
    const silentMs = nowMs - this.#heardUntilMs(entry);
    if (silentMs < this.#rules.staleAfterMs) return "active";
    return silentMs < this.#rules.goneAfterMs ? "stale" : "gone";
  }

  /** When time alone changes the agent's state next; `neverMs` = it does not. */
  changesAtMs(entry: Entry, nowMs: number): number {
    const ends = entry.mailboxEndsAtMs ?? neverMs;
    if (nowMs >= ends) return neverMs;
    if (entry.report === undefined) return ends;
    const heardMs = this.#heardUntilMs(entry);
    for (const afterMs of [this.#rules.staleAfterMs, this.#rules.goneAfterMs]) {
      if (nowMs < heardMs + afterMs) return Math.min(ends, heardMs + afterMs);
    }
    return ends;
  }

  /** The instant silence counts from: time in which the broker was down is nobody's silence. */
  #heardUntilMs(entry: Entry): number {
    const before = entry.lastSeenAtMs <= this.#downtime.sinceMs;
    return before ? entry.lastSeenAtMs + this.#downtime.forMs : entry.lastSeenAtMs;
  }

  agent(entry: Entry, nowMs: number): Agent {
    return {
      name: entry.name,
      mailbox: entry.mailbox,
      owner: entry.owner,
      body: entry.body,
      facts: entry.facts,
      registeredAtMs: entry.registeredAtMs,
      lastSeenAtMs: entry.lastSeenAtMs,
      state: this.state(entry, nowMs),
      report: entry.report,
    };
  }
}
