// The narrow waist: every mailbox operation in plain terms. The domain implements it (local), a
// client implements it (remote). Nothing here knows subjects, JSON, sockets or a generation. Agents
// are registered and found through `RegistryApi` (./registry.ts), which an account has beside it.
import type { PriorityLabel, Rank, RankMask } from "./priority.ts";
import type {
  AckRequest,
  DeadLetter,
  ExtendRequest,
  FetchRequest,
  FetchResult,
  GroupInfo,
  NackRequest,
  ReceiptRequest,
  ReceiptResult,
  ScheduledMessage,
} from "./pull.ts";

/** `latest` keeps only the newest message; a new one replaces the old in the same commit. */
export type MailboxKind = "standard" | "latest";

/** The longest life of a mailbox or a message, one year; a longer one of a mailbox is 0, never. */
export const ttlSecondsMax = 31_536_000;

/** What is known of a mailbox from outside. */
export interface MailboxInfo {
  readonly name: string;
  readonly kind: MailboxKind;
  /** Listed in the directory of its account. */
  readonly public: boolean;
  readonly desc: string | undefined;
  /** Life time in seconds as asked at creation; 0 = never expires. */
  readonly ttlSeconds: number;
  readonly createdAtMs: number;
  /** The instant from which the mailbox no longer exists; `neverMs` = never. */
  readonly expiresAtMs: number;
  /** The user that created it; undefined = nobody was signed in. */
  readonly owner?: string | undefined;
}

/** Stands for "never" wherever an instant in milliseconds is expected; fits six bytes on disk. */
export const neverMs = 0xffff_ffff_ffff;

/** How a generated name looks: `m-<uuid>`, `m-status-<uuid>`, or 26 characters of base 32. */
export type NameStyle = "uuid" | "status" | "compact";

export interface CreateRequest {
  /** Undefined = generate one in `nameStyle`. Must pass `parseMailboxName`. */
  readonly name?: string | undefined;
  readonly nameStyle: NameStyle;
  readonly kind: MailboxKind;
  /** Seconds; 0 = never expires. */
  readonly ttlSeconds: number;
  readonly public: boolean;
  readonly desc?: string | undefined;
  /** SHA-256 of the token that QUERY will ask for; undefined = none is asked. */
  readonly tokenDigest?: Uint8Array | undefined;
  /** Who asks, and may do everything with it from then on; undefined = nobody signed in. */
  readonly owner?: string | undefined;
  /** What a taken name means: hand out the mailbox there is, or refuse with `exists`. */
  readonly ifExists: "return" | "fail";
}

export interface CreateResult {
  readonly mailbox: MailboxInfo;
  /** False when the name was taken and `ifExists` was `return`. */
  readonly created: boolean;
}

export interface SendRequest {
  readonly mailbox: string;
  readonly label: PriorityLabel;
  readonly payload: Uint8Array;
  /** A NATS header block, `NATS/1.0 … CRLF CRLF`, without the headers that only the broker sets. */
  readonly headers?: Uint8Array | undefined;
  /** Seconds the message itself lives; undefined = as long as its mailbox. */
  readonly ttlSeconds?: number | undefined;
  /** Keep only the newest message of this key. */
  readonly key?: string | undefined;
  /** Invisible for so long; its number is given when it becomes visible. The ttl counts from now. */
  readonly delayMs?: number | undefined;
  /** Words a query can ask for. */
  readonly tags?: readonly string[] | undefined;
  /**
   * The same message of the same sender once more within the dedup window: it is stored once and
   * the first number is the answer.
   */
  readonly dedupId?: string | undefined;
  /** Who sent it, as the broker knows; undefined = nobody signed in. */
  readonly from?: string | undefined;
}

export interface SendResult {
  /** The message's number in its mailbox, from 0, never used twice under one name; -1 = not visible yet. */
  readonly msgId: number;
  /** Of a delayed message: what cancels or lists it. */
  readonly scheduledId?: number | undefined;
  /** The message was there already, under `msgId` or `scheduledId`; nothing was stored. */
  readonly duplicate?: boolean | undefined;
}

/** A message as a reader sees it. `payload` and `headers` are views: copy them to keep them. */
export interface MailMessage {
  readonly msgId: number;
  readonly mailbox: string;
  readonly rank: Rank;
  readonly label: PriorityLabel;
  readonly createdAtMs: number;
  /** `neverMs` = only the mailbox's own end removes it. */
  readonly expiresAtMs: number;
  readonly key: string | undefined;
  readonly headers: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly tags?: readonly string[] | undefined;
  readonly from?: string | undefined;
  /** How often its group was handed it, this time included. Undefined = without a group of pullers. */
  readonly deliveryCount?: number | undefined;
  /** When the lease that came with it ends. */
  readonly leaseEndsAtMs?: number | undefined;
  /** Why it lies among the dead letters. */
  readonly dead?: DeadLetter | undefined;
}

