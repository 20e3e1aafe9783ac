// What the mail commands print as JSON: the shapes, and the schemas that are published of them. Commands
// import the types alone; zod is loaded by the scripts and tests that need the schemas.
import { z } from "zod";

const instant = z.iso.datetime().describe("ISO 8601, UTC");
const count = z.int().min(0);
const priority = z.enum(["critical", "urgent", "high", "normal", "low", "notify"]);

export interface MailboxJson {
  readonly name: string;
  readonly kind: "standard" | "latest";
  readonly public: boolean;
  readonly desc?: string | undefined;
  readonly ttl_seconds: number;
  readonly created_at: string;
  readonly expires_at?: string | undefined;
  readonly owner?: string | undefined;
}

const mailboxFields = {
  name: z.string(),
  kind: z.enum(["standard", "latest"]).describe("latest: only the newest message is kept"),
  public: z.boolean().describe("listed in the directory"),
  desc: z.string().optional(),
  ttl_seconds: count.describe("as asked at creation; 0 = never ends"),
  created_at: instant,
  expires_at: instant.optional().describe("absent = never"),
  owner: z.string().optional(),
};

export const mailboxSchema: z.ZodType<MailboxJson> = z.strictObject(mailboxFields);

export interface MadeMailboxJson extends MailboxJson {
  readonly created: boolean;
}

export const madeMailboxSchema: z.ZodType<MadeMailboxJson> = z.strictObject({
  ...mailboxFields,
  created: z.boolean().describe("false: it was there already"),
});

export interface GroupJson {
  readonly group: string;
  readonly leased: number;
  readonly deferred: number;
  readonly unsettled: number;
  readonly waiting: number;
  readonly deliveries_max: number;
}

export interface MailboxDetailJson extends MailboxJson {
  readonly messages: number;
  readonly bytes: number;
  readonly scheduled: number;
  readonly next_id: number;
  readonly groups: readonly GroupJson[];
}

export const mailboxDetailSchema: z.ZodType<MailboxDetailJson> = z.strictObject({
  ...mailboxFields,
  messages: count,
  bytes: count,
  scheduled: count.describe("messages that are not visible yet"),
  next_id: count.describe("the number of the next message"),
  groups: z.array(
    z.strictObject({
      group: z.string(),
      leased: count.describe("out with a worker"),
      deferred: count.describe("handed back, waiting for their time"),
      unsettled: count.describe("handed out at least once and not settled"),
      waiting: count.describe("fetches that wait for mail"),
      deliveries_max: count,
    }),
  ),
});

/** A row of `mailbox ls`; with --long it has the counts. */
export const mailboxRowSchema: z.ZodType<MailboxJson | MailboxDetailJson> = z.union([
  mailboxDetailSchema,
  mailboxSchema,
]);

export interface MailboxListJson {
  readonly mailboxes: readonly (MailboxJson | MailboxDetailJson)[];
}

export const mailboxListSchema: z.ZodType<MailboxListJson> = z.strictObject({
  mailboxes: z.array(mailboxRowSchema),
});

export interface DroppedJson {
  readonly dropped: readonly string[];
}

export const droppedSchema: z.ZodType<DroppedJson> = z.strictObject({
  dropped: z.array(z.string()),
});

export interface PurgedJson {
  readonly mailbox: string;
  readonly purged: number;
}

export const purgedSchema: z.ZodType<PurgedJson> = z.strictObject({
  mailbox: z.string(),
  purged: count.describe("messages that were removed"),
});

export interface GrantJson {
  readonly grant_id: string;
  readonly rights: readonly string[];
  readonly created_at: string;
  readonly expires_at?: string | undefined;
  readonly by?: string | undefined;
  readonly token?: string | undefined;
}

export const grantSchema: z.ZodType<GrantJson> = z.strictObject({
  grant_id: z.string(),
  rights: z.array(z.enum(["send", "receive", "query", "manage"])),
  created_at: instant,
  expires_at: instant.optional().describe("absent = with the mailbox"),
  by: z.string().optional(),
  token: z.string().optional().describe("only when it is made; nobody shows it again"),
});

