// What a publisher is told when its message is durable, or why it is not. One receipt per publish:
// it keeps the connection's later `+OK` and `PONG` back until then (a PONG means stored).
import { errorReply, sendReply } from "@mq9/dialects";
import type { SendCompletion } from "@mq9/mailbox";
import type { Mq9Error } from "@mq9/protocol";
import type { Client, Hold } from "@mq9/router";

/** What one connection has under way. */
export interface Tally {
  open: number;
}

/** What a receipt needs of the space. */
export interface Desk {
  /** Sends a body to a reply subject; nothing when there is none. */
  reply(client: Client, reply: string, body: Uint8Array): void;
  noResponders(client: Client, subject: string, reply: string): void;
  /** One thing is under way no more: publishers that were stopped may be read again. */
  finished(tally: Tally, weight: number): void;
}

export class Receipt implements SendCompletion {
  readonly #desk: Desk;
  readonly #client: Client;
  readonly #subject: string;
  readonly #reply: string;
  readonly #hold: Hold;
  readonly #tally: Tally;

  constructor(desk: Desk, client: Client, tally: Tally, subject: string, reply: string) {
    this.#tally = tally;
    this.#desk = desk;
    this.#client = client;
    this.#subject = subject;
    this.#reply = reply;
    this.#hold = client.hold();
  }

  settled(error: Mq9Error | undefined, msgId: number): void {
    if (answer(this.#desk, this.#client, this.#subject, this.#reply, error, msgId)) {
      this.#hold.release();
    }
    this.#desk.finished(this.#tally, 1);
  }
}

/** The receipt of a BROADCAST, which is stored only when a channel of that name was created. */
export class ChannelReceipt implements SendCompletion {
  readonly #desk: Desk;
  readonly #client: Client;
  readonly #subject: string;
  readonly #reply: string;
  /** Somebody got it live, and may answer. */
  readonly #heard: boolean;
  readonly #hold: Hold;
  readonly #tally: Tally;

  constructor(
    desk: Desk,
    client: Client,
    tally: Tally,
    request: { readonly subject: string; readonly reply: string; readonly heard: boolean },
  ) {
    const { subject, reply, heard } = request;
    this.#tally = tally;
    this.#desk = desk;
    this.#client = client;
    this.#subject = subject;
    this.#reply = reply;
    this.#heard = heard;
    this.#hold = client.hold();
  }

  settled(error: Mq9Error | undefined, msgId: number): void {
    if (error?.code === "not_found" || error?.code === "expired") {
      if (!this.#heard) this.#desk.noResponders(this.#client, this.#subject, this.#reply);
      this.#hold.release();
    } else if (answer(this.#desk, this.#client, this.#subject, this.#reply, error, msgId)) {
      this.#hold.release();
    }
    this.#desk.finished(this.#tally, 1);
  }
}

/** @returns false when the connection must not hear a PONG for what it sent */
function answer(
  desk: Desk,
  client: Client,
  subject: string,
  reply: string,
  error: Mq9Error | undefined,
  msgId: number,
): boolean {
  if (reply !== "") {
    desk.reply(client, reply, error === undefined ? sendReply({ msgId }) : errorReply(error));
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
      client.end();
      return false;
    default:
      client.refusePublish(subject);
      return true;
  }
}
