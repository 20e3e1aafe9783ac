// What a dialect is: a pure translation between one generation's subjects and JSON and the
// operations of MailboxApi. Everything generation-specific lives in the folders beside this file.
import type {
  AckRequest,
  CancelRequest,
  CreateRequest,
  CreateResult,
  ExtendRequest,
  FetchRequest,
  FetchResult,
  GrantInfo,
  ListRequest,
  MailboxDetail,
  MailboxInfo,
  MailMessage,
  Mq9Error,
  NackRequest,
  PriorityLabel,
  PurgeRequest,
  QueryRequest,
  QueryResult,
  RankMask,
  ReceiptRequest,
  ReceiptResult,
  RedriveRequest,
  RemoveRequest,
  ScheduledMessage,
  ScheduledRequest,
  TokenRight,
} from "@mq9/protocol";
import type { AgentExchange, AgentVerb } from "./agent/exchange.ts";

/** 0: INBOX and BROADCAST. 1: MAILBOX.MSG. 2: MSG.SEND and AGENT.*. */
export type Generation = 0 | 1 | 2;

/** What is known of the connection that asks. */
export interface Caller {
  /** `name` of its CONNECT; "" when it gave none. */
  readonly clientName: string;
  /** The generation its latest unmistakable subject belonged to; undefined = none yet. */
  readonly generation: Generation | undefined;
  /** It made a FETCH that shows payloads as text; its queries do the same from then on. */
  readonly readsText?: boolean | undefined;
}

