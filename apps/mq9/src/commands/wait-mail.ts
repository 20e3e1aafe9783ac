// Sleeping until a group has mail: looks, takes nothing, and never reads what it was shown. Called by
// wait.ts. Lives through broken connections and restarts of the broker; what cannot get better is thrown.
import { setTimeout as sleep } from "node:timers/promises";
import { type PriorityLabel, rankOf } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import type { Waiting } from "./wait-hook.ts";

export interface WaitOptions {
  readonly mailbox: string;
  readonly group: string;
  /** Only mail of this word's rank or above. Undefined = any. */
  readonly priority?: PriorityLabel | undefined;
  /** When to give up, on the clock of `Date.now`; Infinity = never. */
  readonly deadlineMs: number;
  /** How long it has to be quiet after a knock, so that one ring covers a burst. */
  readonly debounceMs: number;
  /** When to ring for what is there; undefined = not before there is something else. Default: at once. */
  readonly ringAtMs?: ((found: Waiting) => number | undefined) | undefined;
  readonly signal: AbortSignal;
}

/** A burst that does not end rings all the same. */
const burstMsMax = 2_000;
/** One question to the broker waits no longer: what a lease's end gives back is noticed after this. */
const questionMsMax = 30_000;
const retryMs = 1_000;

/** What there is, and whether something is there that is not wanted. */
interface Found extends Waiting {
  readonly isEmpty: boolean;
}

/** @throws what says that there never will be mail: no such mailbox, no right */
async function lookForMail(mq9: Mq9, options: WaitOptions): Promise<Found> {
  const { mailbox, group, priority = "low" } = options;
  const box = mq9.mailbox(mailbox);
  const { nextId } = await box.info();
  const shown = await box.fetch({ group, look: true, limit: 1, waitMs: 1, from: "earliest" });
  const wanted = shown.filter((message) => rankOf(message.priority) <= rankOf(priority));
  return { waiting: wanted.length, nextId, isEmpty: shown.length === 0 };
}

/** @returns what there is; undefined when nothing came before the deadline or the signal */
export async function waitForMail(mq9: Mq9, options: WaitOptions): Promise<Waiting | undefined> {
  const { deadlineMs, debounceMs, ringAtMs = () => 0, signal } = options;
  const look = () => lookForMail(mq9, options);
  let knocked = false;
  for (;;) {
    let found = await unlessAway(look, signal);
    if (found !== undefined && knocked) found = await untilQuiet(found, look, debounceMs, signal);
    if (signal.aborted) return undefined;
    const dueMs = found === undefined || found.waiting === 0 ? undefined : ringAtMs(found);
    const nowMs = Date.now();
    if (dueMs !== undefined && dueMs <= nowMs) return found;
    if (nowMs >= deadlineMs) return undefined;
    if (found === undefined) continue;
    const state = found;
    const waitMs = Math.ceil(
      Math.min(dueMs ?? Infinity, deadlineMs, nowMs + questionMsMax) - nowMs,
    );
    knocked = (await unlessAway(() => hearKnock(mq9, options, state, waitMs), signal)) ?? false;
  }
}

/** Resolves with true when there is something new, with false when there was nothing for so long. */
async function hearKnock(
  mq9: Mq9,
  { mailbox, group, signal }: WaitOptions,
  { isEmpty, nextId }: Found,
  waitMs: number,
): Promise<boolean> {
  // Mail that was left lying, or is not wanted, would answer at once: then only newer numbers count.
  const question = isEmpty
    ? ({ group, look: true, from: "earliest" } as const)
    : ({ from: { msgId: nextId } } as const);
  const timeoutMs = waitMs + 10_000;
  const shown = await mq9
    .mailbox(mailbox)
    .fetch({ ...question, limit: 1, waitMs, timeoutMs, signal });
  return shown.length > 0;
}

/** The bell rings when the burst is over. */
async function untilQuiet(
  first: Found,
  look: () => Promise<Found>,
  debounceMs: number,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const latestMs = Date.now() + burstMsMax;
  let found = first;
  for (;;) {
    await sleep(debounceMs);
    const now = (await unlessAway(look, signal)) ?? found;
    if (signal.aborted) return undefined;
    const isQuiet = now.nextId === found.nextId;
    found = now;
    if (isQuiet || Date.now() >= latestMs) return found;
  }
}

/** Errors that say that the answer is no, and not that nobody answered. */
const final: ReadonlySet<string> = new Set([
  "not_found",
  "expired",
  "forbidden",
  "invalid",
  "unauthorized",
  "unsupported",
]);

/** @returns undefined when the broker is away for the moment, or the signal came */
async function unlessAway<T>(
  question: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await question();
  } catch (error) {
    if (signal.aborted) return undefined;
    const { code } = error as { code?: unknown };
    if (typeof code !== "string" || final.has(code)) throw error;
    await sleep(retryMs);
    return undefined;
  }
}