export interface GrantListJson {
  readonly grants: readonly GrantJson[];
}

export const grantListSchema: z.ZodType<GrantListJson> = z.strictObject({
  grants: z.array(grantSchema),
});

export interface RevokedJson {
  readonly grant_id: string;
  readonly revoked: boolean;
}

export const revokedSchema: z.ZodType<RevokedJson> = z.strictObject({
  grant_id: z.string(),
  revoked: z.boolean().describe("false: there was no such token"),
});

export interface DeadJson {
  readonly mailbox: string;
  readonly msg_id: number;
  readonly group: string;
  readonly cause: string;
  readonly deliveries: number;
  readonly reason?: string | undefined;
  readonly at: string;
}

export interface MessageJson {
  readonly mailbox: string;
  readonly msg_id: number;
  readonly priority: string;
  readonly created_at: string;
  readonly expires_at?: string | undefined;
  readonly from?: string | undefined;
  readonly key?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly reply_to?: string | undefined;
  readonly correlation_id?: string | undefined;
  readonly body: string;
  readonly encoding: "utf8" | "base64";
  readonly json?: unknown;
  readonly replayed?: boolean | undefined;
  readonly delivery_count?: number | undefined;
  readonly lease_ends_at?: string | undefined;
  readonly scheduled_id?: number | undefined;
  readonly visible_at?: string | undefined;
  readonly dead?: DeadJson | undefined;
}

const messageFields = {
  mailbox: z.string(),
  msg_id: z.int().min(-1).describe("from 0; -1 = not visible yet"),
  priority,
  created_at: instant,
  expires_at: instant.optional().describe("absent = with its mailbox"),
  from: z.string().optional().describe("the user that sent it, as the broker knows"),
  key: z.string().optional(),
  tags: z.array(z.string()).optional(),
  headers: z.record(z.string(), z.array(z.string())).optional().describe("the sender's, in order"),
  reply_to: z.string().optional().describe("the mailbox that an answer goes to"),
  correlation_id: z.string().optional(),
  body: z.string(),
  encoding: z.enum(["utf8", "base64"]).describe("how `body` holds the bytes"),
  json: z.unknown().optional().describe("the body once more, if it is a JSON object or list"),
  replayed: z.boolean().optional().describe("it was stored before this reader came"),
  delivery_count: count.optional(),
  lease_ends_at: instant.optional(),
  scheduled_id: count.optional(),
  visible_at: instant.optional(),
  dead: z
    .strictObject({
      mailbox: z.string(),
      msg_id: count,
      group: z.string(),
      cause: z.enum(["deliveries", "poison"]),
      deliveries: count,
      reason: z.string().optional(),
      at: instant,
    })
    .optional()
    .describe("why it lies among the dead letters"),
};

export const messageSchema: z.ZodType<MessageJson> = z.strictObject(messageFields);

export interface MessageListJson {
  readonly messages: readonly MessageJson[];
  readonly more?: boolean | undefined;
}

export const messageListSchema: z.ZodType<MessageListJson> = z.strictObject({
  messages: z.array(messageSchema),
  more: z.boolean().optional().describe("there are others"),
});

/** Of `fetch` and `drain`: what became of it by this command. */
export interface TakenJson extends MessageJson {
  readonly outcome: "leased" | "acked" | "returned" | "rejected";
  readonly exit_code?: number | undefined;
}

export const takenSchema: z.ZodType<TakenJson> = z.strictObject({
  ...messageFields,
  outcome: z
    .enum(["leased", "acked", "returned", "rejected"])
    .describe("leased: it is yours until lease_ends_at"),
  exit_code: z.int().optional().describe("of the command of --exec"),
});

export interface TakenListJson {
  readonly messages: readonly TakenJson[];
}

export const takenListSchema: z.ZodType<TakenListJson> = z.strictObject({
  messages: z.array(takenSchema),
});

