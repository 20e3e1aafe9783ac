// What ties an answer to its request: the header lines of both, where answers lie, and how one is sent.
// A request names the mailbox for its answer and an id; the answer is stored there under that id as its
// key, so that it is found whoever died in between, and at most one is kept.
import { isMailboxName, Mq9Error, type SendResult } from "@mq9/protocol";
import { nuid } from "@nats-io/nats-core";
import { encodeData, encodeText } from "./codec.ts";
import { textOf } from "./errors.ts";
import { hopsAfter } from "./hops.ts";
import type { Message } from "./message.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import { traceSend } from "./trace.ts";

export const replyToHeader = "mq9-reply-to";
export const correlationHeader = "correlation-id";
/** When the asker gives up, as an instant in ISO 8601. */
export const deadlineHeader = "request-deadline";
/** `error` on an answer that tells of a failure. */
export const statusHeader = "reply-status";

/** How long requests and answers are kept, if nobody says otherwise: a day. */
export const keptSeconds = 86_400;

/** Keys and dedup ids are no longer. */
const idBytesMax = 128;

/** A name that the broker made up, and what `nuid` made. */
const madeHere = /^([a-z2-7]{26}|reply-[0-9A-Za-z]{22})\.[0-9A-Za-z]{22}$/;

/** The other side answered with a failure. */
export class RemoteError extends Mq9Error {
  /** What the other side calls it: `rejected`, `invalid_data`, the code of an `Mq9Error`, or `failed`. */
  readonly remoteCode: string;
  /** The answer as it came. */
  readonly answer: Message;

  constructor(answer: Message, remoteCode: string, text: string) {
    super("remote", text);
    this.name = "RemoteError";
    this.remoteCode = remoteCode;
    this.answer = answer;
  }
}

/** The failure that an answer tells of; undefined = it tells of none. */
export function remoteErrorOf<T>(answer: Message<T>): RemoteError | undefined {
  if (answer.headers.get(statusHeader) !== "error") return undefined;
  let told: { readonly code?: unknown; readonly message?: unknown } = {};
  try {
    told = answer.json<{ error?: typeof told }>().error ?? {};
  } catch {
    // an answer of others: its text is what there is
  }
  const code = typeof told.code === "string" ? told.code : "failed";
  const text = typeof told.message === "string" ? told.message : answer.text();
  return new RemoteError(answer as Message<unknown>, code, text);
}

/** The body of an answer that tells of a failure. Only what the error says of itself: no stack. */
export function failureBody(error: unknown): { error: { code: string; message: string } } {
  const code = error instanceof Mq9Error ? error.code : codeByName(error);
  return { error: { code, message: textOf(error) } };
}

function codeByName(error: unknown): string {
  return error instanceof Error && error.name === "Reject" ? "rejected" : "failed";
}

export interface AnswerOptions extends CallOptions {
  /** Further header lines. */
  readonly lines?: readonly (readonly [string, string])[];
  readonly status?: "ok" | "error" | undefined;
  /** Default: a day. */
  readonly ttlSeconds?: number | undefined;
}

/**
 * Sends the answer to where a message asks for it. Repeating it stores nothing twice.
 * @throws {Mq9Error} `invalid` when it asks for none; errors of a send
 */
export async function sendAnswer<T>(
  api: RemoteApi,
  message: Message<T>,
  data: unknown,
  options: AnswerOptions = {},
): Promise<SendResult> {
  const { replyTo, correlationId } = message;
  if (replyTo === undefined) {
    throw new Mq9Error(
      "invalid",
      `message ${message.msgId} of ${message.mailbox} names no mailbox to answer to (header ${replyToHeader}): send to one that you know`,
    );
  }
  const { payload, contentType } = encodeData(data);
  const lines: [string, string][] = (options.lines ?? []).map(([name, value]) => [name, value]);
  if (contentType !== undefined) lines.push(["content-type", contentType]);
  if (correlationId !== undefined) lines.push([correlationHeader, correlationId]);
  if (options.status !== undefined) lines.push([statusHeader, options.status]);
  lines.push(hopsAfter(message));
  const id = fitting(correlationId);
  const request = {
    mailbox: replyTo,
    label: "normal" as const,
    payload,
    ttlSeconds: options.ttlSeconds ?? keptSeconds,
    key: id,
    dedupId: id ?? fitting(`answer-${message.msgId}-${message.mailbox}`),
  };
  return await traceSend(replyTo, lines, () => api.sendLines(request, lines, options));
}

/** An id of others may be longer than a key: then it tells whose answer this is, and nothing else hangs on it. */
function fitting(id: string | undefined): string | undefined {
  return id !== undefined && id !== "" && encodeText(id).length <= idBytesMax ? id : undefined;
}

/** The mailbox that an agent's answers come to, the same whenever it asks; undefined = no mailbox can be called so. */
export function replyMailboxOf(agent: string): string | undefined {
  const name = `${agent}.replies`;
  return isMailboxName(name) ? name : undefined; // agents may be called anything
}

/**
 * A new id that tells where its answer comes, so that whoever asks again with it, in another process too,
 * listens there.
 */
export function requestIdFor(inbox: string): string {
  return `${inbox}.${nuid.next()}`;
}

/**
 * The mailbox for the answer to one request, by the id that its asker gave: the same after a restart.
 * @throws {Mq9Error} `invalid` when the id makes no name
 */
export function replyMailboxFor(requestId: string): string {
  const [, inbox] = madeHere.exec(requestId) ?? [];
  if (inbox !== undefined) return inbox;
  const plain = `reply-${requestId}`;
  if (isMailboxName(plain)) return plain;
  let name = "reply-x";
  for (const byte of encodeText(requestId)) name += byte.toString(16).padStart(2, "0");
  if (isMailboxName(name)) return name;
  const text = `the requestId is too long to name a mailbox for its answer: make it shorter, or give replyTo`;
  throw new Mq9Error("invalid", text);
}
