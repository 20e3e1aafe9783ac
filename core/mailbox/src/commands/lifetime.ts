// INFO, RENEW, DROP and LIST: what a mailbox is, how long it lives, and its end on purpose.
import { isKeptName, type ListRequest, type MailboxInfo, Mq9Error, neverMs } from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import { type Guard, keyOf, seeing, type Target } from "../access.ts";
import { stageEntry, stageRetraction, withDirectory } from "../directory.ts";
import type { Engine } from "../engine.ts";
import { mailboxInfo, standingOf } from "../slot.ts";
import { leaveIfOver } from "./over.ts";
import { assertTtl } from "./ttl.ts";

/** @throws {Mq9Error} `not_found`, `expired` */
export function info(engine: Engine, at: Target): Promise<MailboxInfo> {
  return engine.command(at, async (slot) => {
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    const found = slot.info();
    if (slot.staged > 0) await engine.journal.settled();
    return found;
  });
}

/** Moves the end of a mailbox to now + ttl. @throws {Mq9Error} `not_found`, `expired`, `invalid`, `forbidden` */
export async function renew(engine: Engine, at: Target, ttlSeconds: number): Promise<MailboxInfo> {
  assertTtl(ttlSeconds, engine.options.ttlSecondsMax);
  assertNotKept(keyOf(at));
  return withDirectory(engine, { at, listing: false }, async (slot, directory) => {
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    engine.assertAccepting();
    const nowMs = engine.nowMs();
    const record = slot.record as MailboxRecord;
    const expiresAtMs = ttlSeconds === 0 ? neverMs : nowMs + ttlSeconds * 1000;
    const batch = engine.stage();
    // On a whole minute the entry may be that of a sweep too; an entry too many does no harm.
    const alone = record.expiresAtMs < neverMs && record.expiresAtMs % minuteMs !== 0;
    if (alone) batch.removeDue(record.expiresAtMs, record.number);
    slot.record = { ...record, ttlSeconds, expiresAtMs };
    batch.putMailbox(slot.record);
    engine.stageDue(batch, slot, record.number, expiresAtMs);
    if (directory !== undefined) stageEntry(engine, batch, directory, slot, nowMs);
    const renewed = slot.info();
    await engine.durable(slot);
    engine.mailboxChanged(slot);
    return renewed;
  });
}

/** Ends a mailbox and everything in it. @throws {Mq9Error} `not_found`, `expired`, `forbidden` */
export async function drop(engine: Engine, at: Target): Promise<void> {
  assertNotKept(keyOf(at));
  return withDirectory(engine, { at, listing: false }, async (slot, directory) => {
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    const nowMs = engine.nowMs();
    const record = slot.record as MailboxRecord;
    const batch = engine.stage();
    if (record.expiresAtMs < neverMs) batch.removeDue(record.expiresAtMs, record.number);
    const left = engine.stageGarbage(batch, slot, record);
    const end = { public: false, dropped: true, expiresAtMs: nowMs, nextSeq: slot.nextSeq };
    slot.record = { ...left, ...end };
    batch.putMailbox(slot.record);
    engine.stageDue(batch, slot, record.number, nowMs + engine.options.graceMs);
    if (directory !== undefined) stageRetraction(engine, batch, directory, slot.name);
    await engine.durable(slot);
    engine.mailboxChanged(slot);
    leaveIfOver(engine, slot);
  });
}

const minuteMs = 60_000;

function assertNotKept(key: string): void {
  const name = key.slice(key.indexOf("/") + 1);
  if (isKeptName(name)) {
    throw new Mq9Error("forbidden", `mailbox '${name}' is kept by the broker`);
  }
}

/**
 * Mailboxes of an account by name, a page at a time; those the broker keeps are not among them, nor
 * those that whoever asks may not see. What a token gives does not count here.
 */
export async function list(
  engine: Engine,
  account: string,
  request: ListRequest,
  guard?: Guard,
): Promise<readonly MailboxInfo[]> {
  await engine.journal.settled();
  const prefix = `${account}/`;
  const found: MailboxInfo[] = [];
  let after = prefix + request.after;
  while (found.length < request.limit) {
    const page = await engine.store.mailboxes(prefix, after, listPage);
    const nowMs = engine.nowMs();
    for (const record of page) {
      after = record.key;
      const name = record.key.slice(prefix.length);
      if (record.dropped || nowMs >= record.expiresAtMs || isKeptName(name)) continue;
      if (guard?.allows(seeing, standingOf(name, record)) === false) continue;
      found.push(mailboxInfo(name, record));
      if (found.length >= request.limit) break;
    }
    if (page.length < listPage) break;
  }
  return found;
}

const listPage = 256;
