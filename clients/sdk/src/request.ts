// request(): a question that is stored in a mailbox, and its answer, which is stored in another. Nothing of
// it lives in a connection alone, so that both sides may die and come back; who asks again with the same
// id asks nothing twice.
import { Mq9Error, type Mq9ErrorCode, type PriorityLabel, type ReceiptResult } from "@mq9/protocol";
import { retryDelayMs } from "./consume-retry.ts";
import {
  correlationHeader,
  deadlineHeader,
  keptSeconds,
  remoteErrorOf,
  requestIdFor,
} from "./correlation.ts";
import { abortedError, textOf } from "./errors.ts";
import type { HeadersInit } from "./headers.ts";
import { linesOfInit } from "./headers.ts";
import type { Mailbox, Surround } from "./mailbox.ts";
import { Message, type MessageParts, partsOf } from "./message.ts";
import { timerMs } from "./numbers.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import { type ReplyInbox, ReplyInboxes } from "./request-inbox.ts";
import { readerOf, type Schema } from "./schema.ts";

export interface RequestOptions<R = unknown> {
  /**
   * Names the request for good: asking again with it, from any process, sends nothing twice and finds an
   * answer that came meanwhile, for a day; for ten minutes where this user may not look into the mailbox.
   * Default: a new one.
   */
  readonly requestId?: string | undefined;
  /** The mailbox for the answer. Default: `<agent>.replies`, else one that is made for it. */
  readonly replyTo?: string | undefined;
  /** Milliseconds until nobody waits any more. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** In place of `timeoutMs`. */
  readonly deadline?: Date | undefined;
  /** Stops waiting; the request stays, and so does its answer. */
  readonly signal?: AbortSignal | undefined;
  /** Checks the answer. */
  readonly schema?: Schema<R> | undefined;
  readonly priority?: PriorityLabel | undefined;
  readonly headers?: HeadersInit | undefined;
  readonly tags?: readonly string[] | undefined;
  /** How long the request is kept for somebody to answer. Default: a day, or until the deadline if that is later. */
  readonly ttlSeconds?: number | undefined;
}

/** Nobody answered in time. What is known of the request is in the message and the fields. */
export class RequestTimeoutError extends Mq9Error {
  /** Give it to the next call to go on waiting: nothing is sent twice. */
  readonly requestId: string;
  /** Number of the request in its mailbox; undefined = it is not known to be stored. */
  readonly msgId: number | undefined;
  /** Where the request was when the time was up; undefined = nobody could say. */
  readonly receipt: ReceiptResult | undefined;

  constructor(
    message: string,
    known: { requestId: string; msgId: number | undefined; receipt: ReceiptResult | undefined },
    options?: ErrorOptions,
  ) {
    super("timeout", message, options);
    this.name = "RequestTimeoutError";
    this.requestId = known.requestId;
    this.msgId = known.msgId;
    this.receipt = known.receipt;
  }
}

const doubtful: ReadonlySet<Mq9ErrorCode> = new Set(["expired", "not_found", "timeout"]);
const inboxesOf: WeakMap<Surround, ReplyInboxes> = new WeakMap();

/** One request from its start to its end. */
interface Asking {
  readonly api: RemoteApi;
  readonly mailbox: string;
  /** "" until it is known where the answer comes. */
  requestId: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** It was tried to send it. */
  begun: boolean;
  /** Known once the broker has confirmed it. */
  msgId: number | undefined;
}

/**
 * Sends to a mailbox and waits for the answer.
 * @throws {RequestTimeoutError} past the deadline
 * @throws {RemoteError} the answer tells of a failure
 * @throws {Mq9Error} `aborted`, `invalid_data`, and errors of a send
 */
