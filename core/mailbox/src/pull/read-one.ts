// Reads one message for a group that has it on its list. A message that is damaged on disk is left out,
// as in every range of the store: asked for by its number it would stop the whole group.
import type { Rank } from "@mq9/protocol";
import type { MessageRecord, Store } from "@mq9/store";

/** @returns undefined when the message is gone or damaged; the engine has told of damage */
export async function readOne(
  store: Store,
  mailboxNumber: number,
  { rank, seq }: { readonly rank: Rank; readonly seq: number },
): Promise<MessageRecord | undefined> {
  const range = { rank, afterSeq: seq - 1, beforeSeq: seq + 1, limit: 1, bytesMax: 1 };
  return (await store.messages(mailboxNumber, range))[0];
}
