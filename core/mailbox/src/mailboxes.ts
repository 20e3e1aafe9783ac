// The domain's door: one object for all accounts, one MailboxApi per account. Owns nothing but the
// engine; the caller owns time, the store's life and the timer.
import type {
  AckRequest,
  CancelRequest,
  Consumer,
  CreateRequest,
  CreateResult,
  ExtendRequest,
  FetchRequest,
  FetchResult,
  GrantInfo,
  GrantRequest,
  ListRequest,
  MailboxApi,
  MailboxDetail,
  MailboxInfo,
  MailSubscription,
  Mq9Error,
  NackRequest,
  PurgeRequest,
  QueryRequest,
  QueryResult,
  ReceiptRequest,
  ReceiptResult,
  RedriveRequest,
  RegistryApi,
  RemoveRequest,
  ScheduledMessage,
  ScheduledRequest,
  SendRequest,
  SendResult,
  SubscribeRequest,
} from "@mq9/protocol";
import type { DueEntry, StoreOpening } from "@mq9/store";
import { type Asked, type Guard, seeing, type Verbs, verbs } from "./access.ts";
import { attend } from "./commands/attend.ts";
import { create } from "./commands/create.ts";
import { fetch } from "./commands/fetch.ts";
import { grant, grants, present, revoke } from "./commands/grants.ts";
import { inspect, purge } from "./commands/inspect.ts";
import { drop, info, list, renew } from "./commands/lifetime.ts";
import { query } from "./commands/query.ts";
import { receipt } from "./commands/receipt.ts";
import { remove } from "./commands/remove.ts";
import { cancel, scheduled } from "./commands/scheduled.ts";
import { type SendCompletion, send } from "./commands/send.ts";
import { ack, extend, nack } from "./commands/settle.ts";
import { subscribe } from "./commands/subscribe.ts";
import { Engine, type MailboxDeps } from "./engine.ts";
import { type ChangingOptions, defaultMailboxOptions, type MailboxOptions } from "./options.ts";
import { redrive } from "./pull/dead-letters.ts";
import { quotasOf } from "./quotas.ts";
import { Registries } from "./registry/registries.ts";

/** What lies in the mailboxes of one account; delayed messages, and ended ones until they are swept, too. */
export interface StoredTotals {
  readonly mailboxes: number;
  readonly messages: number;
  /** Of headers and payloads. */
  readonly bytes: number;
}

export class Mailboxes {
  readonly #engine: Engine;
  readonly #registries: Registries;
  readonly #accounts = new Map<string, AccountMailboxes>();

  constructor(deps: MailboxDeps, options: Partial<MailboxOptions> = {}) {
    this.#engine = new Engine(deps, { ...defaultMailboxOptions, ...options });
    this.#registries = new Registries(this.#engine);
    this.#engine.mailboxChanged = (slot) => this.#registries.mailboxChanged(slot);
  }

  /** Other limits from now on; what is there already stays, whether or not it fits. */
  change(limits: Partial<ChangingOptions>): void {
    this.#engine.options = { ...this.#engine.options, ...limits };
    this.#engine.quotas = quotasOf(this.#engine.options);
  }

  /** Tells what the store's `open` found. Once, before anything else. */
  opened(opening: StoreOpening): void {
    this.#engine.opened(opening);
    this.#registries.opened(opening);
  }

  /**
   * Tells that the store failed or is about to be closed, whoever noticed: what is not durable yet is
   * answered with an error, and nothing more is accepted until `reopened`.
   */
  storeFailed(cause: unknown): void {
    this.#engine.storeFailed(cause);
  }

  /** Continues after the store failed and was closed, reopened and verified. */
  reopened(opening: StoreOpening): void {
    this.#engine.reopened(opening);
    this.#registries.reopened();
  }

  /** Refuses new messages and mailboxes with this error; undefined = takes them again. */
  refuse(error: Mq9Error | undefined): void {
    this.#engine.refusal = error;
  }

  /** Reads what lies in every account, for `storedByAccount`. Rejects like a read. */
  loadTotals(): Promise<void> {
    return this.#engine.loadTotals();
  }

  /** What lies in the mailboxes of each account, but for those the broker keeps. */
  get storedByAccount(): ReadonlyMap<string, StoredTotals> {
    return this.#engine.totals;
  }

  /** Bytes accepted and not yet durable. */
  get pendingBytes(): number {
    return this.#engine.journal.pendingBytes;
  }