export async function request<T, R = unknown>(
  mailbox: Mailbox<T>,
  data: T,
  options: RequestOptions<R> = {},
): Promise<Message<R>> {
  const { surround } = mailbox;
  const { api } = surround;
  const { signal } = options;
  const nowMs = Date.now();
  const deadlineMs = options.deadline?.getTime() ?? nowMs + (options.timeoutMs ?? 30_000);
  if (!Number.isFinite(deadlineMs)) {
    const text = "timeoutMs must be a number of milliseconds, deadline a valid date";
    throw new Mq9Error("invalid", text);
  }
  const asking: Asking = {
    api,
    mailbox: mailbox.name,
    requestId: options.requestId ?? "",
    deadlineMs,
    signal,
    begun: false,
    msgId: undefined,
  };
  if (signal?.aborted) throw aborted(asking);
  if (deadlineMs <= nowMs) throw await tooLate(asking, new Error("its deadline is past"));
  const inboxes = inboxesFor(surround);
  const inbox = await repeated(asking, () => {
    return inboxes.for(options.requestId, options.replyTo, leftMs(asking));
  });
  asking.requestId ||= requestIdFor(inbox.name);
  const wait = new Wait(asking, inbox);
  try {
    const parts =
      (options.requestId === undefined
        ? undefined
        : await repeated(asking, () => stored(asking, inbox))) ??
      (await ask(
        asking,
        inbox,
        wait,
        () => send(mailbox, data, asking, inbox.name, options),
        options.requestId !== undefined,
      ));
    return await answerOf(parts, options.schema, inbox, api, options.requestId === undefined);
  } catch (error) {
    // Its mailbox for answers may have been taken away: the next call looks.
    if (error instanceof Mq9Error && doubtful.has(error.code)) inboxes.doubt(inbox.name);
    throw error;
  } finally {
    wait.end();
    inboxes.forget(inbox);
  }
}

async function send<T, R>(
  mailbox: Mailbox<T>,
  data: T,
  asking: Asking,
  replyTo: string,
  options: RequestOptions<R>,
): Promise<number> {
  const { requestId, deadlineMs, signal } = asking;
  const untilDeadline = Math.ceil(leftMs(asking) / 1000);
  const { msgId } = await mailbox.send(data, {
    replyTo,
    dedupId: requestId,
    key: requestId,
    ttlSeconds: options.ttlSeconds ?? Math.max(keptSeconds, untilDeadline),
    priority: options.priority,
    tags: options.tags,
    timeoutMs: leftMs(asking),
    signal,
    headers: [
      ...linesOfInit(options.headers),
      [correlationHeader, requestId],
      [deadlineHeader, new Date(deadlineMs).toISOString()],
    ],
  });
  return msgId;
}

async function ask(
  asking: Asking,
  inbox: ReplyInbox,
  wait: Wait,
  sendOnce: () => Promise<number>,
  isNamed: boolean,
): Promise<MessageParts> {
  if (isNamed) asking.msgId = await sentBefore(asking);
  if (asking.msgId === undefined) {
    asking.begun = true;
    asking.msgId = await repeated(asking, sendOnce);
  }
  const heard = await wait.answer;
  if (heard === "late") {
    // A last look: what came may have been missed in a reconnect that is not over.
    const parts = await stored(asking, inbox).catch(() => undefined);
    if (parts !== undefined) return parts;
    throw await tooLate(asking);
  }
  if (heard instanceof Mq9Error) throw heard;
  return heard;
}

/** For what may be done again without harm, as sends under one id: only the deadline ends it. */
async function repeated<V>(asking: Asking, attempt: () => Promise<V>): Promise<V> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (asking.signal?.aborted) throw aborted(asking);
      const mayBeDone = error instanceof Mq9Error && error.code === "outcome_unknown";
      if (!mayBeDone && !(error instanceof Mq9Error && error.retriable)) throw error;
      if (leftMs(asking) <= 1) throw await tooLate(asking, error);
      await pause(Math.min(leftMs(asking), retryDelayMs(failures)), asking.signal);
      if (asking.signal?.aborted) throw aborted(asking);
    }
  }
}

/** Ends early when the signal fires. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** Waits for the answer from its beginning on. */
class Wait {
  readonly answer: Promise<MessageParts | Mq9Error | "late">;
  #end: () => void = () => {};

  constructor(asking: Asking, inbox: ReplyInbox) {
    const { signal, requestId } = asking;
    this.answer = new Promise((resolve) => {
      const abort = (): void => resolve(aborted(asking));
      const stop = inbox.listen(requestId, resolve);
      const timer = setTimeout(resolve, timerMs(leftMs(asking)), "late");
      signal?.addEventListener("abort", abort, { once: true });
      this.#end = () => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
    });
  }

  end(): void {
    this.#end();
  }
}

