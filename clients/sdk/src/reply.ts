// reply(): a consumer whose handler's result is the answer. The answer is stored before the request is
// acknowledged, under the request's id: a replier that dies in between leaves a request that the next
// one answers, and the asker gets one answer all the same.
import { Mq9Error } from "@mq9/protocol";
import {
  type ConsumeOptions,
  type Consumer,
  consume,
  type HandlerContext,
  Reject,
  safely,
} from "./consume.ts";
import { sourceOf } from "./consume-source.ts";
import { deadlineHeader, failureBody, sendAnswer } from "./correlation.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Message } from "./message.ts";
import { check, type Schema } from "./schema.ts";

export interface ReplyContext extends HandlerContext {
  /** When the asker stops waiting, as it said; the answer is stored all the same. */
  readonly deadline: Date | undefined;
}

/** What it returns is the answer: a text, bytes, or anything that JSON can hold. */
export type Replier<T, A = unknown> = (
  message: Message<T>,
  context: ReplyContext,
) => A | Promise<A>;

export interface ReplyOptions<T = unknown, A = unknown> extends ConsumeOptions<T> {
  /** Checks the answer before it is sent; what does not fit is answered as a failure. */
  readonly answerSchema?: Schema<unknown, A> | undefined;
  /** How long the answer is kept for an asker that is away. Default: a day. */
  readonly ttlSeconds?: number | undefined;
  /** Answered requests stay in the mailbox, for other groups. Default false: they have no further use. */
  readonly keep?: boolean | undefined;
}

/**
 * Answers the requests of a mailbox. What the handler throws is answered as a failure: at once, or, with
 * `retries`, when the last of them has failed. A `Reject`, and what does not fit the mailbox's schema, is
 * answered at once and goes to the dead letters too.
 */
export function reply<T, A = unknown>(
  mailbox: Mailbox<T>,
  replier: Replier<T, A>,
  options: ReplyOptions<T, A> = {},
): Consumer {
  const { answerSchema, ttlSeconds, keep = false, ...rest } = options;
  const most = options.retries?.max ?? 0;
  const { api } = mailbox.surround;
  const onError = safely<T>((error, message) => options.onError?.(error, message));

  const answer = async (
    message: Message<T>,
    data: unknown,
    status: "ok" | "error",
  ): Promise<void> => {
    if (message.replyTo === undefined) return; // no request: somebody sent it and wants no answer
    try {
      await sendAnswer(api, message, data, { status, ttlSeconds });
    } catch (error) {
      if (!isPointless(error)) throw error;
      // Answered by another replier with other bytes, or the asker's mailbox is over.
      if (codeOf(error) !== "dedup_conflict") onError(error, message);
    }
  };
  const finish = (message: Message<T>): void => {
    if (keep || message.replyTo === undefined) return;
    api.remove({ mailbox: message.mailbox, msgId: message.msgId }).catch(() => {}); // it ends by itself
  };

  const source = sourceOf(mailbox);
  const checked = async (message: Message<T>): Promise<void> => {
    try {
      await source.check?.(message);
    } catch (error) {
      await answer(message, failureBody(error), "error");
      throw error;
    }
  };
  return consume(
    { ...source, check: source.check === undefined ? undefined : checked },
    async (message, context) => {
      let data: unknown;
      try {
        data = await replier(message, { signal: context.signal, deadline: deadlineOf(message) });
        if (answerSchema !== undefined) await check(answerSchema, data, "the answer");
      } catch (error) {
        if (error instanceof Reject) {
          await answer(message, failureBody(error), "error");
          throw error;
        }
        if ((message.deliveryCount ?? 1) <= most || message.settled !== undefined) throw error;
        onError(error, message);
        await answer(message, failureBody(error), "error");
        finish(message);
        return;
      }
      await answer(message, data, "ok");
      finish(message);
    },
    {
      ...rest,
      // The last failure is answered by us; the broker's own count only catches what dies each time.
      retries: { ...options.retries, max: Math.max(most, deliveriesBeforeDeath) },
    },
  );
}

const deliveriesBeforeDeath = 19;

function deadlineOf<T>(message: Message<T>): Date | undefined {
  const text = message.headers.get(deadlineHeader);
  const date = text === undefined ? undefined : new Date(text);
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Mq9Error ? error.code : undefined;
}

function isPointless(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === "dedup_conflict" || code === "not_found" || code === "expired" || code === "forbidden"
  );
}