  /** Mailboxes in memory. */
  get activeCount(): number {
    return this.#engine.slots.size;
  }

  /** Consumers that hold leases or wait for mail. */
  get consumerCount(): number {
    return this.#engine.pulls.consumerCount;
  }

  account(name: string): AccountMailboxes {
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = new AccountMailboxes(this.#engine, name);
      this.#accounts.set(name, account);
    }
    return account;
  }

  /** The registered agents of an account. Another account's can not be named from there. */
  registry(account: string): RegistryApi {
    return this.#registries.account(account);
  }

  /** Resolves once everything accepted so far is durable. @throws {Mq9Error} when the store failed */
  settled(): Promise<void> {
    return this.#engine.journal.settled();
  }

  /**
   * Ends leases and waits whose time has come, which must not wait for a `tick` under way: that may
   * have many mailboxes to sweep.
   * @returns when to call again, in milliseconds of the clock
   */
  ring(): number {
    const { alarms } = this.#engine.pulls;
    alarms.ring(this.#engine.nowMs());
    return alarms.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Does what is due by now: ends mailboxes, frees bytes, writes positions.
   * @returns when to call again, in milliseconds of the clock
   */
  async tick(): Promise<number> {
    const engine = this.#engine;
    this.ring();
    this.writePositions();
    this.#registries.attend(engine.nowMs());
    await engine.journal.settled();
    /** Entries of mailboxes that can not be read: they must not hold up the others. */
    const failed = new Set<string>();
    for (;;) {
      const found = await engine.store.due(engine.nowMs(), duePage + failed.size);
      const due = found.filter((entry) => !failed.has(nameOf(entry)));
      if (due.length === 0) break;
      const ended = await Promise.allSettled(due.map((entry) => attend(engine, entry)));
      if (engine.journal.failure !== undefined) throw engine.journal.failure;
      ended.forEach((result, i) => {
        if (result.status === "rejected") failed.add(nameOf(due[i] as DueEntry));
      });
    }
    const next = await engine.store.due(Number.MAX_SAFE_INTEGER, 1 + failed.size);
    return Math.min(
      next.find((entry) => !failed.has(nameOf(entry)))?.atMs ?? Number.POSITIVE_INFINITY,
      engine.positions.dueMs ?? Number.POSITIVE_INFINITY,
      this.#registries.dueMs,
      engine.pulls.alarms.dueMs ?? Number.POSITIVE_INFINITY,
      failed.size > 0 ? engine.nowMs() + retryMs : Number.POSITIVE_INFINITY,
    );
  }

  /** Stages what was handed out since the last time, and the clock with it. */
  writePositions(): void {
    const engine = this.#engine;
    if (engine.journal.failure !== undefined) return;
    const nowMs = engine.nowMs();
    let withClock = false;
    engine.positions.write(nowMs, (slot) => {
      const batch = engine.stage();
      if (!withClock) engine.stageClock(batch, nowMs);
      withClock = true;
      engine.durable(slot).catch(() => {
        // best effort: a position that was not written repeats a delivery, it never skips one.
      });
      return batch;
    });
  }

  /** Stores the clock now, because no other commit may come. */
  writeClock(): void {
    if (this.#engine.journal.failure === undefined) this.#engine.stage();
  }

  /** The last thing before a clean stop; `settled` tells when it is durable. */
  writeLast(): void {
    const engine = this.#engine;
    this.writePositions();
    if (engine.journal.failure !== undefined) return;
    this.#registries.writeReports();
    engine.stageClock(engine.stage(), engine.nowMs());
  }
}

const duePage = 128;
const retryMs = 60_000;

function nameOf(entry: DueEntry): string {
  return `${entry.atMs}/${entry.mailboxNumber}`;
}

/**
 * The mailboxes of one account, as one of its users sees them. Another account's mailboxes can not be
 * named from here.
 */
export class AccountMailboxes implements MailboxApi {
  readonly #engine: Engine;
  readonly #name: string;
  readonly #guard: Guard | undefined;

  /** @param guard asked by every command; undefined = everything is allowed */
  constructor(engine: Engine, name: string, guard?: Guard) {
    this.#engine = engine;
    this.#name = name;
    this.#guard = guard;
  }

  /** The same mailboxes, for somebody who may not do everything. */
  seenBy(guard: Guard | undefined): AccountMailboxes {
    return new AccountMailboxes(this.#engine, this.#name, guard);
  }

  #at(mailbox: string, asked: Verbs): Asked {
    return { key: `${this.#name}/${mailbox}`, guard: this.#guard, verbs: asked };
  }

  /** What a token gives on a mailbox, by its digest. @throws {Mq9Error} `not_found` when nothing */
  present(mailbox: string, digest: Uint8Array): Promise<GrantInfo> {
    return present(this.#engine, `${this.#name}/${mailbox}`, digest);
  }

  /**
   * What the guard answers has changed: frees what a consumer holds where it may take mail no more.
   * @returns whether there was anything
   */
  review(consumer: Consumer): boolean {
    const guard = this.#guard;
    if (guard === undefined) return false;
    return this.#engine.pulls.review(consumer, ({ standing }) =>
      guard.allows(verbs.watch, standing),
    );
  }

  create(request: CreateRequest): Promise<CreateResult> {
    return create(this.#engine, this.#name, request, this.#guard);
  }

  info(mailbox: string): Promise<MailboxInfo> {
    return info(this.#engine, this.#at(mailbox, seeing));
  }

  renew(mailbox: string, ttlSeconds: number): Promise<MailboxInfo> {
    return renew(this.#engine, this.#at(mailbox, verbs.manage), ttlSeconds);
  }

  drop(mailbox: string): Promise<void> {
    return drop(this.#engine, this.#at(mailbox, verbs.manage));
  }

  list(request: ListRequest): Promise<readonly MailboxInfo[]> {
    return list(this.#engine, this.#name, request, this.#guard);
  }

  send(request: SendRequest): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      this.post(request, {
        settled: (error, msgId, detail) =>
          error === undefined ? resolve({ msgId, ...detail }) : reject(error),
      });
    });
  }

  /** `send` without a promise, for the wire's hot path. `completion` may be told before this returns. */
  post(request: SendRequest, completion: SendCompletion): void {
    send(this.#engine, `${this.#name}/${request.mailbox}`, request, completion, this.#guard);
  }

  subscribe(request: SubscribeRequest): MailSubscription {
    return subscribe(this.#engine, this.#name, request, this.#guard);
  }

  query(request: QueryRequest): Promise<QueryResult> {
    return query(this.#engine, this.#at(request.mailbox, verbs.query), request);
  }

  remove(request: RemoveRequest): Promise<void> {
    return remove(this.#engine, this.#at(request.mailbox, verbs.receive), request);
  }

  inspect(mailbox: string): Promise<MailboxDetail> {
    return inspect(this.#engine, this.#at(mailbox, seeing));
  }

  purge(request: PurgeRequest): Promise<number> {
    return purge(this.#engine, this.#at(request.mailbox, verbs.manage), request);
  }

  scheduled(request: ScheduledRequest): Promise<readonly ScheduledMessage[]> {
    return scheduled(this.#engine, this.#at(request.mailbox, verbs.query), request);
  }

  cancel(request: CancelRequest): Promise<void> {
    return cancel(this.#engine, this.#at(request.mailbox, verbs.manage), request);
  }

  fetch(request: FetchRequest): Promise<FetchResult> {
    return fetch(this.#engine, this.#at(request.mailbox, verbs.watch), request);
  }

  ack(request: AckRequest): Promise<readonly number[]> {
    return ack(this.#engine, this.#at(request.mailbox, verbs.watch), request);
  }

  nack(request: NackRequest): Promise<void> {
    return nack(this.#engine, this.#at(request.mailbox, verbs.watch), request);
  }

  extend(request: ExtendRequest): Promise<number> {
    return extend(this.#engine, this.#at(request.mailbox, verbs.watch), request);
  }

  receipt(request: ReceiptRequest): Promise<ReceiptResult> {
    return receipt(this.#engine, this.#at(request.mailbox, verbs.query), request);
  }

  redrive(request: RedriveRequest): Promise<number> {
    return redrive(this.#engine, this.#name, request, this.#guard);
  }

  grant(request: GrantRequest): Promise<GrantInfo> {
    return grant(this.#engine, this.#at(request.mailbox, verbs.manage), request);
  }

  grants(mailbox: string): Promise<readonly GrantInfo[]> {
    return grants(this.#engine, this.#at(mailbox, verbs.manage));
  }

  revoke(mailbox: string, grantId: string): Promise<boolean> {
    return revoke(this.#engine, this.#at(mailbox, verbs.manage), grantId);
  }

  /** A consumer left for good: what it holds is free, its waiting fetches end empty. */
  release(consumer: Consumer): void {
    this.#engine.pulls.release(consumer);
  }
}
