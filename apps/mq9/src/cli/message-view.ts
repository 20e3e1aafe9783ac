// A message as the command line shows it: as JSON, as a row, and in full. Text of others is made harmless
// wherever it is meant for a terminal.
import type { MailMessage } from "@mq9/protocol";
import type { Message } from "@mq9/sdk";
import type { Colors } from "./output.ts";
import type { MessageJson } from "./schemas/mail.ts";
import type { Column } from "./table.ts";
import { oneLine, printable, roughly } from "./text.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** As `neverMs` of the protocol, which is not loaded for it. */
const neverMs = 0xffff_ffff_ffff;

/** ISO 8601; undefined for never. */
export function isoTime(ms: number): string;
export function isoTime(ms: number | undefined): string | undefined;
export function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined || ms >= neverMs ? undefined : new Date(ms).toISOString();
}

/** The sender's header lines by name, in their order. */
export function headersOf(block: Uint8Array | undefined): Record<string, string[]> | undefined {
  if (block === undefined) return undefined;
  const lines = new TextDecoder().decode(block).split("\r\n").slice(1);
  return grouped(
    lines
      .map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
      })
      .filter(([name]) => name !== ""),
  );
}

function grouped(
  lines: readonly (readonly [string, string])[],
): Record<string, string[]> | undefined {
  const headers = new Map<string, string[]>();
  for (const [name, value] of lines) headers.set(name, [...(headers.get(name) ?? []), value]);
  return headers.size === 0 ? undefined : Object.fromEntries(headers);
}

/** The first value of a header, whatever the case of its letters. */
export function headerOf(
  headers: Readonly<Record<string, readonly string[]>> | undefined,
  wanted: string,
): string | undefined {
  const name = Object.keys(headers ?? {}).find((each) => each.toLowerCase() === wanted);
  return name === undefined ? undefined : headers?.[name]?.[0];
}

/** A message of the SDK in the terms of the waist. */
export function mailOf(message: Message): ShownMail {
  return {
    mailbox: message.mailbox,
    msgId: message.msgId,
    label: message.priority,
    createdAtMs: message.createdAt.getTime(),
    expiresAtMs: message.expiresAt?.getTime() ?? neverMs,
    key: message.key,
    tags: message.tags,
    from: message.from,
    payload: message.data,
    deliveryCount: message.deliveryCount,
    leaseEndsAtMs: message.leaseEndsAt?.getTime(),
    dead: message.dead,
    headers: undefined,
    lines: [...message.headers],
  };
}

/** What a message needs to be shown: that of the waist, or one whose header lines were read already. */
export interface ShownMail extends Omit<MailMessage, "rank"> {
  readonly lines?: readonly (readonly [string, string])[] | undefined;
}

/** The message with absent things left out. */
export function messageJson(message: ShownMail, replayed?: boolean): MessageJson {
  const { payload, dead } = message;
  const headers = message.lines === undefined ? headersOf(message.headers) : grouped(message.lines);
  const text = textOf(payload);
  return prune({
    mailbox: message.mailbox,
    msg_id: message.msgId,
    priority: message.label,
    created_at: isoTime(message.createdAtMs),
    expires_at: isoTime(message.expiresAtMs),
    from: message.from,
    key: message.key,
    tags: message.tags?.length ? message.tags : undefined,
    headers,
    reply_to: headerOf(headers, "mq9-reply-to"),
    correlation_id: headerOf(headers, "correlation-id"),
    body: text ?? Buffer.from(payload).toString("base64"),
    encoding: text === undefined ? "base64" : "utf8",
    json: text === undefined ? undefined : parsed(text),
    replayed,
    delivery_count: message.deliveryCount,
    lease_ends_at: isoTime(message.leaseEndsAtMs),
    dead:
      dead === undefined
        ? undefined
        : prune({
            mailbox: dead.mailbox,
            msg_id: dead.msgId,
            group: dead.group,
            cause: dead.cause,
            deliveries: dead.deliveries,
            reason: dead.reason,
            at: isoTime(dead.atMs),
          }),
  });
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(payload);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a text that only looks like it
  }
}

/** Without the fields that are undefined. */
export function prune<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The body for people: what is no text is told, not shown. */
export function bodyText({ body, encoding }: MessageJson): string {
  if (encoding === "utf8") return printable(body);
  return `(${Buffer.byteLength(body, "base64")} bytes that are no text)`;
}

/** A head line in a quieter colour, and the body below. */
export function messageText(message: MessageJson, colors: Colors, nowMs: number): string {
  const { priority, from, key, tags, dead, reply_to } = message;
  const facts = [
    `#${message.msg_id}`,
    paintPriority(priority, colors)(priority),
    ...(from === undefined ? [] : [`from ${oneLine(from)}`]),
    age(message.created_at, nowMs),
    ...(key === undefined ? [] : [`key ${oneLine(key)}`]),
    ...(tags === undefined ? [] : [tags.map(oneLine).join(",")]),
    ...(reply_to === undefined ? [] : [`reply to ${oneLine(reply_to)}`]),
    ...((message.delivery_count ?? 1) > 1 ? [`delivery ${message.delivery_count}`] : []),
  ];
  const why =
    dead === undefined
      ? ""
      : `\n${colors.dim(`was #${dead.msg_id} of ${dead.mailbox}, group ${oneLine(dead.group)}: ${deadReason(message)}`)}`;
  return `${colors.bold(facts[0] ?? "")}  ${facts.slice(1).join("  ")}${why}\n${bodyText(message)}\n`;
}

/** Why a message lies among the dead letters, in one line. */
export function deadReason({ dead }: MessageJson): string {
  if (dead === undefined) return "";
  const { cause, deliveries, reason } = dead;
  const what = cause === "poison" ? "rejected" : `${deliveries} deliveries`;
  return reason === undefined ? what : `${what}: ${oneLine(reason)}`;
}

/** `3m`: how long ago, for a column or a head line. */
export function age(createdAt: string, nowMs: number): string {
  return roughly(nowMs - Date.parse(createdAt));
}

function paintPriority(priority: string, colors: Colors): (text: string) => string {
  if (priority === "critical") return colors.red;
  return priority === "urgent" || priority === "high" ? colors.yellow : (text) => text;
}

/** Columns of a table of messages; `messageRow` fills them. */
export const messageColumns: readonly Column[] = [
  { head: "ID", align: "right" },
  { head: "PRIORITY" },
  { head: "AGE", align: "right" },
  { head: "FROM", flexible: true },
  { head: "BODY", flexible: true },
];

export function messageRow(message: MessageJson, nowMs: number): readonly string[] {
  return [
    String(message.msg_id),
    message.priority,
    age(message.created_at, nowMs),
    message.from ?? "",
    bodyText(message),
  ];
}