export interface SentJson {
  readonly mailbox: string;
  readonly msg_id?: number | undefined;
  readonly scheduled_id?: number | undefined;
  readonly duplicate?: boolean | undefined;
  readonly state?: "stored" | "read" | "acked" | undefined;
  readonly reply?: MessageJson | undefined;
}

export const sentSchema: z.ZodType<SentJson> = z.strictObject({
  mailbox: z.string(),
  msg_id: count.optional().describe("absent: it is not visible yet"),
  scheduled_id: count.optional(),
  duplicate: z.boolean().optional().describe("it was stored before, under this number"),
  state: z.enum(["stored", "read", "acked"]).optional().describe("with --wait-for"),
  reply: messageSchema.optional().describe("with --wait-for reply"),
});

export interface SettledJson {
  readonly mailbox: string;
  readonly group: string;
  readonly msg_ids: readonly number[];
}

export const settledSchema: z.ZodType<SettledJson> = z.strictObject({
  mailbox: z.string(),
  group: z.string(),
  msg_ids: z.array(count).describe("what this call changed"),
});

export interface ExtendedJson {
  readonly mailbox: string;
  readonly group: string;
  readonly msg_id: number;
  readonly lease_ends_at: string;
}

export const extendedSchema: z.ZodType<ExtendedJson> = z.strictObject({
  mailbox: z.string(),
  group: z.string(),
  msg_id: count,
  lease_ends_at: instant,
});

export interface ReceiptJson {
  readonly mailbox: string;
  readonly msg_id: number;
  readonly state: "stored" | "expired" | "gone";
  readonly read: boolean;
  readonly groups: readonly {
    readonly group: string;
    readonly state: "waiting" | "leased" | "deferred" | "acked" | "dead_lettered";
    readonly delivery_count?: number | undefined;
    readonly until?: string | undefined;
  }[];
}

export const receiptSchema: z.ZodType<ReceiptJson> = z.strictObject({
  mailbox: z.string(),
  msg_id: count,
  state: z.enum(["stored", "expired", "gone"]),
  read: z.boolean().describe("some reader was handed it"),
  groups: z.array(
    z.strictObject({
      group: z.string(),
      state: z.enum(["waiting", "leased", "deferred", "acked", "dead_lettered"]),
      delivery_count: count.optional(),
      until: instant.optional().describe("when the lease ends, or it may be handed out again"),
    }),
  ),
});

export interface WaitedJson {
  readonly mailbox: string;
  readonly group: string;
  readonly mail: boolean;
}

export const waitedSchema: z.ZodType<WaitedJson> = z.strictObject({
  mailbox: z.string(),
  group: z.string(),
  mail: z.boolean().describe("false: none came in time, exit code 4"),
});

export interface WatchedJson {
  readonly at: string;
  readonly mailbox: string;
  readonly state: "there" | "ended" | "missing";
  readonly messages?: number | undefined;
  readonly bytes?: number | undefined;
  readonly scheduled?: number | undefined;
  readonly next_id?: number | undefined;
  readonly leased?: number | undefined;
  readonly unsettled?: number | undefined;
}

export const watchedSchema: z.ZodType<WatchedJson> = z.strictObject({
  at: instant,
  mailbox: z.string(),
  state: z.enum(["there", "ended", "missing"]),
  messages: count.optional(),
  bytes: count.optional(),
  scheduled: count.optional(),
  next_id: count.optional(),
  leased: count.optional().describe("out with workers, all groups together"),
  unsettled: count.optional(),
});

export interface WatchedListJson {
  readonly changes: readonly WatchedJson[];
}

export const watchedListSchema: z.ZodType<WatchedListJson> = z.strictObject({
  changes: z.array(watchedSchema),
});

export interface RetriedJson {
  readonly mailbox: string;
  readonly retried: number;
}

export const retriedSchema: z.ZodType<RetriedJson> = z.strictObject({
  mailbox: z.string(),
  retried: count.describe("dead letters that were put back"),
});
