// What a dialect is: a pure translation between one generation's subjects and JSON and the
// operations of MailboxApi. Everything generation-specific lives in the folders beside this file.
import type {
  CreateRequest,
  CreateResult,
  MailboxInfo,
  MailMessage,
  Mq9Error,
  PriorityLabel,
  QueryResult,
  RankMask,
} from "@mq9/protocol";

/** 0: INBOX and BROADCAST. 1: MAILBOX.MSG. 2: MSG.SEND and AGENT.*. */
export type Generation = 0 | 1 | 2;

/** What is known of the connection that asks. */
export interface Caller {
  /** `name` of its CONNECT; "" when it gave none. */
  readonly clientName: string;
  /** The generation its latest unmistakable subject belonged to; undefined = none yet. */
  readonly generation: Generation | undefined;
}

/** How mail looks to one subscription. */
export interface View {
  /** `inbox`: `INBOX.<id>.<p>`. `direct`: `MAILBOX.<id>.<p>`. `mailbox`: `MAILBOX.MSG.<id>[.<p>]`. `channel`: `BROADCAST.<d>.<e>`. `directory`: PUBLIC.LIST events. */
  readonly form: "inbox" | "direct" | "mailbox" | "channel" | "directory";
  /** The subscription named no priority, so delivered subjects carry none. */
  readonly bare: boolean;
}

/** A mailbox and a priority that a subject can also mean when the first reading names no mailbox. */
export interface OtherReading {
  readonly mailbox: string;
  readonly label: PriorityLabel;
}

/** What a subscription means when its last token belongs to the mailbox's name. */
export interface OtherMailReading {
  readonly mailbox: string;
  readonly ranks: RankMask;
  readonly view: View;
}

/** What a PUB under `$mq9.AI.` means. Depends on the subject alone, so it can be cached by subject. */
export type PublishTarget =
  | {
      readonly kind: "send";
      readonly generation: Generation | undefined;
      readonly mailbox: string;
      readonly label: PriorityLabel;
      /** Set when the last token looks like a priority but may belong to the name (`order.urgent`). */
      readonly otherwise: OtherReading | undefined;
      /** Life of the message in seconds; undefined = as long as its mailbox. */
      readonly ttlSeconds: number | undefined;
    }
  | {
      readonly kind: "request";
      readonly generation: Generation | undefined;
      readonly command: Command;
    }
  /**
   * Live, to whoever listens now; also stored when a mailbox named `channel` exists, which is
   * `BROADCAST.<d>.<e>`: the subject without `$mq9.AI.`.
   */
  | { readonly kind: "broadcast"; readonly channel: string }
  /** Ordinary NATS publish inside the space (STATUS, subjects of nobody). */
  | { readonly kind: "plain"; readonly known: boolean }
  /** Not allowed: wildcards, reserved names, malformed ids. */
  | { readonly kind: "refused"; readonly error: Mq9Error };

/** What a SUB under `$mq9.AI.` means. */
export type SubscribeTarget =
  | {
      readonly kind: "mail";
      readonly generation: Generation | undefined;
      readonly mailbox: string;
      readonly match: "exact" | "glob";
      readonly ranks: RankMask;
      readonly view: View;
      /** Set when the last token looks like a priority but may belong to the name (`order.urgent`). */
      readonly otherwise: OtherMailReading | undefined;
    }
  /** Exact BROADCAST subject: replayed when a channel mailbox of that name exists, else plain. */
  | {
      readonly kind: "broadcast";
      readonly channel: string;
      readonly subject: string;
      readonly view: View;
    }
  /** Ordinary NATS subscription inside the space; `subject` has a last `#` turned into `>`. */
  | { readonly kind: "plain"; readonly subject: string }
  /** Sees every publish of the space as it passes. `subject` as for `plain`. */
  | { readonly kind: "tap"; readonly subject: string }
  | { readonly kind: "refused"; readonly error: Mq9Error };

/** A request's verb and what its subject already says. */
export type Command =
  | { readonly verb: "create" }
  | { readonly verb: "query"; readonly mailbox: string }
  | { readonly verb: "list"; readonly mailbox: string }
  | { readonly verb: "remove"; readonly mailbox: string; readonly msgId: string };

/** A decoded request: what to do, in plain terms. */
export type Operation =
  | {
      readonly op: "create";
      readonly request: CreateRequest;
      /** The reply carries a fresh token, which QUERY will ask for. */
      readonly wantsToken: boolean;
    }
  | {
      readonly op: "query";
      readonly mailbox: string;
      readonly token: string | undefined;
      readonly limit: number;
    }
  | {
      readonly op: "list";
      readonly mailbox: string;
      readonly limit: number;
      /** The rows show payloads. */
      readonly withPayload: boolean;
    }
  | { readonly op: "remove"; readonly mailbox: string; readonly msgId: number };

/** One request from decoding to its reply; `op` tells the cases apart. Replies are UTF-8 JSON. */
export type Exchange = { readonly fail: (error: Mq9Error) => Uint8Array } & (
  | {
      readonly op: "create";
      readonly operation: Extract<Operation, { op: "create" }>;
      readonly succeed: (result: CreateResult, token: string | undefined) => Uint8Array;
    }
  | {
      readonly op: "query";
      readonly operation: Extract<Operation, { op: "query" }>;
      readonly succeed: (result: QueryResult) => Uint8Array;
    }
  | {
      readonly op: "list";
      readonly operation: Extract<Operation, { op: "list" }>;
      readonly succeed: (result: QueryResult) => Uint8Array;
    }
  | {
      readonly op: "remove";
      readonly operation: Extract<Operation, { op: "remove" }>;
      readonly succeed: () => Uint8Array;
    }
  /** The request could not be understood; `refusal` is the reply. */
  | { readonly op: "refused"; readonly operation: undefined; readonly refusal: Uint8Array }
);

/** Defaults of TTLs that requests leave out, in seconds; 0 = never. */
export interface DialectOptions {
  /** CREATE without `ttl` (generations 0 and 1, and unnamed mailboxes of 2). */
  readonly defaultTtlSeconds: number;
  /** Named generation 2 CREATE without `ttl`. */
  readonly namedTtlSeconds: number;
  /** Life of a `notify` message, which the documents call not persisted or short-lived. */
  readonly notifyTtlSeconds: number;
  /** `admin` subscriptions to `$mq9.AI.#` and `$mq9.AI.>` are allowed. */
  readonly allowTap: boolean;
}

/** A message as it leaves: the literal subject and the bytes. */
export interface Rendered {
  readonly subject: string;
  readonly payload: Uint8Array;
}

export type { MailboxInfo, MailMessage };
