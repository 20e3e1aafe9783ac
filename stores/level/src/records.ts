// The bytes of every record: how a value is written behind its key and read back. Pure layout; who
// asks for which record is decided in ./level-batch.ts and ./level-store.ts.
//
//   message   flags(1) label(1) createdAt(6) expiresAt(6) [keyLength(2) key] [headersLength(4) headers]
//             [tags(2), each length(2) tag] [fromLength(2) from] [visibleAt(6)] [dead] payload
//   dead      mailboxLength(2) mailbox msgId(6) groupLength(2) group deliveries(6) at(6) cause(1)
//             [reasonLength(2) reason]
//   mailbox   flags(1) number(6) ttl(6) createdAt(6) expiresAt(6) nextSeq(6) [digestLength(2) digest]
//             [schedule(6)] [dedup(6) since(6)] [earlier(6)] [ownerLength(2) owner, in version 2] desc
//   place     rank(1) seq(6)
//   counters  nextMailboxNumber(6) clock(6)
//   ring      commit(6)
//   cursor    the bytes; due: the key of the mailbox
import { type DeadLetter, priorityLabels, type Rank } from "@mq9/protocol";
import {
  type DedupNumbers,
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRecord,
  StoreError,
} from "@mq9/store";
import { RecordReader } from "./record-reader.ts";
import { isSealed, laterRecordVersion, type RecordWriter, recordVersion } from "./record-writer.ts";

const messageHasKey = 0x01;
const messageHasHeaders = 0x02;
const messageHasTags = 0x04;
const messageHasFrom = 0x08;
const messageIsDelayed = 0x10;
const messageIsDead = 0x20;
const messageFlags = 0x3f;

const deadIsPoison = 0x01;
const deadHasReason = 0x02;

const mailboxIsLatest = 0x01;
const mailboxIsPublic = 0x02;
const mailboxIsDropped = 0x04;
const mailboxHasDesc = 0x08;
const mailboxHasToken = 0x10;
const mailboxHasSchedule = 0x20;
const mailboxHasDedup = 0x40;
const mailboxHasEarlierDedup = 0x80;

const labelCodes = new Map(priorityLabels.map((label, code) => [label, code]));

export function writeMessage(writer: RecordWriter, message: MessageRecord): void {
  const { key, headers, tags, from, visibleAtMs, dead } = message;
  const flags =
    (key === undefined ? 0 : messageHasKey) |
    (headers === undefined ? 0 : messageHasHeaders) |
    (tags === undefined ? 0 : messageHasTags) |
    (from === undefined ? 0 : messageHasFrom) |
    (visibleAtMs === undefined ? 0 : messageIsDelayed) |
    (dead === undefined ? 0 : messageIsDead);
  writer.startValue();
  writer.u8(flags);
  writer.u8(labelCodes.get(message.label) ?? 0xff);
  writer.u48(message.createdAtMs);
  writer.u48(message.expiresAtMs);
  if (key !== undefined) writer.shortText(key);
  if (headers !== undefined) {
    writer.u32(headers.length);
    writer.raw(headers);
  }
  if (tags !== undefined) {
    writer.u16(tags.length);
    for (const tag of tags) writer.shortText(tag);
  }
  if (from !== undefined) writer.shortText(from);
  if (visibleAtMs !== undefined) writer.u48(visibleAtMs);
  if (dead !== undefined) writeDeadLetter(writer, dead);
  writer.raw(message.payload);
}

