// A request of the link, and what it comes to when no answer does: errors that say precisely what is known.

import { Mq9Error } from "@mq9/protocol";
import type { MsgHdrs } from "@nats-io/nats-core";
import { abortedError, OutcomeUnknownError, textOf } from "./errors.ts";

/** In front of every subject of the protocol. */
export const spacePrefix = "$mq9.AI.";

/** A reply's fields. */
export type Reply = Readonly<Record<string, unknown>>;

export interface Ask {
  /** Without the prefix. */
  readonly subject: string;
  /** Asked for anew each time it is sent. */
  readonly body: () => Uint8Array | string;
  readonly headers?: MsgHdrs | undefined;
  /** Completes "… was not sent": `send to reviewer`. */
  readonly what: string;
  /**
   * `read`: changes nothing. `again`: done twice it is as done once. `once`: neither, so that a lost
   * answer is `outcome_unknown`.
   */
  readonly kind: "read" | "again" | "once";
  /** Milliseconds until it fails; default: the connection's. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of a send. */
  readonly dedupId?: string | undefined;
  /** Nobody minds when the connection is drained before its answer comes, or not any more. Default false. */
  readonly background?: boolean | (() => boolean) | undefined;
  /** What is so when a read has no answer. Default: "nothing was changed". */
  readonly known?: string | undefined;
  /** Reads the bytes of a reply that is more than one JSON object. Default: JSON. */
  readonly read?: ((data: Uint8Array) => Reply) | undefined;
}

export interface Answer {
  readonly reply: Reply;
  /** What the reply says went wrong; undefined = nothing. */
  readonly failure: Mq9Error | undefined;
  /** How often the request was sent; above 1 an earlier one may have been carried out. */
  readonly attempts: number;
}

/** `read`: nothing was published before. Default `once`. */
export interface FlushOptions extends Pick<Ask, "timeoutMs" | "signal"> {
  readonly kind?: Ask["kind"];
}

/** What is known of the connection when a request fails. */
export interface KnownLink {
  /** Shown in errors; without credentials. */
  readonly url: string;
  /** Undefined = the connection is there. */
  readonly offlineSince: Date | undefined;
  /** Why it ended for good; undefined = on purpose, or not yet. */
  readonly closedBy: Error | undefined;
}

/** The time of a request is up. @param attempts how often it was sent */
export function lateError(request: Ask, attempts: number, known: KnownLink): Mq9Error {
  const { what, kind } = request;
  if (attempts === 0) {
    const since = known.offlineSince;
    const because =
      since === undefined
        ? "there was no time left"
        : `${known.url} has been out of reach since ${since.toISOString()}`;
    return new Mq9Error("unreachable", `${what} was not sent: ${because}. Nothing has happened`);
  }
  if (kind === "read") {
    const { known: so = "nothing was changed" } = request;
    return new Mq9Error("timeout", `${what} had no answer in time; ${so}`);
  }
  return unknownError(request, "no answer came in time");
}

/** It was sent, and nobody can tell. @param why completes "was sent, but" */
export function unknownError(request: Ask, why: string): OutcomeUnknownError {
  const { what, kind, dedupId } = request;
  const repeatable = kind !== "once";
  const advice =
    dedupId !== undefined
      ? `sending again with dedupId "${dedupId}" stores it once`
      : repeatable
        ? "calling again is safe"
        : "look before calling again";
  const text = `${what} was sent, but ${why}: it may have happened or not; ${advice}`;
  return new OutcomeUnknownError(text, { repeatable, dedupId });
}

export function abortedRequest(request: Ask, attempts: number): Mq9Error {
  const { what, kind, signal } = request;
  const known =
    attempts === 0
      ? `${what}, before it was sent`
      : kind === "read"
        ? what
        : `${what}, after it was sent (it may have happened)`;
  return abortedError(signal as AbortSignal, known);
}

export function closedRequest(request: Ask, attempts: number, known: KnownLink): Mq9Error {
  if (attempts > 0 && request.kind !== "read") {
    return unknownError(request, "the connection was closed before the answer came");
  }
  return closedError(request.what, known);
}

export function closedError(what: string, known: KnownLink): Mq9Error {
  const because = known.closedBy === undefined ? "" : ` because of: ${textOf(known.closedBy)}`;
  return new Mq9Error("closed", `${what} was not done: the connection is closed${because}`, {
    cause: known.closedBy,
  });
}

/** The library refused to publish. */
export function publishError(error: unknown, what: string): Mq9Error {
  const text = textOf(error);
  if (error instanceof Mq9Error) return error;
  if (/max_payload/.test(text)) {
    return new Mq9Error("too_large", `${what} was not sent: it is larger than this broker takes`, {
      cause: error,
    });
  }
  if (/closed|draining/i.test(text)) {
    return new Mq9Error("closed", `${what} was not sent: ${text}`, { cause: error });
  }
  return new Mq9Error("invalid", `${what} was not sent: ${text}`, { cause: error });
}
