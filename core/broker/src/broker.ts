// Assembles a broker: store, domain, owner of `$mq9.AI.` and router, and their life from start to
// stop. What happens when the disk fails is decided here.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { defaultDialectOptions, directoryBody, publicAgent } from "@mq9/dialects";
import { Mailboxes } from "@mq9/mailbox";
import { Mq9Error } from "@mq9/protocol";
import {
  createRouter,
  type DrainTimes,
  type Router,
  type RouterAddress,
  type Trace,
} from "@mq9/router";
import { type Store, StoreError } from "@mq9/store";
import { Alarm } from "./alarm.ts";
import { Audit, type AuditSink } from "./audit.ts";
import { type BrokerClock, SteadyClock, storeAheadEveryMs } from "./clock.ts";
import { DiskGuard, type DiskReserve } from "./disk-guard.ts";
import { createEmbeddings, type Embeddings } from "./embeddings.ts";
import type { Log } from "./log.ts";
import { MailboxSpace } from "./mailbox-space.ts";
import { Meters } from "./meters.ts";
import { BrokerView } from "./monitor/broker-view.ts";
import { ClosedConnections } from "./monitor/closed-connections.ts";
import type { MonitorView } from "./monitor/view.ts";
import type { BrokerOptions } from "./options.ts";
import { type Principal, type QuarantineKeeper, Quarantines } from "./quarantines.ts";
import { RefusalLog } from "./refusal-log.ts";
import { type BrokerReload, domainLimits, Rules, replyBytesMax } from "./rules.ts";
import { System } from "./system/system.ts";

export interface BrokerDeps {
  /** Not yet opened; the broker opens and closes it. */
  readonly store: Store;
  readonly log: Log;
  readonly reserve?: DiskReserve | undefined;
  /** Shown to the embedding endpoint, and to nobody else. */
  readonly embeddingsKey?: string | undefined;
  /** Version shown to clients and in logs. */
  readonly version: string;
  /** Keeps who is stopped (`Broker.quarantine`); undefined = forgotten with the process. */
  readonly quarantines?: QuarantineKeeper | undefined;
  /** Keeps the audit; undefined = nobody does. */
  readonly audit?: AuditSink | undefined;
  /** Asked for each new connection: where to write what is said on it; undefined = nowhere. */
  readonly trace?: (() => Trace | undefined) | undefined;
  /** Reads the configuration again, for an operator who asks. @throws what is wrong with it */
  readonly reload?: (() => Promise<void>) | undefined;
}

/** Where a broker listens. */
export type BrokerAddress = RouterAddress;

type State = "new" | "starting" | "running" | "recovering" | "failed" | "stopping" | "stopped";

/** The clock's alarm rings again this long after a look at what is due went wrong. */
const tickRetryMs = 1000;

export class Broker implements AsyncDisposable {
  /** Resolves when the broker can not go on; the process should end with exit code 74. */
  readonly fatal: Promise<Error>;
  readonly #options: BrokerOptions;
  readonly #deps: BrokerDeps;
  readonly #rules: Rules;
  readonly #router: Router;
  readonly #space: MailboxSpace;
  readonly #mailboxes: Mailboxes;
  readonly #guard: DiskGuard;
  readonly #view: BrokerView;
  readonly #system: System;
  readonly #quarantines: Quarantines;
  readonly #embeddings: Embeddings | undefined;
  readonly #alarm: Alarm;
  readonly #clock: BrokerClock = { nowMs: () => this.#time.nowMs() };
  #time = new SteadyClock(0, () => {});
  #storingClock: NodeJS.Timeout | undefined;
  #reportFatal: (error: Error) => void = () => {};
  #state: State = "new";
  #starting: Promise<BrokerAddress> | undefined;
  #recovering: Promise<void> | undefined;
  /** Never rejects. */
  #clearing: Promise<void> | undefined;
  #ticking = false;
  #rangMeanwhile = false;
  #stopping: Promise<void> | undefined;

  /** What every deadline is measured by; never steps. */
  get clock(): BrokerClock {
    return this.#clock;
  }

  /** What can be seen of it from outside; nothing of that changes it. */
  get monitor(): MonitorView {
    return this.#view;
  }