/** How mail looks to one subscription. */
export interface View {
  /** `inbox`: `INBOX.<id>.<p>`. `direct`: `MAILBOX.<id>.<p>`. `mailbox`: `MAILBOX.MSG.<id>[.<p>]`. `channel`: `BROADCAST.<d>.<e>`. `push`: `MSG.PUSH.<id>`. `directory`: PUBLIC.LIST events. */
  readonly form: "inbox" | "direct" | "mailbox" | "channel" | "push" | "directory";
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
      /** The subject named no priority: a header `mq9-priority` counts. So it does for `otherwise`. */
      readonly bare: boolean;
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
  /** What a worker says of one message that was pushed to it; its payload has the word. */
  | {
      readonly kind: "settle";
      readonly generation: 2;
      readonly mailbox: string;
      readonly group: string;
      readonly msgId: number;
      readonly deliveryCount: number;
    }
  /** Not allowed: wildcards, reserved names, malformed ids. */
  | {
      readonly kind: "refused";
      readonly error: Mq9Error;
      /** What the reply holds beside the error, because its success form would. */
      readonly emptied?: Readonly<Record<string, unknown>> | undefined;
    };

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
  /** Who is registered, and what changes there. */
  | { readonly kind: "agents" }
  /** Sees every publish of the space as it passes. `subject` as for `plain`. */
  | { readonly kind: "tap"; readonly subject: string }
  | { readonly kind: "refused"; readonly error: Mq9Error };

/** A request's verb and what its subject already says. */
export type Command =
  | { readonly verb: "create" }
  | { readonly verb: AgentVerb }
  | { readonly verb: "query"; readonly mailbox: string }
  | { readonly verb: "list"; readonly mailbox: string }
  | { readonly verb: "remove"; readonly mailbox: string; readonly msgId: string }
  | { readonly verb: MailboxVerb; readonly mailbox: string }
  /** `number` is the last token as it came. */
  | { readonly verb: MessageVerb; readonly mailbox: string; readonly number: string }
  | { readonly verb: "mailboxes" };

/** Requests of generation 2 and our additions that name a mailbox; their words are in msg/subjects.ts. */
export type MailboxVerb =
  | "fetch"
  | "ack"
  | "search"
  | "nack"
  | "extend"
  | "scheduled"
  | "purge"
  | "redrive"
  | "info"
  | "renew"
  | "drop"
  | "grant"
  | "grants"
  | "revoke"
  | "open";

/** Those that name a message too. */
export type MessageVerb = "discard" | "receipt" | "cancel";

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

/** A decoded request whose operation is one call of the domain. */
interface Step<Op extends string, Request, Result> {
  readonly op: Op;
  readonly operation: Request;
  readonly succeed: (result: Result) => Uint8Array;
}

/** FETCH, with what only the connection can add. */
export interface FetchOperation {
  readonly request: FetchRequest;
  /** It shows payloads as text: the connection remembers that. */
  readonly asText: boolean;
  /** `latest` takes in the newest message there is, as one published broker did. */
  readonly withNewest: boolean;
}

/** MAILBOX.GRANT: a token for whoever it is given to. */
export interface GrantOperation {
  readonly mailbox: string;
  readonly rights: readonly TokenRight[];
  /** 0 = as long as the mailbox lives. */
  readonly ttlSeconds: number;
}

/** A token and what is known of it. */
export interface HandedOut {
  readonly token: string;
  readonly info: GrantInfo;
}

/** MAILBOX.LIST without a name. */
export interface MailboxesOperation {
  readonly request: ListRequest;
  /** Names are credentials where nobody signs in: show those that are public anyway. */
  readonly publicOnly: boolean;
}

/** Requests of generation 2 and our additions. */
export type PullExchange =
  | Step<"fetch", FetchOperation, FetchResult>
  /** Undefined = without a group there is nothing to acknowledge, and that is success. */
  | Step<"ack", AckRequest | undefined, readonly number[]>
  | Step<"nack", NackRequest, void>
  | Step<"extend", ExtendRequest, number>
  | Step<"search", QueryRequest, QueryResult>
  | Step<"discard", RemoveRequest, void>
  | Step<"receipt", ReceiptRequest, ReceiptResult>
  | Step<"scheduled", ScheduledRequest, readonly ScheduledMessage[]>
  | Step<"cancel", CancelRequest, void>
  | Step<"purge", PurgeRequest, number>
  | Step<"redrive", RedriveRequest, number>
  | Step<"info", { readonly mailbox: string }, MailboxDetail>
  | Step<"renew", { readonly mailbox: string; readonly ttlSeconds: number }, MailboxInfo>
  | Step<"drop", { readonly mailbox: string }, void>
  | Step<"grant", GrantOperation, HandedOut>
  | Step<"grants", { readonly mailbox: string }, readonly GrantInfo[]>
  | Step<"revoke", { readonly mailbox: string; readonly grantId: string }, boolean>
  /** Shows a token for the life of the connection. */
  | Step<"open", { readonly mailbox: string; readonly token: string }, GrantInfo>
  /** One more than the limit is asked for, so that the reply can tell whether there are more. */
  | Step<"mailboxes", MailboxesOperation, readonly MailboxInfo[]>;

/** One request from decoding to its reply; `op` tells the cases apart. Replies are UTF-8 JSON. */
export type Exchange = {
  readonly fail: (error: Mq9Error) => Uint8Array;
  /** Fields of the body that mean nothing; `withIgnored` tells them. */
  readonly ignored?: readonly string[];
  /** A token that the body shows for the mailbox the subject names. */
  readonly token?: string | undefined;
} & (
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
  | PullExchange
  | AgentExchange
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
  /** CREATE of a taken name succeeds in generation 2 as well, as if it said `idempotent:true`. */
  readonly idempotentCreate: boolean;
  /** How FETCH and QUERY of generation 2 show payloads. `auto`: as the asking client reads them. */
  readonly payloads: "auto" | "base64" | "utf8";
  /**
   * A FETCH in the shape of one published library's tests starts `latest` at the newest message
   * there is, not behind it.
   */
  readonly latestShowsNewest: boolean;
  /** Length a reply of FETCH and QUERY stays near; one message is always shown. */
  readonly replyBytesMax: number;
}

/** A message as it leaves: the literal subject and the bytes. */
export interface Rendered {
  readonly subject: string;
  readonly payload: Uint8Array;
}

export type { MailboxInfo, MailMessage };
