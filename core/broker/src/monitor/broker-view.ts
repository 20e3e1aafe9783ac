// The view that monitoring has of a broker, put together from its parts. Made once by the broker.
import { performance } from "node:perf_hooks";
import { type Mailboxes, type StoredTotals, Turns } from "@mq9/mailbox";
import type { DiskGuard } from "../disk-guard.ts";
import type { Meters } from "../meters.ts";
import type { ClosedConnections } from "./closed-connections.ts";
import {
  type ClockFigures,
  type DiskFigures,
  type HttpFacts,
  type MonitoredRouter,
  type MonitorView,
  pause,
  type Readiness,
  type StoredFigures,
} from "./view.ts";

/** How connections are let in. */
export interface Admission {
  readonly authRequired: boolean;
  readonly tlsRequired: boolean;
  /** Undefined = no accounts are configured. */
  readonly systemAccount: string | undefined;
  readonly configuredAccounts: readonly string[];
}

/** What the view is put together from. */
export interface ViewParts {
  readonly router: MonitoredRouter;
  readonly mailboxes: Mailboxes;
  readonly meters: Meters;
  readonly closed: ClosedConnections;
  readonly guard: DiskGuard;
  readonly productVersion: string;
  readonly state: () => string;
  readonly clock: () => ClockFigures;
  readonly admission: () => Admission;
}

/** A commit that takes longer keeps everybody waiting. */
const commitMsMax = 5_000;
/** A clock that is not believed for so long is a fault that somebody has to look at. */
const suspectMsMax = 600_000;

const notRunning: Readonly<Record<string, string>> = {
  new: "the broker has not started",
  starting: "the store is being opened",
  recovering: "the disk was full: the store is being verified",
  failed: "the store failed: the broker has to be started again",
  stopping: "the broker is shutting down",
  stopped: "the broker has stopped",
};

export class BrokerView implements MonitorView {
  http: HttpFacts | undefined = undefined;
  readonly startedAtMs: number = Date.now();
  /** Set anew by a reload. */
  configuredAtMs: number = this.startedAtMs;
  readonly #parts: ViewParts;
  /** By `performance.now()`; undefined = the machine's clock is believed. */
  #suspectSinceMs: number | undefined = undefined;

  readonly lists: Turns = new Turns(1, pause);

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** The machine's clock is no longer believed, or is again. */
  clockSuspected(suspect: boolean): void {
    this.#suspectSinceMs = suspect ? performance.now() : undefined;
  }

  get router(): MonitoredRouter {
    return this.#parts.router;
  }

  get closed(): ClosedConnections {
    return this.#parts.closed;
  }

  get meters(): Meters {
    return this.#parts.meters;
  }

  get productVersion(): string {
    return this.#parts.productVersion;
  }

  get systemAccount(): string | undefined {
    return this.#parts.admission().systemAccount;
  }

  get configuredAccounts(): readonly string[] {
    return this.#parts.admission().configuredAccounts;
  }

  get authRequired(): boolean {
    return this.#parts.admission().authRequired;
  }

  get tlsRequired(): boolean {
    return this.#parts.admission().tlsRequired;
  }

  get state(): string {
    return this.#parts.state();
  }

  get stored(): StoredFigures {
    let mailboxes = 0;
    let messages = 0;
    let bytes = 0;
    for (const account of this.storedByAccount.values()) {
      mailboxes += account.mailboxes;
      messages += account.messages;
      bytes += account.bytes;
    }
    return { mailboxes, messages, bytes };
  }

  get storedByAccount(): ReadonlyMap<string, StoredTotals> {
    return this.#parts.mailboxes.storedByAccount;
  }

  get disk(): DiskFigures {
    return this.#parts.guard.figures;
  }

  get clock(): ClockFigures {
    return this.#parts.clock();
  }

  get readiness(): Readiness {
    const reason = this.#obstacle();
    return reason === undefined ? { ready: true } : { ready: false, reason };
  }

  #obstacle(): string | undefined {
    const { state } = this;
    if (state !== "running") return notRunning[state] ?? `the broker is ${state}`;
    if (this.#parts.guard.full) return "the disk is nearly full: nothing new is stored";
    const nowMs = performance.now();
    const { commitSinceMs } = this.meters;
    if (commitSinceMs !== undefined && nowMs - commitSinceMs > commitMsMax) {
      const seconds = Math.round((nowMs - commitSinceMs) / 1_000);
      return `the disk has not finished a write for ${seconds} s`;
    }
    if (this.#suspectSinceMs !== undefined && nowMs - this.#suspectSinceMs > suspectMsMax) {
      return "the machine's clock has been wrong for more than 10 minutes";
    }
    return undefined;
  }
}
