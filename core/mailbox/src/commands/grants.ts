// GRANT, GRANTS and REVOKE: tokens that give rights on one mailbox to whoever shows them.
import {
  type GrantInfo,
  type GrantRequest,
  grantsMax,
  isKeptName,
  Mq9Error,
  mailboxNotFound,
  neverMs,
} from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import type { Grant, Target } from "../access.ts";
import type { Engine } from "../engine.ts";
import { encodeGrant, grantInfo, grantName, verbsOf } from "../grants.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Slot } from "../slot.ts";
import { assertTtl } from "./ttl.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `invalid`, `forbidden`, `quota_exceeded` */
export async function grant(
  engine: Engine,
  at: Target,
  { rights, ttlSeconds, digest, by }: GrantRequest,
): Promise<GrantInfo> {
  const asked = verbsOf(rights);
  assertTtl(ttlSeconds, engine.options.ttlSecondsMax);
  return engine.command(at, async (slot) => {
    if (isKeptName(slot.name)) {
      throw new Mq9Error("forbidden", `mailbox '${slot.name}' is kept by the broker`);
    }
    const nowMs = engine.nowMs();
    const { number } = liveRecord(engine, slot);
    engine.assertAccepting();
    const valid = slot.grants.filter(({ expiresAtMs }) => nowMs < expiresAtMs);
    if (valid.length >= grantsMax) {
      throw new Mq9Error(
        "quota_exceeded",
        `the limit of ${grantsMax} tokens of one mailbox is reached: revoke one`,
      );
    }
    const made: Grant = {
      id: hex(engine.deps.random.bytes(8)),
      digest: Uint8Array.from(digest),
      verbs: asked,
      createdAtMs: nowMs,
      expiresAtMs: ttlSeconds === 0 ? neverMs : nowMs + ttlSeconds * 1000,
      by,
    };
    const batch = engine.stage();
    for (const old of slot.grants) {
      if (!valid.includes(old)) batch.removeCursor(number, grantName(old.id));
    }
    batch.putCursor(number, grantName(made.id), encodeGrant(made));
    slot.grants = [...valid, made]; // nobody can show it before he was told
    await engine.durable(slot);
    return grantInfo(made);
  });
}

/** Those that are valid. @throws {Mq9Error} `not_found`, `expired` */
export function grants(engine: Engine, at: Target): Promise<readonly GrantInfo[]> {
  return engine.command(at, async (slot) => {
    liveRecord(engine, slot);
    const nowMs = engine.nowMs();
    return slot.grants.filter(({ expiresAtMs }) => nowMs < expiresAtMs).map(grantInfo);
  });
}

/** Counts at once, and for good when this resolves. @throws {Mq9Error} `not_found`, `expired` */
export function revoke(engine: Engine, at: Target, grantId: string): Promise<boolean> {
  return engine.command(at, async (slot) => {
    const { number } = liveRecord(engine, slot);
    const left = slot.grants.filter(({ id }) => id !== grantId);
    const found = left.length < slot.grants.length;
    if (found) {
      engine.stage().removeCursor(number, grantName(grantId));
      slot.grants = left;
      await engine.durable(slot);
    } else if (slot.staged > 0) {
      await engine.journal.settled(); // who revoked it may not be durable yet
    }
    return found;
  });
}

/**
 * What a token gives. Asks for no other right: whoever has the token may know of the mailbox.
 * @throws {Mq9Error} `not_found` when it gives nothing here, now
 */
export function present(engine: Engine, key: string, digest: Uint8Array): Promise<GrantInfo> {
  return engine.command(key, async (slot) => {
    const nowMs = engine.nowMs();
    let found: Grant | undefined;
    for (const known of slot.grants) {
      if (sameBytes(known.digest, digest) && nowMs < known.expiresAtMs) found = known;
    }
    if (found === undefined || !slot.isLive(nowMs)) throw mailboxNotFound(slot.name);
    return grantInfo(found);
  });
}

/** @throws {Mq9Error} `not_found`, `expired` */
function liveRecord(engine: Engine, slot: Slot): MailboxRecord {
  if (!slot.isLive(engine.nowMs())) throw slot.absence();
  return slot.record as MailboxRecord;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
