// The bytes of every record: how a value is written behind its key and read back. Pure layout; who
// asks for which record is decided in ./level-batch.ts and ./level-store.ts.
//
//   message   flags(1) label(1) createdAt(6) expiresAt(6) [keyLength(2) key] [headersLength(4) headers] payload
//   mailbox   flags(1) number(6) ttl(6) createdAt(6) expiresAt(6) nextSeq(6) [digestLength(2) digest] desc
//   place     rank(1) seq(6)
//   counters  nextMailboxNumber(6) clock(6)
//   ring      commit(6)
//   cursor    the bytes; due: the key of the mailbox
import { priorityLabels, type Rank } from "@mq9/protocol";
import {
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRecord,
  StoreError,
} from "@mq9/store";
import { isSealed, type RecordWriter, recordVersion } from "./record-writer.ts";

const messageHasKey = 0x01;
const messageHasHeaders = 0x02;

const mailboxIsLatest = 0x01;
const mailboxIsPublic = 0x02;
const mailboxIsDropped = 0x04;
const mailboxHasDesc = 0x08;
const mailboxHasToken = 0x10;

const labelCodes = new Map(priorityLabels.map((label, code) => [label, code]));

export function writeMessage(writer: RecordWriter, message: MessageRecord): void {
  const { key, headers } = message;
  const flags =
    (key === undefined ? 0 : messageHasKey) | (headers === undefined ? 0 : messageHasHeaders);
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
  writer.raw(message.payload);
}

/** @throws {StoreError} `corrupt` naming mailbox number and message; `format` */
export function readMessage(key: Buffer, value: Buffer): MessageRecord {
  const end = bodyEnd(key, value, messageName);
  const flags = value[1] as number;
  const label = priorityLabels[value[2] as number];
  if (key.length !== 14 || end < 15 || label === undefined) throw corrupt(messageName(key));
  let at = 15;
  let messageKey: string | undefined;
  if ((flags & messageHasKey) !== 0) {
    const length = value.readUInt16BE(at);
    messageKey = value.toString("utf8", at + 2, at + 2 + length);
    at += 2 + length;
  }
  let headers: Uint8Array | undefined;
  if ((flags & messageHasHeaders) !== 0) {
    const length = value.readUInt32BE(at);
    headers = value.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return {
    seq: key.readUIntBE(8, 6),
    rank: key[7] as Rank,
    label,
    createdAtMs: value.readUIntBE(3, 6),
    expiresAtMs: value.readUIntBE(9, 6),
    key: messageKey,
    headers,
    payload: value.subarray(at, end),
  };
}

export function writeMailbox(writer: RecordWriter, record: MailboxRecord): void {
  const flags =
    (record.kind === "latest" ? mailboxIsLatest : 0) |
    (record.public ? mailboxIsPublic : 0) |
    (record.dropped ? mailboxIsDropped : 0) |
    (record.desc === undefined ? 0 : mailboxHasDesc) |
    (record.tokenDigest === undefined ? 0 : mailboxHasToken);
  writer.startValue();
  writer.u8(flags);
  writer.u48(record.number);
  writer.u48(record.ttlSeconds);
  writer.u48(record.createdAtMs);
  writer.u48(record.expiresAtMs);
  writer.u48(record.nextSeq);
  if (record.tokenDigest !== undefined) {
    writer.u16(record.tokenDigest.length);
    writer.raw(record.tokenDigest);
  }
  if (record.desc !== undefined) writer.text(record.desc);
}

/** @throws {StoreError} `corrupt` naming the mailbox; `format` */
export function readMailbox(key: Buffer, value: Buffer): MailboxRecord {
  const end = bodyEnd(key, value, mailboxName);
  const flags = value[1] as number;
  let at = 32;
  let tokenDigest: Uint8Array | undefined;
  if ((flags & mailboxHasToken) !== 0) {
    const length = value.readUInt16BE(at);
    tokenDigest = value.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return {
    key: key.toString("utf8", 1),
    number: value.readUIntBE(2, 6),
    kind: (flags & mailboxIsLatest) === 0 ? "standard" : "latest",
    public: (flags & mailboxIsPublic) !== 0,
    desc: (flags & mailboxHasDesc) === 0 ? undefined : value.toString("utf8", at, end),
    ttlSeconds: value.readUIntBE(8, 6),
    createdAtMs: value.readUIntBE(14, 6),
    expiresAtMs: value.readUIntBE(20, 6),
    dropped: (flags & mailboxIsDropped) !== 0,
    tokenDigest,
    nextSeq: value.readUIntBE(26, 6),
  };
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
function bodyEnd(key: Buffer, value: Buffer, name: (key: Buffer) => string): number {
  if (!isSealed(key, value)) throw corrupt(name(key));
  const version = value[0] as number;
  if (version === recordVersion) return value.length - 4;
  throw new StoreError(
    "format",
    `${name(key)} was written in record version ${version}; this release reads version ${recordVersion}: run the release that wrote it`,
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
