// CREATE: makes a mailbox, or hands out the one that has the name. A public mailbox is listed in the
// directory of its account by the same commit.
import {
  assertCreatableName,
  type CreateRequest,
  type CreateResult,
  deadLetterSuffix,
  Mq9Error,
  mailboxExists,
  type NameStyle,
  neverMs,
} from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import { type Guard, isTaken, verbs } from "../access.ts";
import { stageEntry, stageRetraction, withDirectory } from "../directory.ts";
import type { Engine, MailboxDeps } from "../engine.ts";
import { attachGlobs, detachGlobs } from "../glob.ts";
import { latestKey } from "../latest.ts";
import { assertMailboxQuota } from "../quotas.ts";
import type { Slot } from "../slot.ts";
import { assertTtl } from "./ttl.ts";

/** @throws {Mq9Error} `exists`, `invalid`, `forbidden`, `insufficient_storage`, `draining`, `storage_failed`, `unknown` */
export async function create(
  engine: Engine,
  account: string,
  request: CreateRequest,
  guard?: Guard,
): Promise<CreateResult> {
  if (request.name !== undefined) assertCreatableName(request.name);
  if (request.kind === "latest" && request.name?.endsWith(deadLetterSuffix) === true) {
    throw new Mq9Error(
      "invalid",
      `a mailbox whose name ends in ${deadLetterSuffix} holds dead letters and keeps them all: it can not be of type latest`,
    );
  }
  assertTtl(request.ttlSeconds, engine.options.ttlSecondsMax);
  if (request.desc !== undefined && request.desc.length > descLengthMax) {
    throw new Mq9Error("too_large", `desc is longer than ${descLengthMax} characters`);
  }
  const key = `${account}/${request.name ?? generateName(engine.deps.random, request.nameStyle)}`;
  if (guard !== undefined) await assertLettersFit(engine, key, guard);
  return withDirectory(engine, { at: key, listing: request.public }, (slot, directory) =>
    stageCreate(engine, { slot, directory, guard }, request),
  );
}

/** Where a mailbox is made: its place, that of its entry in the directory, and who asks. */
interface Site {
  readonly slot: Slot;
  readonly directory: Slot | undefined;
  readonly guard: Guard | undefined;
}

/**
 * A mailbox and its dead letters belong together: nobody makes the one who may not manage the other,
 * or letters would go to a stranger.
 */
async function assertLettersFit(engine: Engine, key: string, guard: Guard): Promise<void> {
  const isLetters = key.endsWith(deadLetterSuffix);
  const other = isLetters ? key.slice(0, -deadLetterSuffix.length) : key + deadLetterSuffix;
  const name = key.slice(key.indexOf("/") + 1);
  await engine.command(other, async (partner) => {
    const counts = isLetters || partner.isLive(engine.nowMs());
    if (counts && !guard.allows(verbs.manage, partner.standing)) throw mailboxExists(name);
  });
}

/** Longest `desc`; an AgentCard of a busy agent is a few KiB. */
const descLengthMax = 65_536;

async function stageCreate(
  engine: Engine,
  { slot, directory, guard }: Site,
  request: CreateRequest,
): Promise<CreateResult> {
  const nowMs = engine.nowMs();
  if (!slot.isLive(nowMs)) {
    const made = stageNew(engine, slot, directory, request, nowMs);
    const mailbox = slot.info();
    await engine.durable(slot);
    engine.mailboxChanged(slot);
    engine.startReaders(slot);
    attachGlobs(engine, slot, made);
    return { mailbox, created: true };
  }
  const manages = guard === undefined || guard.allows(verbs.manage, slot.standing);
  if (request.ifExists === "fail" || isTaken(slot, guard)) {
    // Whoever made it may not have been answered yet, and the disk may fail until then.
    if (slot.staged > 0) await engine.journal.settled();
    throw mailboxExists(slot.name);
  }
  const record = slot.record as MailboxRecord;
  if (request.kind === "latest" && record.kind !== "latest") {
    if (slot.staged > 0) await engine.journal.settled();
    throw new Mq9Error(
      "exists",
      `mailbox ${slot.name} already exists and keeps every message: take another name for one of type latest`,
    );
  }
  if (manages && directory !== undefined && request.public && listingChanges(record, request)) {
    engine.assertAccepting();
    const batch = engine.stage();
    const listed = { ...record, public: true, desc: request.desc ?? record.desc };
    slot.record = listed;
    batch.putMailbox(listed);
    stageEntry(engine, batch, directory, slot, nowMs);
    const mailbox = slot.info();
    await engine.durable(slot);
    engine.startReaders(slot); // some may read it only now
    attachGlobs(engine, slot, listed);
    return { mailbox, created: false };
  }
  const mailbox = slot.info();
  if (slot.staged > 0) await engine.journal.settled();
  return { mailbox, created: false };
}

/** A public CREATE of a mailbox that exists announces it (again) when it says something new. */
function listingChanges(record: MailboxRecord, request: CreateRequest): boolean {
  return !record.public || (request.desc !== undefined && request.desc !== record.desc);
}

function stageNew(
  engine: Engine,
  slot: Slot,
  directory: Slot | undefined,
  request: CreateRequest,
  nowMs: number,
): MailboxRecord {
  engine.assertAccepting();
  assertMailboxQuota(engine, slot);
  const batch = engine.stage();
  const earlier = slot.record;
  if (earlier !== undefined) engine.stageGarbage(batch, slot, earlier);
  engine.journal.afterCommit({
    // The new life may be none of their business. Told before its first message is.
    committed: () => detachGlobs(engine, slot),
    failed: () => {}, // the earlier life may go on
  });
  const record: MailboxRecord = {
    key: slot.key,
    number: engine.takeMailboxNumber(batch, nowMs),
    kind: request.kind,
    public: request.public,
    desc: request.desc,
    ttlSeconds: request.ttlSeconds,
    createdAtMs: nowMs,
    expiresAtMs: request.ttlSeconds === 0 ? neverMs : nowMs + request.ttlSeconds * 1000,
    dropped: false,
    tokenDigest: request.tokenDigest,
    nextSeq: slot.nextSeq,
    owner: request.owner,
  };
  slot.beginLife(batch, record);
  if (record.kind === "latest") engine.rememberPlace(slot, latestKey, undefined);
  batch.putMailbox(record);
  engine.stageDue(batch, slot, record.number, record.expiresAtMs);
  if (directory !== undefined) {
    if (request.public) stageEntry(engine, batch, directory, slot, nowMs);
    else stageRetraction(engine, batch, directory, slot.name);
  }
  return record;
}

/** A name nobody can guess: 122 random bits or more. */
function generateName(random: MailboxDeps["random"], style: NameStyle): string {
  if (style === "uuid") return `m-${random.uuid()}`;
  if (style === "status") return `m-status-${random.uuid()}`;
  return base32(random.bytes(16));
}

function base32(bytes: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
      buffer &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? text + alphabet[(buffer << (5 - bits)) & 31] : text;
}