  constructor(options: BrokerOptions, deps: BrokerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#rules = new Rules(options);
    this.fatal = new Promise((resolve) => {
      this.#reportFatal = resolve;
    });
    this.#alarm = new Alarm(this.#clock, () => void this.#tick());
    const { agentsMax, staleAfterMs, goneAfterMs } = options.registry;
    this.#embeddings = createEmbeddings(
      options.registry,
      deps.embeddingsKey,
      deps.log.child("registry"),
    );
    const meters = new Meters();
    this.#mailboxes = new Mailboxes(
      {
        meters: meters.mail,
        commits: meters,
        store: deps.store,
        clock: this.#clock,
        random: { uuid: randomUUID, bytes: randomBytes },
        defer: setImmediate,
        digest: sha256,
        directoryBody,
        embed: this.#embeddings?.embed,
        publicAgent,
        wakeAt: (atMs) => this.#alarm.setFor(atMs),
        storeFailed: (error) => this.#storeFailed(error),
      },
      {
        ...domainLimits(options),
        agentsMax,
        staleAfterMs,
        goneAfterMs,
      },
    );
    const routerLog = deps.log.child("router");
    const {
      maxSubscriptionsPerConnection,
      maxWaitingFetchesPerConnection,
      maxClosedConnections,
      maxMissesPerUser,
      maxMissesPerAddress,
      ...limits
    } = options.limits;
    const closed = new ClosedConnections(maxClosedConnections);
    const audit = deps.audit && new Audit(deps.audit);
    const failed = (error: unknown): void =>
      deps.log.error("a defect in mq9 kept a request from being answered", {
        error: error instanceof Error ? error : new Error(String(error)),
      });
    this.#router = createRouter(
      {
        host: options.host,
        port: options.port,
        tls: options.tls,
        websocket: options.websocket && {
          ...options.websocket,
          // Without users, any page that a browser on this machine shows could read all mail.
          localOrigins:
            options.websocket.localOrigins ?? (() => !this.#rules.admission.authRequired),
        },
        serverName: options.serverName,
        ...limits,
        maxSubscriptions: maxSubscriptionsPerConnection,
        productVersion: deps.version,
      },
      {
        authenticator: this.#rules.authenticator(),
        connected: (connection) => {
          const { id, name, lang } = connection;
          routerLog.debug("connected", { client: id, name, lang });
          this.#system.connected(connection);
        },
        refused: (...what) => this.#system.refused(...what),
        disconnected: (connection, reason) => {
          closed.add(connection, reason, this.#router.nowMs());
          this.#system.disconnected(connection, reason);
          routerLog.debug("disconnected", { client: connection.id, reason });
        },
        ...(deps.trace === undefined ? {} : { trace: deps.trace }),
        ownerFailed: ({ id }, error) =>
          routerLog.error("a defect in mq9 ended one connection", {
            client: id,
            error: error instanceof Error ? error : new Error(String(error)),
          }),
      },
    );
    this.#space = new MailboxSpace(this.#mailboxes, this.#router.services, {
      ...defaultDialectOptions,
      ...options.mailbox,
      allowTap: options.tap,
      replyBytesMax: replyBytesMax(options),
      waitingFetchesMax: maxWaitingFetchesPerConnection,
      misses: { perUser: maxMissesPerUser, perAddress: maxMissesPerAddress },
      nowMs: () => this.#clock.nowMs(),
      meters,
      audit: audit && ((fact) => audit.tell(fact)),
      failed,
    });
    this.#router.claim(this.#space);
    this.#guard = new DiskGuard(
      {
        store: deps.store,
        log: deps.log.child("disk"),
        reserve: deps.reserve,
        refuse: (error) => {
          if (this.#state !== "stopping") this.#mailboxes.refuse(error);
        },
      },
      options.disk,
    );
    this.#view = new BrokerView({
      router: this.#router,
      mailboxes: this.#mailboxes,
      meters,
      closed,
      guard: this.#guard,
      productVersion: deps.version,
      state: () => this.#state,
      clock: () => ({ aheadMs: this.#time.aheadMs, suspect: this.#time.isSuspect }),
      admission: () => ({
        ...this.#rules.admission,
        tlsRequired: isTlsRequired(options),
      }),
    });
    const { reload } = deps;
    this.#quarantines = new Quarantines(this.#router, deps.quarantines, () => this.#rules.auth);
    const refusals = new RefusalLog(deps.log.child("auth"), () => performance.now());
    this.#system = new System({
      router: this.#router,
      view: this.#view,
      audit,
      refusals,
      quarantines: this.#quarantines,
      reload,
      failed,
    });
  }

  /**
   * Opens the store, then listens. May be repeated after it failed.
   * @throws {StoreError} when the store can not be used; a system error when the port can not;
   * {Mq9Error} `draining` when the broker is stopped
   */
  start(): Promise<BrokerAddress> {
    if (this.#state === "stopping" || this.#state === "stopped") return Promise.reject(draining());
    if (this.#state !== "new") return Promise.reject(new Error("the broker was started already"));
    this.#state = "starting";
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<BrokerAddress> {
    const { store, log } = this.#deps;
    try {
      await this.#guard.beforeOpen();
      const opening = await store.open();
      if (opening.recovered)
        log.warn("the last process did not stop cleanly; the store was verified");
      this.#time = new SteadyClock(opening.clockMs, (aheadMs) => this.#suspectClock(aheadMs));
      this.#mailboxes.opened(opening);
      await this.#guard.start();
      await this.#quarantines.restore();
      if (!this.#is("starting")) throw draining();
      const address = await this.#router.listen();
      this.#tellFiles();
      if (!this.#is("starting")) throw draining();
      this.#state = "running";
      this.#loadTotals();
      this.#storingClock = setInterval(() => {
        if (this.#is("running") && this.#time.isAhead) this.#mailboxes.writeClock();
      }, storeAheadEveryMs).unref();
      this.#alarm.setFor(0);
      return address;
    } catch (error) {
      this.#guard.stop();
      await store.close();
      if (this.#is("starting")) this.#state = "new";
      throw error;
    }
  }

  /**
   * Other rules from now on, for all who may stay.
   * @throws {OptionsError} when they can not be used; nothing is changed then
   */
  reload(changes: BrokerReload): void {
    this.#rules.change(changes, {
      router: this.#router,
      mailboxes: this.#mailboxes,
      space: this.#space,
    });
    this.#view.configuredAtMs = Date.now();
    this.#system.reloaded();
  }

  /** Only monitoring waits for it. */
  #loadTotals(): void {
    this.#mailboxes.loadTotals().catch((error: unknown) => {
      // An Mq9Error says that the store failed, which was reported where it happened.
      if (!(error instanceof Mq9Error)) this.#storeFailed(error);
    });
  }

  /**
   * Stops the reads and writes of one user of one account, or lets them go on: connections it has and
   * those it will make, also after a restart where somebody keeps that (`BrokerDeps.quarantines`). What it has
   * stays. Stopping holds at once.
   * @returns its open connections
   * @throws {QuarantineError} when there is no such user, or it could not be kept
   */
  quarantine(principal: Principal, on: boolean): Promise<number> {
    return this.#system.quarantine(principal, on, undefined);
  }

  /** Fewer connections than configured, because the store and others need files too. */
  #tellFiles(): void {
    const { maxConnections } = this.#router;
    if (maxConnections >= this.#options.limits.maxConnections) return;
    this.#deps.log.info(
      `at most ${maxConnections} connections: the process may not open more files (ulimit -n)`,
      { maxConnections },
    );
  }

  /**
   * Takes leave of the clients, writes what is left and closes the store. Idempotent.
   * Nothing accepted is lost if it is cut short.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /**
   * As `stop`, but slowly: accepts no more, tells clients to go elsewhere, and serves who is left until
   * its turn comes. `stop` cuts it short.
   */
  async retire(times: DrainTimes): Promise<void> {
    if (this.#state === "running" || this.#state === "recovering") {
      this.#system.lameDuck();
      await this.#router.drain(times, () => this.#system.shutDown());
    }
    await this.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    const writes = this.#state === "running" || this.#state === "recovering";
    this.#state = "stopping";
    this.#guard.stop();
    this.#mailboxes.refuse(draining());
    this.#space.drain();
    // What began goes on to where it notices; a start that failed was told to who started.
    await Promise.allSettled([this.#starting, this.#recovering]);
    if (this.#starting !== undefined) await this.#takeLeave();
    this.#alarm.stop();
    clearInterval(this.#storingClock);
    this.#embeddings?.stop();
    try {
      await this.#leaveStore(writes);
    } catch (error) {
      if (!(error instanceof StoreError || error instanceof Mq9Error)) throw error;
      this.#fail(error);
    }
    this.#state = "stopped";
  }

  async #takeLeave(): Promise<void> {
    this.#system.lameDuck();
    await this.#router.drain(this.#options.shutdown, () => this.#system.shutDown());
    this.#system.stop();
  }

  /** @throws what failed; the store is closed all the same */
  async #leaveStore(writes: boolean): Promise<void> {
    const { store } = this.#deps;
    try {
      if (writes) {
        this.#mailboxes.writeLast();
        await this.#mailboxes.settled();
      }
    } finally {
      this.#mailboxes.storeFailed(draining()); // a command still under way finds no store
      await store.close();
    }
  }

  /** Asked again after every await: whoever stops the broker does not wait for it. */
  #is(state: State): boolean {
    return this.#state === state;
  }

  /** Expiry, sweeping, positions; then garbage, a slice at a time. */
  async #tick(): Promise<void> {
    if (this.#state !== "running") return;
    if (this.#ticking) {
      this.#rangMeanwhile = true;
      this.#alarm.setFor(this.#mailboxes.ring());
      return;
    }
    this.#ticking = true;
    this.#rangMeanwhile = false;
    let nextMs: number;
    try {
      nextMs = await this.#mailboxes.tick();
      if (this.#rangMeanwhile) nextMs = 0;
      this.#clearing ??= this.#clearGarbage().finally(() => {
        this.#clearing = undefined;
      });
    } catch (error) {
      nextMs = this.#clock.nowMs() + tickRetryMs;
      // An Mq9Error says that the store failed, which was reported where it happened.
      if (!(error instanceof Mq9Error)) this.#storeFailed(error);
    }
    this.#ticking = false;
    if (this.#is("running")) this.#alarm.setFor(nextMs);
  }

  #suspectClock(aheadMs: number | undefined): void {
    this.#view.clockSuspected(aheadMs !== undefined);
    if (aheadMs === undefined) {
      this.#deps.log.info("the machine's clock is believed again");
      this.#alarm.setFor(0);
      return;
    }
    const how = aheadMs > 0 ? "ahead of" : "behind";
    this.#deps.log.warn(
      `the machine's clock is ${Math.round(Math.abs(aheadMs) / 1000)} s ${how} the broker's: it is not followed, and nothing is cleared from disk until it is right again`,
      { aheadMs },
    );
  }

  async #clearGarbage(): Promise<void> {
    if (this.#time.isSuspect) return; // what ended by a wrong clock may have to come back
    try {
      while (this.#is("running") && (await this.#deps.store.clearGarbage())) {
        await new Promise(setImmediate); // other work goes first
      }
    } catch (error) {
      this.#storeFailed(error);
    }
  }

  /**
   * Nothing more was acknowledged from here on. One broken record concerns its mailbox alone; a full
   * disk is survived by reopening the store; any other disk error ends the process, because what a
   * failed write left behind can only be known by a fresh start.
   */
  #storeFailed(error: unknown): void {
    if (this.#state !== "running") return;
    const { log } = this.#deps;
    if (error instanceof StoreError && error.code === "corrupt") {
      log.error("a stored record is damaged and is not served", { error });
      return;
    }
    this.#mailboxes.storeFailed(error); // before the store closes: nothing can be staged after
    if (error instanceof StoreError && error.code === "full") {
      this.#state = "recovering";
      log.error("the disk is full: closing and verifying the store", { error });
      this.#recovering = this.#reopen();
      return;
    }
    this.#fail(error instanceof Error ? error : new Error(String(error)));
  }

  #fail(error: Error): void {
    if (this.#state !== "stopping") this.#state = "failed";
    this.#guard.stop();
    this.#alarm.stop();
    clearInterval(this.#storingClock);
    this.#deps.log.error("the store failed; nothing more is accepted", { error });
    // Whoever hears of it ends the process; answers are written at the end of a round of the event loop.
    setImmediate(() => setImmediate(() => this.#reportFatal(error)));
  }

  /** Goes on to the end when the broker is stopped meanwhile, so that the stop can write what is left. */
  async #reopen(): Promise<void> {
    const { store, log } = this.#deps;
    try {
      await store.close().catch(() => {}); // best effort: it failed already, open verifies
      await this.#clearing; // what it meets while the store is closed says nothing about the next
      await this.#guard.beforeOpen();
      this.#mailboxes.reopened(await store.open());
      log.warn("the store was verified; what was accepted before is all there");
      if (!this.#is("recovering")) return;
      this.#state = "running";
      this.#loadTotals();
      await this.#guard.check();
      if (this.#is("running")) this.#alarm.setFor(0);
    } catch (error) {
      this.#fail(error as Error);
    }
  }
}

function isTlsRequired({ tls }: BrokerOptions): boolean {
  return tls !== undefined && !tls.allowNonTls;
}

function sha256(parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function draining(): Mq9Error {
  return new Mq9Error("draining", "the broker is shutting down: connect again and repeat this");
}

/** Makes a broker; nothing is opened before `start`. */
export function createBroker(options: BrokerOptions, deps: BrokerDeps): Broker {
  return new Broker(options, deps);
}
