// What all connections of a router share: accounts, subjects, buffers, counters, and the list of
// outboxes to flush at the end of a turn. Knows no sockets.

import type { PublishFrame, WireLimits } from "@mq9/wire";
import { AddressLimits } from "./address-limits.ts";
import type { Connection } from "./connection.ts";
import { Delivery } from "./delivery.ts";
import { FairTurns, workOf } from "./fair-turns.ts";
import { FanOut, needsSlices } from "./fan-out.ts";
import type { Authenticator } from "./identity.ts";
import type { ServerInfo } from "./info.ts";
import type { RouterOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { Retired } from "./retired.ts";
import { SlabPool } from "./slab-pool.ts";
import { type SubjectEntry, SubjectTable } from "./subject-table.ts";
import { type MatchResult, nodesVisited, Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";
import type { Trace } from "./tracing.ts";
import { UnfinishedInput } from "./unfinished-input.ts";

/** What a connection was not allowed to do. */
export type Refused = "publish" | "reply" | "subscribe";

/** What an embedder may hear and decide. */
export interface RouterHooks {
  /** Lets connections in; without it everyone is, in the account `$G`. */
  readonly authenticator?: Authenticator | undefined;
  /** A connection sent its CONNECT and was let in; again when another makes it somebody else. */
  readonly connected?: (connection: Connection) => void;
  /** Asked for each new connection: what to do with all that is said on it; undefined = nothing. */
  readonly trace?: () => Trace | undefined;
  /** A connection ended. `reason` is a short phrase for people. */
  readonly disconnected?: (connection: Connection, reason: string) => void;
  /** A connection was told that it may not publish or subscribe to something. */
  readonly refused?: (connection: Connection, what: Refused, subject: string) => void;
  /** An owner of a space threw: its defect ends the connection at hand, and no other. */
  readonly ownerFailed?: (connection: Connection, error: unknown) => void;
}

/** Totals since the start. */
export interface RouterStats {
  readonly inMsgs: number;
  readonly inBytes: number;
  readonly outMsgs: number;
  readonly outBytes: number;
  readonly totalConnections: number;
  readonly slowConsumers: number;
  readonly staleConnections: number;
  /** Of the slow consumers, those closed because the output of all together was too much. */
  readonly outputCuts: number;
  /** Connections closed because the unfinished input of all together was too much. */
  readonly inputCuts: number;
  /** Connections refused: too many, of the server or of one address. */
  readonly refusedConnections: number;
}

/** What outboxes gather in one turn goes out early beyond this. */
const gatheredBytesMax = 67_108_864;
/** At the cap this part of it is made free, so that not every message looks at all connections. */
const cutPart = 10;
/** Above the cap with nothing left to close, the next look is due this much later. */
const capStepBytes = 8_388_608;

/** Shared state of one router. */
export class Hub {
  /** Replaced on reload, as are the limits: connections that there are keep what they began with. */
  options: RouterOptions;
  readonly hooks: RouterHooks;
  limits: WireLimits;
  server: ServerInfo;
  /** Replaced on reload. */
  authenticator: Authenticator | undefined;
  readonly pool: SlabPool = new SlabPool();
  readonly subjects: SubjectTable = new SubjectTable();
  readonly delivery: Delivery;
  /** Those that are open. */
  readonly connections: Map<number, Connection> = new Map();
  /** Those that say their last words. */
  readonly leaving: Set<Connection> = new Set();
  /** A monotonic clock, in milliseconds. */
  readonly nowMs: () => number;
  /** Operations that are not whole yet. */
  readonly input: UnfinishedInput;
  /** Subscriptions of connections that ended, on their way out. */
  readonly retired: Retired = new Retired();
  /** Connections whose bytes take more than a turn. */
  readonly turns: FairTurns = new FairTurns();
  /** What finding the receivers of the latest publish cost, in units of `workOf`. */
  matchWork = 0;
  readonly addresses: AddressLimits;

  inMsgs = 0;
  inBytes = 0;
  totalConnections = 0;
  slowConsumers = 0;
  staleConnections = 0;
  /** Of the slow consumers, those closed because all output together was too much. */
  outputCuts = 0;
  refusedConnections = 0;
  lameDuck = false;

  /** The connection whose bytes are being worked on. */
  #reading: Connection | undefined = undefined;
  #dirty: Outbox[] = [];
  #flushing: Outbox[] = [];
  #flushScheduled = false;
  #isFlushing = false;
  /** Who waits until no connection is left. */
  readonly #onEmpty = new Set<() => void>();
  readonly #accounts = new Map<string, Sublist>();
  /** Connections by account, of those that said who they are. */
  readonly #members = new Map<string, number>();
  /** Principals whose reads and writes are stopped, by `principalKey`. */
  readonly quarantined: Set<string> = new Set();

  constructor(parts: {
    readonly options: RouterOptions;
    readonly hooks: RouterHooks;
    readonly limits: WireLimits;
    readonly server: ServerInfo;
    readonly seed: number;
    readonly nowMs: () => number;
  }) {
    this.options = parts.options;
    this.hooks = parts.hooks;
    this.authenticator = parts.hooks.authenticator;
    this.limits = parts.limits;
    this.server = parts.server;
    this.nowMs = parts.nowMs;
    this.delivery = new Delivery(parts.seed);
    this.input = new UnfinishedInput(() => this.options.maxPartialTotalBytes);
    this.addresses = new AddressLimits(() => this.options);
    this.setOutputAlarm();
  }

  /** A connection is closing: it counts no more, but its transport still lives. */
  closing(connection: Connection): void {
    this.connections.delete(connection.id);
    this.leaving.add(connection);
  }

  /** The transport of a connection ended. */
  gone(connection: Connection): void {
    this.leaving.delete(connection);
    this.addresses.left(connection.remoteAddress);
    if (this.#onEmpty.size !== 0 && this.leaving.size + this.connections.size === 0) {
      for (const resolve of this.#onEmpty) resolve();
    }
  }

  /** Waits until no connection is left, or for as long as given. */
  async whenEmpty(timeoutMs: number): Promise<void> {
    if (this.leaving.size + this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#onEmpty.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#onEmpty.add(done);
    });
  }

  /** The subscriptions of an account. */
  sublistOf(account: string): Sublist {
    let sublist = this.#accounts.get(account);
    if (sublist === undefined) {
      sublist = new Sublist();
      this.#accounts.set(account, sublist);
    }
    return sublist;
  }

  /** The accounts in use. */
  get accounts(): ReadonlyMap<string, Sublist> {
    return this.#accounts;
  }

  /** Counts a connection into its account. @returns whether there was room */
  enterAccount(account: string, connectionsMax: number | undefined): boolean {
    const count = this.#members.get(account) ?? 0;
    if (connectionsMax !== undefined && count >= connectionsMax) return false;
    this.#members.set(account, count + 1);
    return true;
  }

  /** A connection that was counted is no longer in its account. */
  leaveAccount(account: string): void {
    const count = (this.#members.get(account) ?? 0) - 1;
    if (count > 0) this.#members.set(account, count);
    else this.#members.delete(account);
  }

  /** A connection's bytes are about to be parsed. */
  beginTurn(connection: Connection): void {
    this.#reading = connection;
  }

  /** They were: everything said meanwhile goes out. */
  endTurn(): void {
    this.#reading = undefined;
    this.#flush();
  }

  /** An outbox has something to send. */
  dirty(outbox: Outbox): void {
    this.#dirty.push(outbox);
    if (this.#reading !== undefined || this.#flushScheduled) return;
    // Said by an owner or a timer: everything said in this round of the event loop goes out together.
    this.#flushScheduled = true;
    setImmediate(this.#flushLater);
  }

  /** The next alarm is due when this much more is held, or at the cap. */
  setOutputAlarm(): void {
    const { heldBytes } = this.pool;
    const cap = this.options.maxPendingTotalBytes;
    this.pool.alarmBytes = Math.max(
      Math.min(cap, heldBytes + gatheredBytesMax),
      heldBytes > cap ? heldBytes + capStepBytes : 0,
    );
  }

  /**
   * Output holds much memory. What only waits for the end of the turn goes out now; if that does not
   * help, those with the most pending are closed until a part of the cap is free again.
   */
  outputAlarm(): void {
    if (this.#isFlushing) return; // about to become less
    this.#flush();
    const cap = this.options.maxPendingTotalBytes;
    if (this.pool.heldBytes >= cap) this.#cutMostPending(cap - cap / cutPart);
    this.setOutputAlarm();
  }

  #cutMostPending(untilBytes: number): void {
    const waiting: Connection[] = [];
    for (const connection of this.connections.values()) {
      if (connection.outbox.pendingBytes !== 0) waiting.push(connection);
    }
    for (const connection of this.leaving) {
      if (connection.outbox.pendingBytes !== 0) waiting.push(connection);
    }
    waiting.sort((a, b) => b.outbox.pendingBytes - a.outbox.pendingBytes);
    for (const connection of waiting) {
      if (this.pool.heldBytes <= untilBytes) return;
      this.outputCuts++;
      // Owners may be in the middle of something: they hear of it in a turn of its own.
      connection.outbox.close();
      setImmediate(() => connection.outboxOverflow());
    }
  }

  /** A reader is crowded: whoever is producing waits a little. */
  crowded(outbox: Outbox): void {
    this.#reading?.stall(outbox);
  }

  /** Ordinary delivery of a frame within an account. @returns how many subscriptions got it */
  route(
    sublist: Sublist,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): number {
    let { result } = entry;
    if (result.generation !== sublist.generation) {
      const before = nodesVisited();
      result = entry.kept ? sublist.match(entry.text) : sublist.matchOnce(entry.text);
      this.matchWork = workOf.match + workOf.node * (nodesVisited() - before);
      entry.result = result;
    } else {
      this.matchWork = 0;
    }
    return this.deliver(result, from, entry, frame);
  }

  /** Delivers to all of a result; what is too much for one turn goes on in the next ones. */
  deliver(
    result: MatchResult,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): number {
    if (from === undefined || from !== this.#reading || !needsSlices(result, frame)) {
      return this.delivery.send(result, from, entry, frame);
    }
    const fanOut = new FanOut(this.delivery, from, result, entry, frame);
    from.hand(fanOut);
    return Math.max(1, fanOut.slice()); // somebody gets it
  }

  /** Lets go of what nobody uses: results that name ended subscriptions, accounts that are empty. */
  tidy(): void {
    this.addresses.tidy(this.nowMs());
    this.subjects.forgetResults();
    const used = new Set<Sublist>();
    for (const connection of this.connections.values()) used.add(connection.sublist);
    for (const [account, sublist] of this.#accounts) {
      if (used.has(sublist) || sublist.size !== 0) sublist.forgetResults();
      else this.#accounts.delete(account);
    }
  }

  /** Tells a publisher that nobody took its request, if it wants to know. */
  noResponders(to: Connection, subject: string, reply: string): void {
    if (!to.noResponders || !to.headers || reply === "") return;
    // It is no delivery: a maximum of the subscription does not count it.
    this.#say(to, reply, noRespondersBlock(subject), noPayload);
  }

  /** Says something on the inbox of one connection, if that is its own, and to nobody else. */
  tell(to: Connection, inbox: string, headers: Buffer | undefined, payload: Uint8Array): boolean {
    const own = this.#say(to, inbox, headers, payload);
    if (own === undefined) return false;
    own.delivered++;
    if (own.delivered === own.max) to.finish(own);
    return true;
  }

  #say(
    to: Connection,
    inbox: string,
    headers: Buffer | undefined,
    payload: Uint8Array,
  ): Subscription | undefined {
    const { plain } = to.sublist.matchOnce(inbox);
    // One that ended may not be out of the list yet.
    const own = plain.find(({ connection, active }) => connection === to && active);
    if (own !== undefined) to.outbox.addComposed(inbox, own.sidBytes, "", headers, payload);
    return own;
  }

  readonly #flushLater = (): void => {
    this.#flushScheduled = false;
    this.#flush();
  };

  #flush(): void {
    // Flushing may close connections, and their owners may say more.
    this.#isFlushing = true;
    while (this.#dirty.length !== 0) {
      const batch = this.#dirty;
      this.#dirty = this.#flushing;
      for (let at = 0; at < batch.length; at++) (batch[at] as Outbox).flush();
      batch.length = 0;
      this.#flushing = batch;
    }
    this.#isFlushing = false;
  }
}

/** One principal among all. Neither part can hold a line end. */
export function principalKey(account: string, user: string): string {
  return `${account}\n${user}`;
}

const noPayload = Buffer.alloc(0);

function noRespondersBlock(subject: string): Buffer {
  return Buffer.from(`NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`, "latin1");
}
