// The same send once more: ids of recent sends per mailbox and sender, so that a repeat is answered
// with the first number and stores nothing. Ids lie under two numbers beside the mailbox, the current
// and the one before; whichever is a window old becomes garbage. Called by SEND in the mailbox's turn;
// a send without an id never comes here.
import { type Mq9Error, priorityLabels, type SendRequest } from "@mq9/protocol";
import type { MailboxRecord, StoreBatch } from "@mq9/store";
import type { Engine } from "./engine.ts";
import type { Slot } from "./slot.ts";

/** What a send was answered with. `msgId` is -1 when it was scheduled. */
export interface SendOutcome {
  readonly msgId: number;
  readonly scheduledId: number | undefined;
}

/** A send as its id remembers it. */
export interface KnownSend {
  readonly outcome: SendOutcome;
  /** Of what was sent: another message under the same id is a mistake of its sender. */
  readonly digest: Uint8Array;
  readonly atMs: number;
  /** Told once when the commit that stores it ended; undefined = it is durable. */
  readonly waiting?: ((error: Mq9Error | undefined) => void)[] | undefined;
}

/** The name of a send's id. The sender comes with its length, so that no two pairs share a name. */
export function sendName(request: SendRequest): string {
  const from = request.from ?? "";
  return `${from.length}:${from}${request.dedupId}`;
}

/**
 * What tells one message from another under the same id: label, headers and payload. Lines that tell of the
 * attempt to send it and not of the message are left out.
 */
export function sendDigest(engine: Engine, request: SendRequest): Uint8Array {
  const headers = withoutAttempt(request.headers ?? noBytes);
  const head = new Uint8Array(5);
  head[0] = priorityLabels.indexOf(request.label);
  new DataView(head.buffer).setUint32(1, headers.length);
  return engine.deps.digest([head, headers, request.payload]);
}

const noBytes = new Uint8Array(0);
/** In lower case: W3C's context of a trace, and until when the sender waits for an answer. */
const attemptNames = ["traceparent:", "tracestate:", "baggage:", "request-deadline:"];
const lineFeed = 0x0a;

/** The same bytes if there is no such line, as nearly always. */
function withoutAttempt(headers: Uint8Array): Uint8Array {
  let kept: Uint8Array[] | undefined;
  let from = 0;
  for (let at = 0; at < headers.length; ) {
    const feed = headers.indexOf(lineFeed, at);
    const end = feed < 0 ? headers.length : feed + 1;
    if (attemptNames.some((name) => beginsWith(headers, at, name))) {
      kept ??= [];
      kept.push(headers.subarray(from, at));
      from = end;
    }
    at = end;
  }
  if (kept === undefined) return headers;
  kept.push(headers.subarray(from));
  const joined = new Uint8Array(kept.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of kept) {
    joined.set(each, at);
    at += each.length;
  }
  return joined;
}

function beginsWith(bytes: Uint8Array, at: number, lowerCase: string): boolean {
  for (let i = 0; i < lowerCase.length; i += 1) {
    const byte = bytes[at + i] ?? 0;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    if (lower !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}

/** The earlier send of this name within the window. Call in the mailbox's turn. */
export async function findSend(
  engine: Engine,
  slot: Slot,
  name: string,
): Promise<KnownSend | undefined> {
  const pending = slot.pendingSends?.get(name);
  if (pending !== undefined) return isRecent(engine, pending) ? pending : undefined;
  const dedup = slot.record?.dedup;
  if (dedup === undefined) return undefined;
  for (const number of [dedup.current, dedup.earlier]) {
    const bytes = number === undefined ? undefined : await engine.store.cursor(number, name);
    const known = bytes === undefined ? undefined : decode(bytes);
    if (known !== undefined && isRecent(engine, known)) return known;
  }
  return undefined;
}

function isRecent(engine: Engine, { atMs }: KnownSend): boolean {
  return engine.nowMs() - atMs < engine.options.dedupWindowMs;
}

/** Stages the id of a send just staged, with the same batch. Call in the mailbox's turn. */
export function stageSendId(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  name: string,
  { outcome, digest, atMs }: KnownSend,
): void {
  const waiting: ((error: Mq9Error | undefined) => void)[] = [];
  const known = { outcome, digest, atMs, waiting };
  const number = currentNumber(engine, batch, slot, atMs);
  batch.putCursor(number, name, encode(known));
  const pending = (slot.pendingSends ??= new Map());
  pending.set(name, known);
  const ended = (error: Mq9Error | undefined): void => {
    if (pending.get(name) === known) pending.delete(name);
    for (const tell of waiting) tell(error);
  };
  engine.journal.afterCommit({ committed: () => ended(undefined), failed: ended });
}

/** The number that ids go under now; a new one once the current is older than the window. */
function currentNumber(engine: Engine, batch: StoreBatch, slot: Slot, nowMs: number): number {
  const record = slot.record as MailboxRecord;
  const { dedup } = record;
  if (dedup !== undefined && nowMs - dedup.sinceMs < engine.options.dedupWindowMs) {
    return dedup.current;
  }
  if (dedup?.earlier !== undefined) batch.putGarbage(dedup.earlier);
  const current = engine.takeMailboxNumber(batch, nowMs);
  slot.record = { ...record, dedup: { current, sinceMs: nowMs, earlier: dedup?.current } };
  batch.putMailbox(slot.record);
  engine.stageDue(batch, slot, current, nowMs + 2 * engine.options.dedupWindowMs);
  return current;
}

/**
 * Stages the end of all ids of a mailbox that got no new one for so long that none of them counts:
 * what the due entry of the current number asks for. Call in the mailbox's turn.
 */
export function stageIdsGone(engine: Engine, slot: Slot): void {
  const record = slot.record as MailboxRecord;
  if (record.dedup === undefined) return;
  const batch = engine.stage();
  batch.putGarbage(record.dedup.current);
  if (record.dedup.earlier !== undefined) batch.putGarbage(record.dedup.earlier);
  slot.record = { ...record, dedup: undefined };
  batch.putMailbox(slot.record);
}

const formatVersion = 1;
const headBytes = 18;

function encode({ outcome, digest, atMs }: KnownSend): Uint8Array {
  const bytes = new Uint8Array(headBytes + digest.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, formatVersion);
  view.setUint8(1, outcome.scheduledId === undefined ? 0 : 1);
  view.setFloat64(2, outcome.scheduledId ?? outcome.msgId);
  view.setFloat64(10, atMs);
  bytes.set(digest, headBytes);
  return bytes;
}

/** @returns undefined for a format of another release: the message is stored once more then */
function decode(bytes: Uint8Array): KnownSend | undefined {
  if (bytes.length < headBytes || bytes[0] !== formatVersion) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = view.getFloat64(2);
  const scheduled = view.getUint8(1) === 1;
  return {
    outcome: { msgId: scheduled ? -1 : id, scheduledId: scheduled ? id : undefined },
    digest: bytes.subarray(headBytes),
    atMs: view.getFloat64(10),
  };
}
