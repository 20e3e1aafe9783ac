// The directory of public mailboxes in two views: the record kept in `$SYSTEM.PUBLIC`, and the
// events of PUBLIC.LIST made from it.
import type { MailboxInfo, MailMessage } from "@mq9/protocol";
import type { Rendered } from "../dialect.ts";
import { decodeBody, encodeJson, field, type JsonObject } from "../json.ts";
import { wireSeconds } from "../message-json.ts";
import { spacePrefix } from "../subject-parts.ts";

/** Where directory events are delivered. */
const eventSubject = `${spacePrefix}PUBLIC.LIST`;

/**
 * The body of a public mailbox's record, kept under the mailbox's name as key. It has no `msg_id`:
 * clients would take it for an envelope.
 */
export function directoryBody(info: MailboxInfo): Uint8Array {
  return encodeJson({
    mail_id: info.name,
    mail_address: info.name,
    name: info.name,
    desc: info.desc ?? "",
    ttl: info.ttlSeconds,
    create_at: wireSeconds(info.createdAtMs),
    public: true,
  });
}

/** A directory record as `{"event":"created",…}`. Every value is text: readers use maps of strings. */
export function renderCreated(message: MailMessage): Rendered {
  const record = decodeRecord(message.payload);
  const mailId = field(record, "mail_id") ?? message.key;
  return {
    subject: eventSubject,
    payload: encodeJson({
      event: "created",
      mail_id: text(mailId),
      mail_address: text(mailId),
      desc: text(field(record, "desc")),
      ttl: text(field(record, "ttl")),
    }),
  };
}

/** The end of a public mailbox, for PUBLIC.LIST alone: `$SYSTEM.PUBLIC` only forgets the record. */
export function renderExpired(key: string): Rendered {
  return { subject: eventSubject, payload: encodeJson({ event: "expired", mail_id: key }) };
}

function decodeRecord(payload: Uint8Array): JsonObject {
  try {
    return decodeBody(payload, "directory record");
  } catch {
    return {}; // best effort: the event still names the mailbox by its key
  }
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
