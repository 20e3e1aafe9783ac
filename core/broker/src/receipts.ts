// What a publisher is told when its message is durable, or why it is not. One receipt per publish:
// it keeps the connection's later `+OK` and `PONG` back until then (a PONG means stored).
import { errorReply, type Generation, sendReply } from "@mq9/dialects";
import type { SendCompletion, SendDetail } from "@mq9/mailbox";
import type { Mq9Error } from "@mq9/protocol";
import type { Client, Hold } from "@mq9/router";
import type { Meters } from "./meters.ts";

/** What one connection has under way. */
export interface Tally {
  open: number;
}

/** Who published: a connection, as long as it is the user it was then. */
export interface Asker extends Tally {
  readonly client: Client;
  /** False once a later CONNECT made the connection somebody else, who hears nothing of this. */
  readonly isPresent: boolean;
}

/** What a receipt needs of the space. */
export interface Desk {
  readonly meters: Meters;
  /** Sends a body to a reply subject; nothing when there is none, or nobody any more who asked. */
  reply(asker: Asker, reply: string, body: Uint8Array): void;
  noResponders(asker: Asker, subject: string, reply: string): void;
  /** One thing is under way no more: publishers that were stopped may be read again. */
  finished(tally: Tally, weight: number): void;
}

export class Receipt implements SendCompletion {
  readonly #desk: Desk;
  readonly #subject: string;
  readonly #reply: string;
  readonly #generation: Generation | undefined;
  readonly #hold: Hold;
  readonly #asker: Asker;
  /** A mark of the meters' clock. */
  readonly #arrived: number;

  constructor(desk: Desk, asker: Asker, request: ReceiptRequest) {
    this.#arrived = desk.meters.turn.mark();
    this.#asker = asker;
    this.#desk = desk;
    this.#subject = request.subject;
    this.#reply = request.reply;
    this.#generation = request.generation;
    this.#hold = asker.client.hold();
  }

  settled(error: Mq9Error | undefined, msgId: number, detail?: SendDetail): void {
    this.#desk.meters.sent(error?.code, this.#arrived);
    const body =
      this.#reply === ""
        ? undefined
        : error === undefined
          ? sendReply({ msgId, ...detail }, this.#generation)
          : errorReply(error);
    if (answer(this.#desk, this.#asker, this.#subject, this.#reply, error, body)) {
      this.#hold.release();
    }
    this.#desk.finished(this.#asker, 1);
  }
}

/** One publish as a receipt has to know it. */
export interface ReceiptRequest {
  readonly subject: string;
  /** "" = nothing is answered. */
  readonly reply: string;
  /** Decides the words of the answer. */
  readonly generation: Generation | undefined;
}

/** The receipt of a BROADCAST, which is stored only when a channel of that name was created. */
export class ChannelReceipt implements SendCompletion {
  readonly #desk: Desk;
  readonly #subject: string;
  readonly #reply: string;
  /** Somebody got it live, and may answer. */
  readonly #heard: boolean;
  readonly #hold: Hold;
  readonly #asker: Asker;
  /** A mark of the meters' clock. */
  readonly #arrived: number;

  constructor(
    desk: Desk,
    asker: Asker,
    request: { readonly subject: string; readonly reply: string; readonly heard: boolean },
  ) {
    this.#arrived = desk.meters.turn.mark();
    const { subject, reply, heard } = request;
    this.#asker = asker;
    this.#desk = desk;
    this.#subject = subject;
    this.#reply = reply;
    this.#heard = heard;
    this.#hold = asker.client.hold();
  }

  settled(error: Mq9Error | undefined, msgId: number, detail?: SendDetail): void {
    if (error?.code === "not_found" || error?.code === "expired") {
      if (!this.#heard) this.#desk.noResponders(this.#asker, this.#subject, this.#reply);
      this.#hold.release();
    } else {
      this.#desk.meters.sent(error?.code, this.#arrived);
      const body = error === undefined ? sendReply({ msgId, ...detail }, 0) : errorReply(error);
      if (answer(this.#desk, this.#asker, this.#subject, this.#reply, error, body)) {
        this.#hold.release();
      }
    }
    this.#desk.finished(this.#asker, 1);
  }
}

/** @returns false when the connection must not hear a PONG for what it sent */
function answer(
  desk: Desk,
  asker: Asker,
  subject: string,
  reply: string,
  error: Mq9Error | undefined,
  body: Uint8Array | undefined,
): boolean {
  if (reply !== "" && body !== undefined) {
    desk.reply(asker, reply, body);
    return true;
  }
  switch (error?.code) {
    case undefined:
    // A mailbox that is gone drops silently, as its documents say.
    case "not_found":
    case "expired":
      return true;
    case "unknown":
    case "storage_failed":
      asker.client.end();
      return false;
    default:
      if (asker.isPresent) asker.client.refusePublish(subject);
      return true;
  }
}