/** The answer that lies there already. */
async function stored(asking: Asking, inbox: ReplyInbox): Promise<MessageParts | undefined> {
  const { api, requestId } = asking;
  const { messages } = await api.query(
    {
      mailbox: inbox.name,
      checkToken: false,
      unreadOnly: false,
      countUnread: false,
      order: "newest",
      limit: 1,
      key: requestId,
    },
    { timeoutMs: Math.max(1_000, leftMs(asking)) },
  );
  return messages[0] === undefined ? undefined : partsOf(messages[0]);
}

/** The number of the request if an earlier call has sent it. Not everybody may look: then the dedup id decides. */
async function sentBefore(asking: Asking): Promise<number | undefined> {
  const { api, mailbox, requestId } = asking;
  try {
    const { messages } = await api.query(
      {
        mailbox,
        checkToken: false,
        unreadOnly: false,
        countUnread: false,
        order: "newest",
        limit: 1,
        key: requestId,
      },
      { timeoutMs: leftMs(asking) },
    );
    return messages[0]?.msgId;
  } catch {
    return undefined;
  }
}

function answerOf<R>(
  parts: MessageParts,
  schema: Schema<R> | undefined,
  inbox: ReplyInbox,
  api: RemoteApi,
  isLast: boolean,
): Message<R> | Promise<Message<R>> {
  const reader = schema === undefined ? undefined : readerOf(schema);
  const answer = new Message<R>(parts, reader === undefined ? {} : { decode: reader.decode });
  // Nobody can ask for it again: it need not stay.
  if (isLast) api.remove({ mailbox: inbox.name, msgId: answer.msgId }).catch(() => {});
  const failure = remoteErrorOf(answer);
  if (failure !== undefined) throw failure;
  const checked = reader?.prepare(answer);
  return checked === undefined ? answer : checked.then(() => answer);
}

/** The error at the deadline, with what can be found out about the request. */
async function tooLate(asking: Asking, cause?: unknown): Promise<RequestTimeoutError> {
  const { api, mailbox, requestId, msgId } = asking;
  let receipt: ReceiptResult | undefined;
  if (msgId !== undefined && msgId >= 0) {
    try {
      receipt = await api.receipt({ mailbox, msgId }, { timeoutMs: 1_000 });
    } catch {
      receipt = undefined; // no right to ask, or nobody there to say
    }
  }
  const state = stateOf(asking, receipt, cause);
  const advice =
    requestId === ""
      ? "Nothing was sent: ask again"
      : `Ask again with requestId "${requestId}" to go on waiting; nothing is sent twice`;
  const text = `no answer from ${mailbox} in time: ${state}. ${advice}`;
  return new RequestTimeoutError(text, { requestId, msgId, receipt }, { cause });
}

function stateOf(asking: Asking, receipt: ReceiptResult | undefined, cause: unknown): string {
  const { msgId, begun } = asking;
  if (!begun && msgId === undefined) return `this call has not sent the request (${textOf(cause)})`;
  if (msgId === undefined)
    return `it is not known whether the request was stored (${textOf(cause)})`;
  const where = `the request is stored as message ${msgId}`;
  if (receipt === undefined) return `${where}, and what became of it could not be asked`;
  if (receipt.state === "gone")
    return `message ${msgId} was taken out of its mailbox: answered, or deleted`;
  if (receipt.state === "expired") return `message ${msgId} has expired`;
  if (receipt.groups.length === 0)
    return `${where}, and nobody has fetched there yet (is a replier running?)`;
  const groups = receipt.groups.map(({ group, state, deliveryCount }) => {
    const times = deliveryCount > 0 && state !== "acked" ? ` (delivery ${deliveryCount})` : "";
    return `group ${group}: ${state}${times}`;
  });
  return `${where}; ${groups.join(", ")}`;
}

function aborted({ signal, requestId, mailbox }: Asking): Mq9Error {
  const which = requestId === "" ? "request" : `request ${requestId}`;
  return abortedError(signal as AbortSignal, `${which} to ${mailbox}`);
}

function leftMs({ deadlineMs }: Asking): number {
  return Math.max(1, deadlineMs - Date.now());
}

function inboxesFor(surround: Surround): ReplyInboxes {
  let inboxes = inboxesOf.get(surround);
  if (inboxes === undefined) {
    inboxes = new ReplyInboxes(surround.api, surround.agent);
    inboxesOf.set(surround, inboxes);
  }
  return inboxes;
}
