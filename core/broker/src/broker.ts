// Assembles a broker: store, domain, owner of `$mq9.AI.` and router, and their life from start to
// stop. What happens when the disk fails is decided here (promises P4 and P5).
import { randomBytes, randomUUID } from "node:crypto";
import { directoryBody } from "@mq9/dialects";
import { Mailboxes } from "@mq9/mailbox";
import { Mq9Error } from "@mq9/protocol";
import { createRouter, type Router } from "@mq9/router";
import { type Store, StoreError } from "@mq9/store";
import { Alarm } from "./alarm.ts";
import { type BrokerClock, createBrokerClock } from "./clock.ts";
import { DiskGuard, type DiskReserve } from "./disk-guard.ts";
import type { Log } from "./log.ts";
import { MailboxSpace } from "./mailbox-space.ts";
import type { BrokerOptions } from "./options.ts";

export interface BrokerDeps {
  /** Not yet opened; the broker opens and closes it. */
  readonly store: Store;
  readonly log: Log;
  readonly reserve?: DiskReserve | undefined;
  /** Version shown to clients and in logs. */
  readonly version: string;
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export class Broker implements AsyncDisposable {
  /** Resolves when the broker can not go on; the process should end with exit code 74. */
  readonly fatal: Promise<Error>;
  readonly #options: BrokerOptions;
  readonly #deps: BrokerDeps;
  readonly #router: Router;
  readonly #mailboxes: Mailboxes;
  readonly #guard: DiskGuard;
  readonly #alarm: Alarm;
  readonly #clock: BrokerClock = { nowMs: () => this.#time.nowMs() };
  #time: BrokerClock = createBrokerClock(0);
  #reportFatal: (error: Error) => void = () => {};
  #state: "new" | "running" | "recovering" | "failed" | "stopping" | "stopped" = "new";
  #clearing = false;
  #ticking = false;
  #rangMeanwhile = false;
  #stopping: Promise<void> | undefined;

  constructor(options: BrokerOptions, deps: BrokerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.fatal = new Promise((resolve) => {
      this.#reportFatal = resolve;
    });
    this.#alarm = new Alarm(this.#clock, () => void this.#tick());
    this.#mailboxes = new Mailboxes(
      {
        store: deps.store,
        clock: this.#clock,
        random: { uuid: randomUUID, bytes: randomBytes },
        defer: setImmediate,
        directoryBody,
        wakeAt: (atMs) => this.#alarm.setFor(atMs),
        storeFailed: (error) => this.#storeFailed(error),
      },
      {
        activeMax: options.mailbox.activeMailboxesMax,
        payloadBytesMax: options.limits.maxPayloadBytes,
      },
    );
    const routerLog = deps.log.child("router");
    const { maxSubscriptionsPerConnection, ...limits } = options.limits;
    this.#router = createRouter(
      {
        host: options.host,
        port: options.port,
        serverName: options.serverName,
        ...limits,
        maxSubscriptions: maxSubscriptionsPerConnection,
        productVersion: deps.version,
      },
      {
        connected: ({ id, name, lang }) => routerLog.debug("connected", { client: id, name, lang }),
        disconnected: ({ id }, reason) => routerLog.debug("disconnected", { client: id, reason }),
        ownerFailed: ({ id }, error) =>
          routerLog.error("a defect in mq9 ended one connection", {
            client: id,
            error: error instanceof Error ? error : new Error(String(error)),
          }),
      },
    );
    this.#router.claim(
      new MailboxSpace(this.#mailboxes, this.#router.services, {
        ...options.mailbox,
        allowTap: options.tap,
      }),
    );
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
  }

  /**
   * Opens the store, then listens.
   * @throws {StoreError} when the store can not be used; a system error when the port can not
   */
  async start(): Promise<BrokerAddress> {
    const { store, log } = this.#deps;
    const opening = await store.open();
    if (opening.recovered)
      log.warn("the last process did not stop cleanly; the store was verified");
    try {
      this.#time = createBrokerClock(opening.clockMs);
      this.#mailboxes.opened(opening);
      await this.#guard.start();
      const address = await this.#router.listen();
      this.#state = "running";
      this.#alarm.setFor(0);
      return address;
    } catch (error) {
      this.#guard.stop();
      await store.close();
      throw error;
    }
  }

  /**
   * Takes leave of the clients, writes what is left and closes the store. Idempotent.
   * Nothing accepted is lost if it is cut short.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    const started = this.#state !== "new";
    const failed = this.#state === "failed";
    this.#state = "stopping";
    this.#guard.stop();
    this.#mailboxes.refuse(
      new Mq9Error("draining", "the broker is shutting down: connect again and repeat this"),
    );
    if (started) await this.#router.drain(this.#options.shutdown);
    this.#alarm.stop();
    if (started && !failed) {
      this.#mailboxes.writePositions();
      await this.#mailboxes.settled();
    }
    await this.#deps.store.close();
    this.#state = "stopped";
  }

  /** Expiry, sweeping, positions; then garbage, a slice at a time. */
  async #tick(): Promise<void> {
    if (this.#state !== "running") return;
    if (this.#ticking) {
      this.#rangMeanwhile = true;
      return;
    }
    this.#ticking = true;
    this.#rangMeanwhile = false;
    try {
      const nextMs = await this.#mailboxes.tick();
      this.#alarm.setFor(this.#rangMeanwhile ? 0 : nextMs);
      void this.#clearGarbage();
    } catch (error) {
      // An Mq9Error says that the store failed, which was reported where it happened.
      if (!(error instanceof Mq9Error)) this.#storeFailed(error);
    } finally {
      this.#ticking = false;
    }
  }

  async #clearGarbage(): Promise<void> {
    if (this.#clearing) return;
    this.#clearing = true;
    try {
      while (this.#state === "running" && (await this.#deps.store.clearGarbage())) {
        await new Promise(setImmediate); // other work goes first
      }
    } catch (error) {
      this.#storeFailed(error);
    } finally {
      this.#clearing = false;
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
    if (error instanceof StoreError && error.code === "full") {
      this.#state = "recovering";
      log.error("the disk is full: closing and verifying the store", { error });
      void this.#reopen();
      return;
    }
    this.#fail(error instanceof Error ? error : new Error(String(error)));
  }

  #fail(error: Error): void {
    this.#state = "failed";
    this.#guard.stop();
    this.#alarm.stop();
    this.#deps.log.error("the store failed; nothing more is accepted", { error });
    this.#reportFatal(error);
  }

  async #reopen(): Promise<void> {
    const { store, log } = this.#deps;
    try {
      await store.close().catch(() => {}); // best effort: it failed already, open verifies
      const opening = await store.open();
      this.#mailboxes.reopened(opening);
      this.#state = "running";
      await this.#guard.check();
      log.warn("the store was verified; what was accepted before is all there");
      this.#alarm.setFor(0);
    } catch (error) {
      this.#fail(error as Error);
    }
  }
}

/** Makes a broker; nothing is opened before `start`. */
export function createBroker(options: BrokerOptions, deps: BrokerDeps): Broker {
  return new Broker(options, deps);
}
