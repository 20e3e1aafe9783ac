// Where everything lies in LevelDB: one byte names the space, integers follow big-endian, so the
// byte order of the keys is the order in which the port answers.
//
//   meta      00 'c'                          counters
//             00 'r' slot(2)                  commit ring, see ./commit-ring.ts
//   mailbox   01 key                          the mailbox record
//   message   02 mailbox(6) rank(1) seq(6)    the message
//   keyPlace  03 mailbox(6) key               where the newest message of a key lies
//   cursor    04 mailbox(6) name              a blob beside the mailbox
//   due       05 atMs(6) mailbox(6)           the key of a mailbox to look at
//   garbage   06 mailbox(6)                   a mailbox number to clear
//
// The first byte of every space from 02 to 07, alone, is the key of a fence.
import type { Rank } from "@mq9/protocol";
import type { RecordWriter } from "./record-writer.ts";

export const spaces = {
  meta: 0x00,
  mailbox: 0x01,
  message: 0x02,
  keyPlace: 0x03,
  cursor: 0x04,
  due: 0x05,
  garbage: 0x06,
} as const;

/**
 * Entries that are always there, between the spaces: a search that finds nothing in its space ends
 * at the next live key, and would else walk over the graves at the beginning of the next space.
 */
export const fences: readonly Buffer[] = [0x02, 0x03, 0x04, 0x05, 0x06, 0x07].map((space) =>
  Buffer.from([space]),
);

export const countersKey: Buffer = Buffer.from([spaces.meta, 0x63]);

/** The largest number a key holds. */
export const u48Max = 0xffff_ffff_ffff;

export function startCountersKey(writer: RecordWriter): void {
  writer.startKey(spaces.meta);
  writer.u8(0x63);
}

export function startRingKey(writer: RecordWriter, slot: number): void {
  writer.startKey(spaces.meta);
  writer.u8(0x72);
  writer.u16(slot);
}

export function startMailboxKey(writer: RecordWriter, key: string): void {
  writer.startKey(spaces.mailbox);
  writer.text(key);
}

export function startMessageKey(
  writer: RecordWriter,
  mailboxNumber: number,
  place: { readonly rank: Rank; readonly seq: number },
): void {
  writer.startKey(spaces.message);
  writer.u48(mailboxNumber);
  writer.u8(place.rank);
  writer.u48(place.seq);
}

/** A key of the spaces `keyPlace` and `cursor`. */
export function startNamedKey(
  writer: RecordWriter,
  space: typeof spaces.keyPlace | typeof spaces.cursor,
  named: { readonly mailboxNumber: number; readonly name: string },
): void {
  writer.startKey(space);
  writer.u48(named.mailboxNumber);
  writer.text(named.name);
}

export function startDueKey(writer: RecordWriter, atMs: number, mailboxNumber: number): void {
  writer.startKey(spaces.due);
  writer.u48(atMs);
  writer.u48(mailboxNumber);
}

export function startGarbageKey(writer: RecordWriter, mailboxNumber: number): void {
  writer.startKey(spaces.garbage);
  writer.u48(mailboxNumber);
}

/** The key of a message, in a buffer of its own. */
export function messageKey(mailboxNumber: number, rank: Rank, seq: number): Buffer {
  const key = Buffer.allocUnsafe(14);
  key[0] = spaces.message;
  key.writeUIntBE(mailboxNumber, 1, 6);
  key[7] = rank;
  key.writeUIntBE(seq, 8, 6);
  return key;
}

/** The key that precedes every key of this mailbox number in a space. */
export function mailboxPrefix(space: number, mailboxNumber: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key[0] = space;
  key.writeUIntBE(mailboxNumber, 1, 6);
  return key;
}

export function textKey(space: number, text: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  key[0] = space;
  key.write(text, 1);
  return key;
}

export function namedKey(space: number, mailboxNumber: number, name: string): Buffer {
  return Buffer.concat([mailboxPrefix(space, mailboxNumber), Buffer.from(name)]);
}

/** Behind every key that starts with `prefix`, for prefixes whose next byte is never ff. */
export function afterPrefix(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, keyCeiling]);
}

/** Longer than any fixed-size rest of a key; no UTF-8 text holds this byte. */
const keyCeiling = Buffer.alloc(13, 0xff);
