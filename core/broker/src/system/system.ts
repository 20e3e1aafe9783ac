// Everything a broker tells about itself and lets operators do: the audit, the events and the answers
// of the system account. Hears the router's hooks; assembled by the broker.
import type { Client, Connection, Refused, Router, RouterHooks } from "@mq9/router";
import { fromWireSubject } from "@mq9/wire";
import { type Audit, type AuditActor, type AuthFailure, actorOf } from "../audit.ts";
import type { MonitorView } from "../monitor/view.ts";
import type { Principal, Quarantines } from "../quarantines.ts";
import type { RefusalLog } from "../refusal-log.ts";
import { Envelope } from "./envelope.ts";
import { SystemEvents } from "./system-events.ts";
import { SystemService } from "./system-service.ts";

/** What the system needs of the broker. */
export interface SystemParts {
  readonly router: Router;
  readonly view: MonitorView;
  /** Undefined = nobody keeps the audit. */
  readonly audit: Audit | undefined;
  readonly refusals: RefusalLog;
  readonly quarantines: Quarantines;
  /** Reads the configuration again; undefined = there is none to read. */
  readonly reload: (() => Promise<void>) | undefined;
  /** Hears of a question that a defect of ours kept from being answered. */
  readonly failed: (error: unknown) => void;
}

/** Why somebody was not let in, by the reason a connection was closed for. */
const authFailures: ReadonlyMap<string, AuthFailure> = new Map([
  ["Authentication Failure", "credentials"],
  ["Authentication Timeout", "timeout"],
  ["Authentication Expired", "expired"],
  ["Credentials Revoked", "revoked"],
  ["Maximum Account Connections Exceeded", "limit"],
]);

export class System implements Pick<RouterHooks, "connected" | "disconnected" | "refused"> {
  readonly #parts: SystemParts;
  readonly #service: SystemService;
  readonly #events: SystemEvents;
  /** Who asked for the reload that is going on. */
  #reloadAskedBy: AuditActor | undefined = undefined;

  constructor(parts: SystemParts) {
    this.#parts = parts;
    const { router, view, audit } = parts;
    const shared = { services: router.services, view, envelope: new Envelope(view) };
    this.#events = new SystemEvents(shared);
    this.#service = new SystemService({
      ...shared,
      router,
      audit,
      reload: parts.reload && ((by) => this.#reload(by)),
      failed: parts.failed,
      quarantined: () => parts.quarantines.stopped,
      quarantine: (principal, on, by) => this.quarantine(principal, on, by),
    });
    this.operate();
  }

  /** Serves the system account that the view names by now. */
  operate(): void {
    const { systemAccount } = this.#parts.view;
    this.#service.operate(systemAccount);
    this.#events.operate(systemAccount);
  }

  /** Other rules hold from now on. */
  reloaded(): void {
    this.#parts.audit?.tell({ kind: "config.reloaded", by: this.#reloadAskedBy });
    this.operate();
  }

  async #reload(by: AuditActor): Promise<void> {
    this.#reloadAskedBy = by;
    try {
      await this.#parts.reload?.();
    } finally {
      this.#reloadAskedBy = undefined;
    }
  }

  readonly connected = (connection: Connection): void => {
    const { audit, view } = this.#parts;
    const signedIn = view.authRequired || connection.identity?.user !== "";
    if (signedIn) audit?.tell({ kind: "auth.ok", by: actorOf(connection) });
    this.#events.connected(connection);
  };

  readonly disconnected = (connection: Connection, reason: string): void => {
    const failure = authFailures.get(reason);
    if (failure !== undefined) {
      this.#parts.audit?.tell({
        kind: "auth.failed",
        reason: failure,
        client: connection.id,
        address: connection.remoteAddress,
      });
      this.#parts.refusals.tell({
        reason,
        address: connection.remoteAddress,
        client: connection.id,
        wasIn: connection.identity !== undefined,
      });
    }
    if (connection.identity !== undefined) this.#events.disconnected(connection, reason);
    else if (failure !== undefined) this.#events.turnedAway(connection, reason);
  };

  readonly refused = (connection: Client, operation: Refused, subject: string): void => {
    const { audit } = this.#parts;
    if (audit === undefined) return;
    const by = actorOf(connection);
    audit.tell({ kind: "permission.refused", by, operation, subject: fromWireSubject(subject) });
  };

  /**
   * Stops the reads and writes of a principal, or lets them go on. What it has stays.
   * @param by undefined = whoever runs the process
   * @returns its connections
   * @throws {QuarantineError} when there is no such user, or it could not be kept
   */
  quarantine(principal: Principal, on: boolean, by: AuditActor | undefined): Promise<number> {
    const kind = on ? "quarantine.began" : "quarantine.ended";
    return this.#parts.quarantines.set(principal, on, (connections) => {
      this.#parts.audit?.tell({ kind, by, ...principal, connections });
    });
  }

  /** The server takes leave of its clients. */
  lameDuck(): void {
    this.#events.lameDuck();
  }

  /** The server is about to close what is left. */
  shutDown(): void {
    this.#events.shutDown();
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#events.stop();
    this.#parts.audit?.settle();
  }
}
