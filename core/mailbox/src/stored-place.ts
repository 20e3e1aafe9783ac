// Where a message lies in the store, which is what has to be known to take it away.
import { type MessageRecord, type Store, StoreError } from "@mq9/store";
import type { StoredPlace } from "./slot.ts";
import { messageBytes } from "./tally.ts";

/** Where a message that was read lies. */
export function placeOf(message: MessageRecord): StoredPlace {
  return { rank: message.rank, seq: message.seq, bytes: messageBytes(message) };
}

/** Where the message of a key lies; a place whose message was swept is none. */
export async function storedPlace(
  store: Store,
  mailboxNumber: number,
  key: string,
): Promise<StoredPlace | undefined> {
  const place = await store.keyPlace(mailboxNumber, key);
  if (place === undefined) return undefined;
  try {
    const message = await store.message(mailboxNumber, place.seq);
    return message === undefined ? undefined : placeOf(message);
  } catch (error) {
    // A damaged message can still be replaced; how long it was nobody knows.
    if (error instanceof StoreError && error.code === "corrupt") return { ...place, bytes: 0 };
    throw error;
  }
}
