// What the methods of a mailbox may be told.
import type { PriorityLabel, StartPosition } from "@mq9/protocol";
import type { HeadersInit } from "./headers.ts";
import type { Message } from "./message.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import type { Schema } from "./schema.ts";

/** What every mailbox of one client shares. */
export interface Surround {
  readonly api: RemoteApi;
  /** The own agent's name. */
  readonly agent: string | undefined;
  /** Calls back before the connection is drained. @returns what takes that back */
  readonly onClose: (callback: () => void | Promise<void>) => () => void;
}

export interface MailboxOptions<T> {
  /** Shown with every request about it. */
  readonly token?: string | undefined;
  /** Checks what is sent and what is received; any Standard Schema library makes them. */
  readonly schema?: Schema<T> | undefined;
}

export interface SendOptions extends CallOptions {
  /** Default `normal`. */
  readonly priority?: PriorityLabel | undefined;
  /** Only the newest message of a key is kept. */
  readonly key?: string | undefined;
  /** Invisible for so many milliseconds: a multiple of 1,000, at most 30 days. */
  readonly delayMs?: number | undefined;
  /** The message ends before its mailbox does. */
  readonly ttlSeconds?: number | undefined;
  /** Words that a query can ask for. */
  readonly tags?: readonly string[] | undefined;
  /** The same id within ten minutes is stored once. Default: a new one for each call. */
  readonly dedupId?: string | undefined;
  readonly headers?: HeadersInit | undefined;
  /** The mailbox that an answer shall go to. */
  readonly replyTo?: string | undefined;
  /**
   * The message that made you send this one. The broker counts: agents that set each other off without end
   * are stopped after sixteen messages (`forbidden`).
   */
  readonly cause?: Pick<Message<unknown>, "headers"> | undefined;
}

/** Where to begin. */
export type From = "earliest" | "latest" | Date | { readonly msgId: number };

export interface FetchOptions extends CallOptions {
  /** Members of one group share the work. Without one, nothing is taken. */
  readonly group?: string | undefined;
  /** Default 100, at most 1,000. */
  readonly limit?: number | undefined;
  /** How long to wait for a first message. Default 500, at most 60,000. */
  readonly waitMs?: number | undefined;
  /** Where a new group, or a look without one, begins. Default `earliest`. */
  readonly from?: From | undefined;
  /** How long what is fetched stays with this client. Default 30,000. */
  readonly leaseMs?: number | undefined;
  /** Deliveries after which a message goes to the dead letters. Default 20. */
  readonly deliveriesMax?: number | undefined;
  /** One of so many messages is the oldest of the lowest priority. Default 0: strict priority. */
  readonly fairEvery?: number | undefined;
  /** The leases outlive this connection: for work that another process settles. */
  readonly detached?: boolean | undefined;
  /** Only look what the group would be handed: nothing is leased or counted, no group is made. */
  readonly look?: boolean | undefined;
}

export interface MessagesOptions {
  /**
   * Share the messages with other readers of that group. Each is leased while the loop works on it and
   * acknowledged when the loop asks for the next; leaving the loop hands the current one back.
   */
  readonly group?: string | undefined;
  /** Only this one. */
  readonly priority?: PriorityLabel | undefined;
  /** Ends the loop quietly. */
  readonly signal?: AbortSignal | undefined;
  /** Only what is stored by now, in the order it would leave; then the loop ends. */
  readonly replayOnly?: boolean | undefined;
}

export interface QueryOptions extends CallOptions {
  readonly key?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Default `all`. */
  readonly tagsMode?: "all" | "any" | undefined;
  readonly since?: Date | undefined;
  /** The newest so many. Default 100, at most 1,000. */
  readonly limit?: number | undefined;
  /** Only numbers below this one: the page before. */
  readonly beforeId?: number | undefined;
}

/** A position in the terms of the waist. */
export function startOf(from: From): StartPosition {
  if (from === "earliest" || from === "latest") return { at: from };
  if (from instanceof Date) return { at: "time", ms: from.getTime() };
  return { at: "id", msgId: from.msgId };
}