/** @throws {StoreError} `corrupt` naming mailbox number and message; `format` */
export function readMessage(key: Buffer, value: Buffer): MessageRecord {
  const end = bodyEnd(key, value, messageName);
  const flags = value[1] as number;
  const label = priorityLabels[value[2] as number];
  if (key.length !== 14 || end < 15 || label === undefined) throw corrupt(messageName(key));
  if ((flags & ~messageFlags) !== 0) throw tooNew(messageName(key));
  const rest = new RecordReader(value, 15);
  return {
    seq: key.readUIntBE(8, 6),
    rank: key[7] as Rank,
    label,
    createdAtMs: value.readUIntBE(3, 6),
    expiresAtMs: value.readUIntBE(9, 6),
    key: (flags & messageHasKey) === 0 ? undefined : rest.shortText(),
    headers: (flags & messageHasHeaders) === 0 ? undefined : rest.bytes(rest.u32()),
    tags: (flags & messageHasTags) === 0 ? undefined : rest.texts(),
    from: (flags & messageHasFrom) === 0 ? undefined : rest.shortText(),
    visibleAtMs: (flags & messageIsDelayed) === 0 ? undefined : rest.u48(),
    dead: (flags & messageIsDead) === 0 ? undefined : readDeadLetter(rest),
    payload: value.subarray(rest.at, end),
  };
}

function writeDeadLetter(writer: RecordWriter, dead: DeadLetter): void {
  writer.shortText(dead.mailbox);
  writer.u48(dead.msgId);
  writer.shortText(dead.group);
  writer.u48(dead.deliveries);
  writer.u48(dead.atMs);
  writer.u8(
    (dead.cause === "poison" ? deadIsPoison : 0) | (dead.reason === undefined ? 0 : deadHasReason),
  );
  if (dead.reason !== undefined) writer.shortText(dead.reason);
}

function readDeadLetter(rest: RecordReader): DeadLetter {
  const mailbox = rest.shortText();
  const msgId = rest.u48();
  const group = rest.shortText();
  const deliveries = rest.u48();
  const atMs = rest.u48();
  const flags = rest.u8();
  const cause = (flags & deadIsPoison) === 0 ? "deliveries" : "poison";
  const reason = (flags & deadHasReason) === 0 ? undefined : rest.shortText();
  return { mailbox, msgId, group, deliveries, cause, reason, atMs };
}

export function writeMailbox(writer: RecordWriter, record: MailboxRecord): void {
  const { tokenDigest, scheduleNumber, dedup, owner } = record;
  const flags =
    (record.kind === "latest" ? mailboxIsLatest : 0) |
    (record.public ? mailboxIsPublic : 0) |
    (record.dropped ? mailboxIsDropped : 0) |
    (record.desc === undefined ? 0 : mailboxHasDesc) |
    (tokenDigest === undefined ? 0 : mailboxHasToken) |
    (scheduleNumber === undefined ? 0 : mailboxHasSchedule) |
    (dedup === undefined ? 0 : mailboxHasDedup) |
    (dedup?.earlier === undefined ? 0 : mailboxHasEarlierDedup);
  writer.startValue(owner === undefined ? recordVersion : laterRecordVersion);
  writer.u8(flags);
  writer.u48(record.number);
  writer.u48(record.ttlSeconds);
  writer.u48(record.createdAtMs);
  writer.u48(record.expiresAtMs);
  writer.u48(record.nextSeq);
  if (tokenDigest !== undefined) {
    writer.u16(tokenDigest.length);
    writer.raw(tokenDigest);
  }
  if (scheduleNumber !== undefined) writer.u48(scheduleNumber);
  if (dedup !== undefined) {
    writer.u48(dedup.current);
    writer.u48(dedup.sinceMs);
    if (dedup.earlier !== undefined) writer.u48(dedup.earlier);
  }
  if (owner !== undefined) writer.shortText(owner);
  if (record.desc !== undefined) writer.text(record.desc);
}

/** @throws {StoreError} `corrupt` naming the mailbox; `format` */
export function readMailbox(key: Buffer, value: Buffer): MailboxRecord {
  const end = bodyEnd(key, value, mailboxName, laterRecordVersion);
  const flags = value[1] as number;
  const rest = new RecordReader(value, 32);
  return {
    key: key.toString("utf8", 1),
    number: value.readUIntBE(2, 6),
    kind: (flags & mailboxIsLatest) === 0 ? "standard" : "latest",
    public: (flags & mailboxIsPublic) !== 0,
    ttlSeconds: value.readUIntBE(8, 6),
    createdAtMs: value.readUIntBE(14, 6),
    expiresAtMs: value.readUIntBE(20, 6),
    dropped: (flags & mailboxIsDropped) !== 0,
    tokenDigest: (flags & mailboxHasToken) === 0 ? undefined : rest.bytes(rest.u16()),
    nextSeq: value.readUIntBE(26, 6),
    scheduleNumber: (flags & mailboxHasSchedule) === 0 ? undefined : rest.u48(),
    dedup: (flags & mailboxHasDedup) === 0 ? undefined : readDedup(rest, flags),
    owner: value[0] === laterRecordVersion ? rest.shortText() : undefined,
    desc: (flags & mailboxHasDesc) === 0 ? undefined : value.toString("utf8", rest.at, end),
  };
}

