// Pushed mail over the wire. The broker replays what is stored whenever a subscription begins, so also
// after each reconnect: what this subscription was handed before is left out then.
import {
  allRanks,
  type MailSubscription,
  Mq9Error,
  maskOf,
  type Rank,
  type RankMask,
  rankOf,
  ranks,
  type SubscribeRequest,
} from "@mq9/protocol";
import type { Msg, Subscription } from "@nats-io/nats-core";
import { textOf, unsupported } from "../errors.ts";
import { spacePrefix } from "../link.ts";
import type { Dialect } from "./broker.ts";
import type { RemoteCalls } from "./calls.ts";
import { SeenNumbers } from "./seen.ts";
import { PushedParts } from "./wire.ts";

/** What a push is read for. */
export interface PushRequest {
  readonly mailbox: string;
  readonly match?: "exact" | "glob" | undefined;
  readonly ranks?: RankMask | undefined;
  readonly group?: string | undefined;
  readonly onMessage: (parts: PushedParts, message: Msg) => void;
  /** The subscription ended for good: refused by the broker, or with the connection. */
  readonly onEnd: (error: Mq9Error | undefined) => void;
}

/** The word of a subject that asks for one rank. */
const wordOfRank: Readonly<Record<Rank, string>> = {
  0: "critical",
  1: "urgent",
  2: "normal",
  3: "low",
};

const inboxWordOfRank: Readonly<Record<Rank, string | undefined>> = {
  0: undefined,
  1: "urgent",
  2: "normal",
  3: "notify",
};

/**
 * Subscribes once the dialect is known. Without a group, repeats after a reconnect are left out.
 * @returns what ends it
 */
export function push(calls: RemoteCalls, request: PushRequest): () => void {
  let subscription: Subscription | undefined;
  let isOver = false;
  const end = (error?: Mq9Error): void => {
    if (isOver) return;
    isOver = true;
    request.onEnd(error);
  };
  const begin = async (): Promise<void> => {
    const { mailbox } = request;
    const what = `following ${mailbox}`;
    const dialect = await calls.dialect(what, "mq9", "mailbox", "inbox");
    if (isOver) return;
    if (calls.link.closed) throw new Mq9Error("closed", `${what}: the connection is closed`);
    const subject = subjectOf(calls, dialect, request);
    const taken = receiver(request, end);
    subscription = calls.link.subscribe(spacePrefix + subject, taken, request.group);
    void subscription.closed.then(() => end());
    if (dialect === "mq9") await calls.openWithToken(mailbox);
  };
  begin().catch((error: unknown) => {
    end(
      error instanceof Mq9Error ? error : new Mq9Error("invalid", textOf(error), { cause: error }),
    );
  });
  return () => {
    isOver = true;
    subscription?.unsubscribe();
  };
}

function receiver(
  request: PushRequest,
  end: (error: Mq9Error) => void,
): (error: Error | null, message: Msg) => void {
  const { mailbox, onMessage, group, match } = request;
  const mask = request.ranks ?? allRanks;
  const seen = new Map<string, SeenNumbers>();
  return (error, message) => {
    if (error !== null) {
      const text = `following ${mailbox} was refused: ${textOf(error)}`;
      end(new Mq9Error("forbidden", text, { cause: error }));
      return;
    }
    const parts = new PushedParts(message, mailbox);
    if (mask !== allRanks && (mask & maskOf(rankOf(parts.label))) === 0) return;
    const { msgId } = parts;
    if (group === undefined && msgId >= 0) {
      const key = match === "glob" ? parts.mailbox : mailbox;
      let numbers = seen.get(key);
      if (numbers === undefined) {
        numbers = new SeenNumbers();
        seen.set(key, numbers);
      }
      if (!numbers.add(msgId)) return;
    }
    onMessage(parts, message);
  };
}

function subjectOf(calls: RemoteCalls, dialect: Dialect, request: PushRequest): string {
  const { mailbox, match, group } = request;
  const mask = request.ranks ?? allRanks;
  const only = ranks.find((rank) => maskOf(rank) === mask);
  if (match === "glob" || dialect === "inbox") {
    const word = only === undefined ? undefined : inboxWordOfRank[only];
    return `INBOX.${mailbox}.${word ?? "*"}`;
  }
  if (dialect === "mailbox" || only !== undefined || group !== undefined) {
    if (only === undefined && mask !== allRanks && group !== undefined) {
      throw unsupported("several priorities, and not all, in one group", calls.broker.description);
    }
    return `MAILBOX.MSG.${mailbox}.${only === undefined ? "*" : wordOfRank[only]}`;
  }
  // A name that ends in a word of priority can be meant two ways elsewhere, and not here.
  return `MSG.PUSH.${mailbox}`;
}

/** `MailboxApi.subscribe` over the wire. What the sink has no room for waits here. */
export function followMailbox(calls: RemoteCalls, request: SubscribeRequest): MailSubscription {
  const { mailbox, match, sink, group } = request;
  if (request.replayOnly === true) {
    throw unsupported("a replay that ends by itself", "spoken to over the wire: use query()");
  }
  const waiting: PushedParts[] = [];
  let isFull = false;
  let isOver = false;
  const pump = (): void => {
    isFull = false;
    while (waiting.length > 0 && !isFull && !isOver) {
      const parts = waiting.shift() as PushedParts;
      if (!sink.deliver(parts.toMail(), parts.replayed)) {
        isFull = true;
        sink.onceWritable(pump);
      }
    }
  };
  const stop = push(calls, {
    mailbox,
    match,
    group,
    ranks: request.ranks,
    onMessage: (parts) => {
      waiting.push(parts);
      if (!isFull) pump();
    },
    onEnd: () => {
      isOver = true;
    },
  });
  return {
    // Over the wire leaving is always on purpose; a connection that breaks is the other way.
    end: () => {
      isOver = true;
      stop();
    },
  };
}
