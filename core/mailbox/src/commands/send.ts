// SEND: accepts one message for one mailbox and wakes its readers once it is durable. The hot path:
// one object per message, no promise, nothing asynchronous when the mailbox is in memory.
import { directoryName, Mq9Error, neverMs, rankOf, type SendRequest } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import { type Engine, latestKey } from "../engine.ts";
import type { Effect } from "../journal.ts";
import { overQuota } from "../quotas.ts";
import type { Slot } from "../slot.ts";
import { messageBytes } from "../tally.ts";

/** Told once how a send ended. `msgId` is -1 with an error. */
export interface SendCompletion {
  settled(error: Mq9Error | undefined, msgId: number): void;
}

/**
 * Stores a message; `completion` hears when it is on stable storage or why it is not.
 * Refusals: `not_found`, `expired`, `forbidden` (the directory), `invalid`, `too_large`,
 * `insufficient_storage`, `draining`, `storage_failed`; `unknown` when the disk failed under it.
 */
export function send(
  engine: Engine,
  key: string,
  request: SendRequest,
  completion: SendCompletion,
): void {
  const slot = engine.readySlot(key);
  if (slot === undefined || needsPlace(slot, request)) {
    sendInTurn(engine, key, request, completion);
  } else {
    stageSend(engine, slot, request, completion);
  }
}

function needsPlace(slot: Slot, request: SendRequest): boolean {
  const key = keyOf(slot, request);
  return key !== undefined && slot.record !== undefined && !slot.keyPlaces.has(key);
}

function keyOf(slot: Slot, request: SendRequest): string | undefined {
  return slot.record?.kind === "latest" ? latestKey : request.key;
}

function sendInTurn(
  engine: Engine,
  key: string,
  request: SendRequest,
  completion: SendCompletion,
): void {
  const slot = engine.slot(key);
  slot.enter(() => {
    const messageKey = keyOf(slot, request);
    if (messageKey === undefined || !needsPlace(slot, request)) {
      stageSend(engine, slot, request, completion);
      return undefined;
    }
    return engine.findPlace(slot, messageKey).then(
      () => stageSend(engine, slot, request, completion),
      (error: unknown) => completion.settled(engine.failure(error), -1),
    );
  });
}

function stageSend(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  completion: SendCompletion,
): void {
  const nowMs = engine.nowMs();
  const refusal = refusalOf(engine, slot, request, nowMs);
  if (refusal !== undefined) {
    completion.settled(refusal, -1);
    return;
  }
  const message: MessageRecord = {
    seq: slot.nextSeq,
    rank: rankOf(request.label),
    label: request.label,
    createdAtMs: nowMs,
    expiresAtMs: request.ttlSeconds === undefined ? neverMs : nowMs + request.ttlSeconds * 1000,
    key: keyOf(slot, request),
    headers: request.headers,
    payload: request.payload,
    tags: request.tags,
    from: request.from,
  };
  const batch = engine.stage();
  slot.nextSeq += 1;
  engine.stageMessage(batch, slot, message);
  engine.afterCommit(slot, new SendEffect(engine, slot, message, completion));
}

function refusalOf(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  nowMs: number,
): Mq9Error | undefined {
  if (slot.name === directoryName) {
    return new Mq9Error("forbidden", `mailbox '${directoryName}' is kept by the broker`);
  }
  if (!slot.isLive(nowMs)) return slot.absence();
  if (engine.refusal !== undefined) return engine.refusal;
  if (engine.journal.failure !== undefined) return engine.journal.failure;
  const { payloadBytesMax, headersBytesMax, ttlSecondsMax } = engine.options;
  if (request.payload.length > payloadBytesMax) {
    return new Mq9Error("too_large", `the message is larger than ${payloadBytesMax} bytes`);
  }
  if (request.headers !== undefined && request.headers.length > headersBytesMax) {
    return new Mq9Error("too_large", `the headers are larger than ${headersBytesMax} bytes`);
  }
  const key = keyOf(slot, request);
  const replaced = key === undefined ? undefined : slot.keyPlaces.get(key);
  const full = overQuota(engine, slot, messageBytes(request), replaced);
  if (full !== undefined) return full;
  const ttl = request.ttlSeconds;
  if (ttl !== undefined && (!Number.isInteger(ttl) || ttl < 1 || ttl > ttlSecondsMax)) {
    return new Mq9Error(
      "invalid",
      `a message's ttl is a whole number of seconds from 1 to ${ttlSecondsMax}`,
    );
  }
  return undefined;
}

/** What happens to a sent message once its batch is on disk. */
class SendEffect implements Effect {
  readonly #engine: Engine;
  readonly #slot: Slot;
  readonly #mailboxNumber: number;
  readonly #message: MessageRecord;
  readonly #completion: SendCompletion;

  constructor(engine: Engine, slot: Slot, message: MessageRecord, completion: SendCompletion) {
    this.#engine = engine;
    this.#slot = slot;
    this.#mailboxNumber = slot.record?.number as number;
    this.#message = message;
    this.#completion = completion;
  }

  committed(): void {
    this.#slot.staged -= 1;
    this.#engine.announce(this.#slot, this.#mailboxNumber, this.#message);
    this.#completion.settled(undefined, this.#message.seq);
  }

  failed(error: Mq9Error): void {
    this.#slot.staged -= 1;
    this.#completion.settled(error, -1);
  }
}
