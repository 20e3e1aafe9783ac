// Counts what the store has beyond the counts it wrote down. Called when a mailbox is read into memory;
// changes nothing in the store.
import { ranks } from "@mq9/protocol";
import { type MessageRecord, type Store, StoreError } from "@mq9/store";
import { type MailboxTally, messageBytes } from "./tally.ts";

/** Messages that are looked up one by one before ranges are read. */
const singlesMax = 8;

/** How much is read at a time. */
export interface PageSize {
  readonly pageMessages: number;
  readonly pageBytes: number;
}

/**
 * Counts what came after the counts were written: no more than the tally leaves unwritten. A
 * removal writes the counts, so the numbers behind them have no holes: the first that is not there
 * is the next one. Where no counts were ever written nothing is known of holes.
 * @returns the next number
 */
export async function countNewer(
  store: Store,
  { pageMessages, pageBytes }: PageSize,
  tally: MailboxTally,
  firstSeq: number,
): Promise<number> {
  let nextSeq = firstSeq;
  for (; tally.isStored && nextSeq - firstSeq < singlesMax; nextSeq += 1) {
    const message = await countable(store, tally.mailboxNumber, nextSeq);
    if (message === undefined) {
      tally.reloaded(nextSeq);
      return nextSeq;
    }
    if (message !== "damaged") tally.added(message.seq, messageBytes(message));
  }
  const from = (tally.isStored ? nextSeq : tally.countedSeq) - 1;
  for (const rank of ranks) {
    for (let afterSeq = from; ; ) {
      const page = await store.messages(tally.mailboxNumber, {
        rank,
        afterSeq,
        limit: pageMessages,
        bytesMax: pageBytes,
      });
      if (page.length === 0) break;
      for (const message of page) tally.added(message.seq, messageBytes(message));
      afterSeq = (page.at(-1) as MessageRecord).seq;
      nextSeq = Math.max(nextSeq, afterSeq + 1);
    }
  }
  // A damaged message at the end is in no page, and its number must not be given again.
  nextSeq = Math.max(nextSeq, (await store.lastSeq(tally.mailboxNumber)) + 1);
  tally.reloaded(nextSeq);
  return nextSeq;
}

async function countable(
  store: Store,
  mailboxNumber: number,
  seq: number,
): Promise<MessageRecord | "damaged" | undefined> {
  try {
    return await store.message(mailboxNumber, seq);
  } catch (error) {
    if (error instanceof StoreError && error.code === "corrupt") return "damaged";
    throw error;
  }
}