function readDedup(rest: RecordReader, flags: number): DedupNumbers {
  const current = rest.u48();
  const sinceMs = rest.u48();
  const earlier = (flags & mailboxHasEarlierDedup) === 0 ? undefined : rest.u48();
  return { current, sinceMs, earlier };
}

export function writePlace(writer: RecordWriter, place: MessagePlace): void {
  writer.startValue();
  writer.u8(place.rank);
  writer.u48(place.seq);
}

export function readPlace(key: Buffer, value: Buffer): MessagePlace {
  bodyEnd(
    key,
    value,
    (bad) => `the place of key '${bad.toString("utf8", 7)}' in ${ownerName(bad)}`,
  );
  return { rank: value[1] as Rank, seq: value.readUIntBE(2, 6) };
}

export function readCursor(key: Buffer, value: Buffer): Uint8Array {
  const end = bodyEnd(
    key,
    value,
    (bad) => `the cursor '${bad.toString("utf8", 7)}' of ${ownerName(bad)}`,
  );
  return value.subarray(1, end);
}

export function writeBytes(writer: RecordWriter, bytes: Uint8Array): void {
  writer.startValue();
  writer.raw(bytes);
}

export function writeText(writer: RecordWriter, text: string): void {
  writer.startValue();
  writer.text(text);
}

export function readDue(key: Buffer, value: Buffer): DueEntry {
  const end = bodyEnd(key, value, () => "an entry of the due index");
  return {
    atMs: key.readUIntBE(1, 6),
    mailboxNumber: key.readUIntBE(7, 6),
    mailboxKey: value.toString("utf8", 1, end),
  };
}

export function writeNumbers(writer: RecordWriter, ...numbers: readonly number[]): void {
  writer.startValue();
  for (const number of numbers) writer.u48(number);
}

/** The numbers that `writeNumbers` wrote. `name` is for the error's sentence. */
export function readNumbers(key: Buffer, value: Buffer, name: string): number[] {
  const end = bodyEnd(key, value, () => name);
  const numbers: number[] = [];
  for (let at = 1; at + 6 <= end; at += 6) numbers.push(value.readUIntBE(at, 6));
  return numbers;
}

/** Checks seal and version; returns where the body ends. */
function bodyEnd(
  key: Buffer,
  value: Buffer,
  name: (key: Buffer) => string,
  newest: number = recordVersion,
): number {
  if (!isSealed(key, value)) throw corrupt(name(key));
  const version = value[0] as number;
  if (version >= recordVersion && version <= newest) return value.length - 4;
  throw new StoreError(
    "format",
    `${name(key)} was written in record version ${version}; this release reads version ${newest}: run the release that wrote it`,
  );
}

function tooNew(name: string): StoreError {
  return new StoreError(
    "format",
    `${name} holds fields that this release does not know: run the release that wrote it`,
  );
}

function corrupt(name: string): StoreError {
  return new StoreError(
    "corrupt",
    `${name} is damaged on disk (its checksum does not fit); it was not served`,
  );
}

function messageName(key: Buffer): string {
  if (key.length !== 14) return "a message whose key is damaged";
  return `message ${key.readUIntBE(8, 6)} of ${ownerName(key)}`;
}

function mailboxName(key: Buffer): string {
  return `the record of mailbox '${key.toString("utf8", 1)}'`;
}

function ownerName(key: Buffer): string {
  return key.length < 7 ? "an unknown mailbox" : `mailbox number ${key.readUIntBE(1, 6)}`;
}