/** Where pushed mail goes. Called synchronously, never re-entered. */
export interface MailSink {
  /**
   * Takes one message. `replayed` is true when it came from the store and not live.
   * @returns false when the reader has no room for more; the message was taken all the same, and
   * nothing follows until `onceWritable` calls back.
   */
  deliver(message: MailMessage, replayed: boolean): boolean;
  /** Calls `resume` once when there is room again. At most one callback is waiting at a time. */
  onceWritable(resume: () => void): void;
  /** A keyed message was taken back without a successor (a public mailbox ended). Optional. */
  retracted?(key: string): void;
}

export interface SubscribeRequest {
  /** A mailbox name (it need not exist yet), or a literal prefix when `match` is `glob`. */
  readonly mailbox: string;
  /**
   * `exact`: that mailbox. `glob`: `mailbox` holds one or more `*`, each standing for any run of
   * characters; only mailboxes of kind `latest` and public ones take part.
   */
  readonly match: "exact" | "glob";
  readonly ranks: RankMask;
  /** Members of one group share its durable position: each message goes to one of them. */
  readonly group?: string | undefined;
  /** Only what was accepted before this call; nothing that comes later. Not with `group` or `glob`. */
  readonly replayOnly?: boolean | undefined;
  readonly sink: MailSink;
}

export interface MailSubscription {
  /**
   * Stops delivery at once. `unsubscribed`: the reader left on purpose, what it got counts as
   * settled. `vanished`: what it got lately and did not remove goes back to its group.
   */
  end(how: "unsubscribed" | "vanished"): void;
  /** What its reader may do has changed: delivery stops or goes on. Only where rights are asked for. */
  review?(): void;
}

/** A right that a token can give. */
export type TokenRight = "send" | "receive" | "query" | "manage";

export interface GrantRequest {
  readonly mailbox: string;
  /** At least one. */
  readonly rights: readonly TokenRight[];
  /** Seconds; 0 = as long as the mailbox lives. */
  readonly ttlSeconds: number;
  /** SHA-256 of the token. */
  readonly digest: Uint8Array;
  /** Who asks; undefined = nobody signed in. */
  readonly by?: string | undefined;
}

/** A token that was handed out, without the token, which nobody knows but who has it. */
export interface GrantInfo {
  readonly grantId: string;
  readonly rights: readonly TokenRight[];
  readonly createdAtMs: number;
  /** `neverMs` = with the mailbox. */
  readonly expiresAtMs: number;
  readonly by: string | undefined;
}

/** Tokens of one mailbox that are valid at one time. */
export const grantsMax = 64;

export interface QueryRequest {
  readonly mailbox: string;
  /** The mailbox's token must be shown, if it has one (only generation 0 asks for it). */
  readonly checkToken: boolean;
  /** SHA-256 of the token the caller showed; undefined = it showed none. */
  readonly tokenDigest?: Uint8Array | undefined;
  /** Only messages that no subscriber was handed yet. */
  readonly unreadOnly: boolean;
  /** Messages returned at most, in delivery order. */
  readonly limit: number;
  /** Payload and header bytes returned at most; one message is, however large. Default 1 MiB. */
  readonly bytesMax?: number | undefined;
  /** False: messages come with an empty `payload` and without `headers`. Default true. */
  readonly withPayload?: boolean | undefined;
  /** False: `unread` is not wanted, and 0. Default true; counting reads all that is unread. */
  readonly countUnread?: boolean | undefined;
  /** Only the message of this key. */
  readonly key?: string | undefined;
  /** Only messages that carry every one of these tags, or any when `tagsMode` says so. */
  readonly tags?: readonly string[] | undefined;
  readonly tagsMode?: "all" | "any" | undefined;
  /** Only messages accepted at or after this instant. */
  readonly sinceMs?: number | undefined;
  /**
   * `delivery`: the first `limit` in the order they leave, the default. `newest`: the `limit` highest
   * numbers, in ascending order; `more` then means that older ones match.
   */
  readonly order?: "delivery" | "newest" | undefined;
  /** Only numbers below this one: the next page of `newest`. */
  readonly beforeId?: number | undefined;
}

export interface QueryResult {
  readonly messages: readonly MailMessage[];
  /** Matching messages that no subscriber of this mailbox was handed yet, whatever `limit` and `bytesMax` are. */
  readonly unread: number;
  /** There were more than `limit` or `bytesMax` let through. */
  readonly more: boolean;
}

export interface RemoveRequest {
  readonly mailbox: string;
  readonly msgId: number;
}

/** A mailbox with what lies in it. */
export interface MailboxDetail extends MailboxInfo {
  /** Stored messages and the bytes of their payloads and headers. */
  readonly messages: number;
  readonly bytes: number;
  readonly scheduled: number;
  /** The number the next message gets. */
  readonly nextId: number;
  readonly groups: readonly GroupInfo[];
}

export interface PurgeRequest {
  readonly mailbox: string;
  /** Only numbers below this one. Undefined = everything that is accepted by now. */
  readonly beforeId?: number | undefined;
}

