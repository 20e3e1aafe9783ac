// Lines of `mq9 export`, and JSON of `mq9 import`.
import { z } from "zod";
import type { MessageJson } from "./mail.ts";

/** The first line. */
export interface ExportBeginJson {
  readonly line: "begin";
  readonly export: 1;
  /** Tells exports apart, so that the same one is imported once. */
  readonly id: string;
  readonly version: string;
  readonly at: string;
}

export interface ExportMailboxJson {
  readonly line: "mailbox";
  readonly mailbox: string;
  readonly type: "standard" | "latest";
  readonly public: boolean;
  readonly desc?: string | undefined;
  /** 0 = never ends. */
  readonly ttl_seconds: number;
  readonly expires_at?: string | undefined;
}

export interface ExportMessageJson
  extends Pick<
    MessageJson,
    | "mailbox"
    | "msg_id"
    | "priority"
    | "created_at"
    | "expires_at"
    | "visible_at"
    | "from"
    | "key"
    | "tags"
    | "headers"
    | "dead"
    | "body"
    | "encoding"
  > {
  readonly line: "message";
}

/** The last line. */
export interface ExportEndJson {
  readonly line: "end";
  readonly mailboxes: number;
  readonly messages: number;
}

export type ExportLineJson =
  | ExportBeginJson
  | ExportMailboxJson
  | ExportMessageJson
  | ExportEndJson;

export interface ImportJson {
  readonly file: string;
  /** Nothing was sent, only looked at. */
  readonly dry_run?: boolean | undefined;
  readonly mailboxes_made: number;
  readonly mailboxes_found: number;
  readonly sent: number;
  /** Were there already: the same export was imported lately. */
  readonly duplicates: number;
  /** Had expired meanwhile, or were in a mailbox that had. */
  readonly expired: number;
}

const amount = z.int().nonnegative();

export const importSchema: z.ZodType<ImportJson> = z.strictObject({
  file: z.string(),
  dry_run: z.boolean().optional(),
  mailboxes_made: amount,
  mailboxes_found: amount,
  sent: amount,
  duplicates: amount,
  expired: amount,
});

const text = z.string().optional();
const time = z.iso.datetime();

export const exportLineSchema: z.ZodType<ExportLineJson> = z.discriminatedUnion("line", [
  z.strictObject({
    line: z.literal("begin"),
    export: z.literal(1),
    id: z.string(),
    version: z.string(),
    at: time,
  }),
  z.strictObject({
    line: z.literal("mailbox"),
    mailbox: z.string(),
    type: z.enum(["standard", "latest"]),
    public: z.boolean(),
    desc: text,
    ttl_seconds: amount,
    expires_at: time.optional(),
  }),
  z.strictObject({
    line: z.literal("message"),
    mailbox: z.string(),
    msg_id: z.int(),
    priority: z.string(),
    created_at: time,
    expires_at: time.optional(),
    visible_at: time.optional(),
    from: text,
    key: text,
    tags: z.array(z.string()).optional(),
    headers: z.record(z.string(), z.array(z.string())).optional(),
    dead: z
      .strictObject({
        mailbox: z.string(),
        msg_id: amount,
        group: z.string(),
        cause: z.enum(["deliveries", "poison"]),
        deliveries: amount,
        reason: text,
        at: time,
      })
      .optional(),
    body: z.string(),
    encoding: z.enum(["utf8", "base64"]),
  }),
  z.strictObject({ line: z.literal("end"), mailboxes: amount, messages: amount }),
]);
