// The lines of an export: what `mq9 export` writes and `mq9 import` reads, one JSON object each. The first
// says what the file is, the last what it holds; between them each mailbox stands before its messages.
import type { MailboxDetail } from "@mq9/protocol";
import { CliError } from "../cli/exit-codes.ts";
import { isoTime, mailOf, messageJson, type ShownMail } from "../cli/message-view.ts";
import type {
  ExportBeginJson,
  ExportEndJson,
  ExportLineJson,
  ExportMailboxJson,
  ExportMessageJson,
} from "../cli/schemas/transfer.ts";

export function mailboxLine(detail: MailboxDetail): ExportMailboxJson {
  const expiresAt = isoTime(detail.expiresAtMs);
  return {
    line: "mailbox",
    mailbox: detail.name,
    type: detail.kind,
    public: detail.public,
    ...(detail.desc === undefined ? {} : { desc: detail.desc }),
    ttl_seconds: detail.ttlSeconds,
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
  };
}

/** @param visibleAtMs of a delayed message */
export function messageLine(message: ShownMail, visibleAtMs?: number): ExportMessageJson {
  const {
    mailbox,
    msg_id,
    priority,
    created_at,
    expires_at,
    from,
    key,
    tags,
    headers,
    body,
    encoding,
    dead,
  } = messageJson(message);
  const fields = {
    line: "message" as const,
    mailbox,
    msg_id,
    priority,
    created_at,
    expires_at,
    visible_at: isoTime(visibleAtMs),
    from,
    key,
    tags,
    headers: sendersHeaders(headers),
    dead,
    body,
    encoding,
  };
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as unknown as ExportMessageJson;
}

export { mailOf };

/** Whether a header says something of its own, and not what a field of the line says already. */
export function isOfSender(name: string): boolean {
  return !/^mq9-(?!reply-to$|a2a-)/i.test(name);
}

function sendersHeaders(headers: ExportMessageJson["headers"]): ExportMessageJson["headers"] {
  const kept = Object.entries(headers ?? {}).filter(([name]) => isOfSender(name));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Reads one line. @throws {CliError} naming it */
export function parseLine(text: string, number: number): ExportLineJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badLine(number, "it is no JSON");
  }
  if (typeof value !== "object" || value === null) throw badLine(number, "it is no JSON object");
  const fields = value as Record<string, unknown>;
  const kind = fields["line"];
  if (kind === "begin") {
    if (fields["export"] !== 1) throw badLine(number, "a newer release wrote it");
    return expectFields<ExportBeginJson>(fields, number, { id: "string" });
  }
  if (kind === "end") return expectFields<ExportEndJson>(fields, number, { messages: "number" });
  if (kind === "mailbox") {
    expectOptional(fields, number, mailboxFields);
    return expectFields<ExportMailboxJson>(fields, number, {
      mailbox: "string",
      ttl_seconds: "number",
    });
  }
  if (kind === "message") {
    const wanted = { mailbox: "string", msg_id: "number", priority: "string", body: "string" };
    const line = expectFields<ExportMessageJson>(fields, number, wanted);
    expectOptional(fields, number, messageFields);
    if (line.encoding === "base64" && !isBase64(line.body)) {
      throw badLine(number, "its body is no base64");
    }
    return line;
  }
  throw badLine(number, "it says neither begin, mailbox, message nor end");
}

type Test = (value: unknown) => boolean;

const isText: Test = (value) => typeof value === "string";
const isTime: Test = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const areTexts: Test = (value) => Array.isArray(value) && value.every(isText);
const areHeaders: Test = (value) =>
  typeof value === "object" && value !== null && Object.values(value).every(areTexts);

/** Fields that need not be there, and what they have to be. */
const mailboxFields: Readonly<Record<string, Test>> = { desc: isText, expires_at: isTime };
const messageFields: Readonly<Record<string, Test>> = {
  encoding: (value) => value === "utf8" || value === "base64",
  headers: areHeaders,
  tags: areTexts,
  key: isText,
  from: isText,
  expires_at: isTime,
  visible_at: isTime,
};

function expectOptional(
  fields: Readonly<Record<string, unknown>>,
  number: number,
  tests: Readonly<Record<string, Test>>,
): void {
  for (const [name, test] of Object.entries(tests)) {
    const value = fields[name];
    if (value !== undefined && !test(value)) throw badLine(number, `its ${name} can not be read`);
  }
}

/** The platform's reader passes over what is none. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function expectFields<T>(
  fields: Readonly<Record<string, unknown>>,
  number: number,
  wanted: Readonly<Record<string, string>>,
): T {
  for (const [name, type] of Object.entries(wanted)) {
    if (typeof fields[name] !== type) throw badLine(number, `its ${name} is missing or no ${type}`);
  }
  return fields as T;
}

export function badLine(number: number, what: string): CliError {
  return new CliError("error", `line ${number} can not be imported: ${what}`, {
    reason: "bad_line",
    hint: "Exports are made by: mq9 export --all > file.jsonl",
  });
}
