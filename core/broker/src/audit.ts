// What happened that somebody may have to answer for, told to whoever keeps it (`BrokerDeps.audit`).
// Nothing here is built without one. Events carry no payloads, tokens or passwords; strings that came
// from outside are cut and cleaned; names that are unguessable by design appear as digests.
import { createHash } from "node:crypto";
import { type Client, Connection } from "@mq9/router";

/** The connection that did something. */
export interface AuditActor {
  readonly account: string;
  /** User name, public nkey or certificate name; "" when nobody signs in. */
  readonly user: string;
  /** Number of the connection, as in `/connz`. */
  readonly client: number;
  readonly address: string;
  /** The connection's own name for itself. */
  readonly name: string;
}

/** Why somebody was not let in, or no longer. */
export type AuthFailure = "credentials" | "timeout" | "expired" | "revoked" | "limit";

/** What can happen. `by` is absent where the process itself or its operator did it. */
export type AuditFact =
  | { readonly kind: "auth.ok"; readonly by: AuditActor }
  | {
      readonly kind: "auth.failed";
      readonly reason: AuthFailure;
      readonly client: number;
      readonly address: string;
    }
  | {
      readonly kind: "permission.refused";
      readonly by: AuditActor;
      readonly operation: "publish" | "reply" | "subscribe";
      readonly subject: string;
    }
  /** Somebody wanted something of a mailbox that is there, or to make one, without the right to. */
  | {
      readonly kind: "mailbox.refused";
      readonly by: AuditActor;
      readonly mailbox: string;
      /** What would have done, for instance `receive`, `receive query` or `create`. */
      readonly right: string;
    }
  /** Agents caused each other's messages without end. */
  | { readonly kind: "loop.stopped"; readonly by: AuditActor; readonly subject: string }
  | {
      readonly kind: "mailbox.created" | "mailbox.renewed" | "mailbox.dropped";
      readonly by: AuditActor;
      readonly mailbox: string;
    }
  | {
      readonly kind: "mailbox.purged" | "dead_letters.redriven";
      readonly by: AuditActor;
      readonly mailbox: string;
      readonly messages: number;
    }
  | {
      readonly kind: "grant.given";
      readonly by: AuditActor;
      readonly mailbox: string;
      /** Names the token without being it. */
      readonly grant: string;
      /** For instance `send receive`. */
      readonly rights: string;
    }
  | {
      readonly kind: "grant.revoked";
      readonly by: AuditActor;
      readonly mailbox: string;
      readonly grant: string;
    }
  | {
      readonly kind: "agent.registered" | "agent.replaced" | "agent.unregistered";
      readonly by: AuditActor;
      readonly agent: string;
    }
  | {
      readonly kind: "connection.kicked";
      readonly by: AuditActor | undefined;
      readonly kicked: AuditActor;
    }
  | { readonly kind: "config.reloaded"; readonly by: AuditActor | undefined }
  /** Somebody with access to the data folder copied everything, without a connection. */
  | { readonly kind: "backup.taken"; readonly mailboxes: number; readonly messages: number }
  | {
      readonly kind: "quarantine.began" | "quarantine.ended";
      readonly by: AuditActor | undefined;
      readonly account: string;
      readonly user: string;
      /** Its connections at that moment. */
      readonly connections: number;
    }
  /** Events of one kind came too fast: this many are missing. */
  | { readonly kind: "audit.omitted"; readonly of: AuditKind; readonly count: number };

/** The words of the closed list. */
export type AuditKind = AuditFact["kind"];

/** A fact and when it was, in Unix milliseconds by the machine's clock. */
export type AuditEvent = AuditFact & { readonly atMs: number };

/**
 * Keeps events. Called synchronously; must not throw.
 * @returns `false` when events wait because they can not be kept now; anything else means they are kept
 */
export type AuditSink = (event: AuditEvent) => unknown;

/** Events of one kind per second that are kept: those that strangers can cause at will are fewer. */
const keptPerSecond = 1_000;
const keptOfStrangers = 50;
const causedByStrangers: ReadonlySet<AuditKind> = new Set([
  "auth.failed",
  "permission.refused",
  "mailbox.refused",
  "loop.stopped",
]);
const windowMs = 1_000;

/** Cleans events, and leaves out what comes too fast. */
export class Audit {
  readonly #sink: AuditSink;
  readonly #nowMs: () => number;
  readonly #counts = new Map<AuditKind, number>();
  #window: NodeJS.Timeout | undefined = undefined;
  #failing = false;

  constructor(sink: AuditSink, nowMs: () => number = Date.now) {
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  /** The latest event could not be kept at once. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Tells what happened, now. */
  tell(fact: AuditFact): void {
    const { kind } = fact;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#window ??= setTimeout(() => this.settle(), windowMs).unref();
    if (count <= keptOf(kind)) this.#keep({ ...cleaned(fact), atMs: this.#nowMs() });
  }

  /** Says how much is missing of what came too fast. By itself within a second; also before the end. */
  settle(): void {
    clearTimeout(this.#window);
    this.#window = undefined;
    for (const [of, count] of this.#counts) {
      const left = count - keptOf(of);
      if (left > 0) this.#keep({ kind: "audit.omitted", of, count: left, atMs: this.#nowMs() });
    }
    this.#counts.clear();
  }

  #keep(event: AuditEvent): void {
    this.#failing = this.#sink(event) === false;
  }
}

/** Who a connection is, as an event tells it. */
export function actorOf(client: Client): AuditActor {
  const connection = client instanceof Connection ? client : undefined;
  return {
    account: client.account,
    user: connection?.identity?.user ?? "",
    client: client.id,
    address: connection?.remoteAddress ?? "",
    name: client.name,
  };
}

function keptOf(kind: AuditKind): number {
  return causedByStrangers.has(kind) ? keptOfStrangers : keptPerSecond;
}

/** Every string of a fact, one level down too: actors are as deep as facts go. */
function cleaned<T extends object>(fact: T): T {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fact)) {
    if (typeof value === "string") result[name] = withoutSecretNames(cleanText(value));
    else result[name] = typeof value === "object" && value !== null ? cleaned(value) : value;
  }
  return result as T;
}

const textMax = 256;

// Controls, separators of lines, and characters that hide or turn the text around them.
const unsafeCharacters = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function cleanText(text: string): string {
  const cut = text.length > textMax ? `${text.slice(0, textMax)}…` : text;
  return cut.replace(
    unsafeCharacters,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Whoever knows the name of a mailbox that the broker named may use it where nobody signs in. Its digest
 * tells such mailboxes apart, and who knows the name can compute it: SHA-256, the first twelve digits.
 */
const generatedNames =
  /\b(m-(?:status-)?)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[a-z2-7]{26}\b/g;

/** A text with digests in place of such names. */
export function withoutSecretNames(text: string): string {
  return text.replace(generatedNames, (name: string, prefix: string | undefined) => {
    const digest = createHash("sha256").update(name).digest("hex").slice(0, 12);
    return `${prefix ?? ""}#${digest}`;
  });
}
