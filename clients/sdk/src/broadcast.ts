// Broadcasts: to whoever listens now. Not stored, unless the channel has a mailbox.
import { Mq9Error } from "@mq9/protocol";
import type { Msg } from "@nats-io/nats-core";
import { encodeData } from "./codec.ts";
import { type HeadersInit, hdrsOfLines, linesOfInit } from "./headers.ts";
import { spacePrefix } from "./link.ts";
import { Message } from "./message.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import { SeenNumbers } from "./remote/seen.ts";
import { PushedParts } from "./remote/wire.ts";
import { Stream } from "./stream.ts";

export interface BroadcastOptions extends CallOptions {
  readonly headers?: HeadersInit | undefined;
}

export interface OnBroadcastOptions {
  /** Each broadcast goes to one member of the group. */
  readonly group?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves when the broker has it.
 * @throws {Mq9Error} `unreachable` (nothing was sent), `outcome_unknown` (the connection broke right then)
 */
export async function broadcast(
  api: RemoteApi,
  channel: string,
  data: unknown,
  options: BroadcastOptions,
): Promise<void> {
  if (!/^[^\s.*>#]+(?:\.[^\s.*>#]+)+$/.test(channel)) {
    throw new Mq9Error("invalid", `'${channel}' is no <domain>.<event> to broadcast to`);
  }
  const what = `broadcast on ${channel}`;
  const { payload, contentType } = encodeData(data);
  const lines = linesOfInit(options.headers);
  if (contentType !== undefined) lines.push(["content-type", contentType]);
  const { link } = api;
  // What is published while the connection is away would be lost without a word.
  if (!link.online) await link.flush(what, { ...options, kind: "read" });
  link.publish(`${spacePrefix}BROADCAST.${channel}`, payload, hdrsOfLines(lines));
  await link.flush(what, options);
}

/** What was broadcast while the connection was away is missed, unless the channel is stored. */
export function onBroadcast(
  api: RemoteApi,
  pattern: string,
  { group, signal }: OnBroadcastOptions,
): AsyncIterableIterator<Message> {
  const subject = `${spacePrefix}BROADCAST.${pattern}`;
  const seen = new SeenNumbers();
  const stream = new Stream<Message>({
    signal,
    onReturn: () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    },
  });
  if (pattern === "" || /[\s]/.test(pattern) || pattern.split(".").includes("")) {
    throw new Mq9Error("invalid", `'${pattern}' is no pattern <domain>.<event> to listen to`);
  }
  const taken = (error: Error | null, message: Msg): void => {
    if (error !== null) {
      const text = `listening to ${subject} was refused: ${error.message}`;
      stream.end(new Mq9Error("forbidden", text, { cause: error }));
      return;
    }
    const parts = new PushedParts(message, message.subject.slice(spacePrefix.length));
    // A stored channel is replayed after each reconnect.
    if (group === undefined && parts.msgId >= 0 && !seen.add(parts.msgId)) return;
    stream.push(new Message(parts));
  };
  const subscription = api.link.subscribe(subject, taken, group);
  void subscription.closed.then(() => stream.end());
  return stream;
}