export interface RedriveRequest {
  /** The mailbox the dead letters came from. */
  readonly mailbox: string;
  /** One of its dead letters by its number there; undefined = the oldest `limit`. */
  readonly msgId?: number | undefined;
  readonly limit: number;
}

export interface ScheduledRequest {
  readonly mailbox: string;
  /** Only ids above this one; -1 = from the first. */
  readonly afterId: number;
  readonly limit: number;
}

export interface CancelRequest {
  readonly mailbox: string;
  readonly scheduledId: number;
}

export interface ListRequest {
  /** Names greater than this one, in byte order; "" = from the first. */
  readonly after: string;
  readonly limit: number;
}

/**
 * The mailbox operations of one account, pulling among them.
 * Every method that changes something resolves after the change is on stable storage.
 * All methods throw `Mq9Error`; codes are listed per method. Any of them may throw `storage_failed`,
 * `unknown` (it may or may not have happened) or `draining`.
 */
export interface MailboxApi extends PullApi {
  /** @throws `exists`, `invalid`, `forbidden` (a reserved name), `quota_exceeded`, `insufficient_storage` */
  create(request: CreateRequest): Promise<CreateResult>;
  /** @throws `not_found`, `expired` */
  info(mailbox: string): Promise<MailboxInfo>;
  /** Moves the end of the mailbox to now + ttl (0 = never). @throws `not_found`, `expired`, `invalid` */
  renew(mailbox: string, ttlSeconds: number): Promise<MailboxInfo>;
  /** Ends the mailbox and everything in it. @throws `not_found`, `expired` */
  drop(mailbox: string): Promise<void>;
  list(request: ListRequest): Promise<readonly MailboxInfo[]>;
  /**
   * @throws `not_found`, `expired`, `invalid`, `too_large`, `forbidden`, `dedup_conflict`,
   * `quota_exceeded` (naming the limit), `insufficient_storage`
   */
  send(request: SendRequest): Promise<SendResult>;
  /** Pushes what is stored in priority order, then what arrives; no gap and no duplicate between. */
  subscribe(request: SubscribeRequest): MailSubscription;
  /** @throws `not_found`, `expired`, `forbidden` (wrong or missing token) */
  query(request: QueryRequest): Promise<QueryResult>;
  /** Removes one message for every reader. @throws `not_found`, `expired`, `message_not_found`, `forbidden` */
  remove(request: RemoveRequest): Promise<void>;
}

/** The part of `MailboxApi` that pulls and keeps house. Errors as there. */
export interface PullApi {
  /** The mailbox with its counts and groups. @throws `not_found`, `expired` */
  inspect(mailbox: string): Promise<MailboxDetail>;
  /** Removes every message; scheduled ones stay. @returns how many. @throws `not_found`, `expired`, `forbidden` */
  purge(request: PurgeRequest): Promise<number>;
  /**
   * Takes mail. With a group it is leased: nobody else of the group gets it until the lease ends,
   * by acknowledgement, by return, by time, or because the consumer left.
   * @throws `not_found`, `expired`, `invalid`, `quota_exceeded` (leases of one group, groups)
   */
  fetch(request: FetchRequest): Promise<FetchResult>;
  /**
   * The group never sees the message again. Repeating it is success; so is acknowledging what the
   * group holds no lease on, for exactly that message.
   * @returns the numbers that this call settled
   * @throws `not_found`, `expired`, `not_delivered` (a number that was never given)
   */
  ack(request: AckRequest): Promise<readonly number[]>;
  /** Hands a message back. @throws `not_found`, `expired`, `not_delivered` (no such lease) */
  nack(request: NackRequest): Promise<void>;
  /** Moves the end of a lease. @returns when it ends now. @throws `not_found`, `expired`, `not_delivered` */
  extend(request: ExtendRequest): Promise<number>;
  /** Where a message is. @throws `not_found`, `expired`, `message_not_found` (a number that was never given) */
  receipt(request: ReceiptRequest): Promise<ReceiptResult>;
  /** Puts dead letters back where they came from. @returns how many. @throws `not_found`, `message_not_found` */
  redrive(request: RedriveRequest): Promise<number>;
  /** Delayed messages that are not visible yet, by time. @throws `not_found`, `expired` */
  scheduled(request: ScheduledRequest): Promise<readonly ScheduledMessage[]>;
  /** @throws `not_found`, `expired`, `message_not_found` (it is visible by now, or never was scheduled) */
  cancel(request: CancelRequest): Promise<void>;
  /**
   * Makes a token valid for this life of the mailbox.
   * @throws `not_found`, `expired`, `invalid`, `forbidden` (kept by the broker), `quota_exceeded`
   */
  grant(request: GrantRequest): Promise<GrantInfo>;
  /** Tokens that are valid. @throws `not_found`, `expired` */
  grants(mailbox: string): Promise<readonly GrantInfo[]>;
  /** Ends a token. Repeating it is success. @returns false when there was none @throws `not_found`, `expired` */
  revoke(mailbox: string, grantId: string): Promise<boolean>;
}
