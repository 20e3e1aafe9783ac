// `mailbox.messages({ group })`: pushed with a lease each, acknowledged when the loop asks for the next.
import { type Mq9Error } from "@mq9/protocol";
import type { Msg, Subscription } from "@nats-io/nats-core";
import { spacePrefix } from "./link.ts";
import type { Message, MessageParts, Settlement } from "./message.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import { SeenNumbers } from "./remote/seen.ts";
import { PushedParts } from "./remote/wire.ts";
import { settlementOf } from "./settlement.ts";
import { Stream } from "./stream.ts";

/** The little of a mailbox that is needed here. */
export interface LeasedMailbox<T> {
  readonly name: string;
  readonly surround: { readonly api: RemoteApi };
  messageFrom(parts: MessageParts, settlement: Settlement): Message<T>;
}

/** Half of what the broker leases by itself, so that a slow loop keeps what it works on. */
const renewMs = 15_000;

/** @throws {Mq9Error} from the loop: what acknowledging says, `forbidden` when the group is refused */
export function leasedMessages<T>(
  mailbox: LeasedMailbox<T>,
  group: string,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Message<T>> {
  const { api } = mailbox.surround;
  let subscription: Subscription | undefined;
  let renewal: ReturnType<typeof setInterval> | undefined;
  let unwatch: () => void = () => {};
  let current: Message<T> | undefined;
  /** Handed over by the broker and not settled here: the latest delivery of each number. */
  const held = new Map<number, Message<T>>();
  /** After a reconnect the broker hands out again what this loop may be done with by then. */
  const acked = new SeenNumbers();
  const stream = new Stream<Message<T>>({
    signal,
    onReturn: async () => {
      subscription?.unsubscribe();
      clearInterval(renewal);
      unwatch();
      const back = [...held.values()].filter((message) => message.settled === undefined);
      held.clear();
      // Best effort: a lease that is not handed back ends by itself.
      await Promise.allSettled(back.map((message) => handBack(message)));
    },
  });
  const handBack = async ({ msgId, deliveryCount }: Message<T>): Promise<void> => {
    // Only what the loop got counts as a delivery.
    const unseen = msgId !== current?.msgId;
    const delayMs = unseen ? undefined : 0;
    await api.nack({ mailbox: mailbox.name, group, msgId, deliveryCount, delayMs, unseen });
  };
  if (stream.ended) return stream;
  // Leases end with the connection: what the loop has not seen yet comes again, to it or to others.
  unwatch = api.link.onDisconnect(() => {
    for (const message of held.values()) if (message !== current) held.delete(message.msgId);
  });
  renewal = setInterval(() => {
    for (const message of held.values()) void message.extend().catch(() => {});
  }, renewMs);
  const taken = (error: Error | null, message: Msg): void => {
    if (error !== null) {
      stream.end(error);
      return;
    }
    const parts = new PushedParts(message, mailbox.name);
    const made = mailbox.messageFrom(parts, settlementOf(api, parts, group));
    held.set(made.msgId, made);
    stream.push(made);
  };
  const begin = async (): Promise<void> => {
    await api.dialect("sharing a mailbox with leases", "mq9");
    await api.openWithToken(mailbox.name);
    if (stream.ended) return;
    const subject = `${spacePrefix}MSG.PUSH.${mailbox.name}`;
    subscription = api.link.subscribe(subject, taken, group);
    void subscription.closed.then(() => stream.end());
  };
  begin().catch((error: Mq9Error) => stream.end(error));
  const settle = async (): Promise<void> => {
    const done = current;
    current = undefined;
    if (done === undefined) return;
    if (held.get(done.msgId) === done) held.delete(done.msgId);
    if (done.settled === undefined) await done.ack();
    if (done.settled === "acked") acked.add(done.msgId);
  };
  /** Whether this delivery is not for the loop: a later one took its place, or the work is done. */
  const isPast = (message: Message<T>): boolean =>
    held.get(message.msgId) !== message || acked.has(message.msgId);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => {
      await settle();
      for (;;) {
        const result = await stream.next();
        if (result.done === true) return result;
        if (acked.has(result.value.msgId)) {
          held.delete(result.value.msgId);
          await result.value.ack();
        } else if (!isPast(result.value)) {
          current = result.value;
          return result;
        }
      }
    },
    return: async () => await stream.return(),
  };
}
