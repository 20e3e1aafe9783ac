// The header block of a delivery: what the sender wrote, then the broker's own lines, which no
// sender can forge because its own lines of those names are taken out on arrival.
import { deliveryHeaders } from "@mq9/dialects";
import type { MailMessage } from "@mq9/protocol";

const emptyBlock = Buffer.from("NATS/1.0\r\n", "latin1");

/** The block for one message; a message that goes to many readers is composed once. */
export class DeliveryHeaders {
  #message: MailMessage | undefined;
  #replayed = false;
  #block: Buffer = emptyBlock;

  of(message: MailMessage, replayed: boolean): Buffer {
    if (message === this.#message && replayed === this.#replayed) return this.#block;
    const own = `${deliveryHeaders(message, replayed)}\r\n`;
    const sent = message.headers;
    const head = sent === undefined ? emptyBlock : sent.subarray(0, sent.length - 2);
    const block = Buffer.allocUnsafe(head.length + Buffer.byteLength(own));
    block.set(head, 0);
    block.write(own, head.length, "utf8");
    this.#message = message;
    this.#replayed = replayed;
    this.#block = block;
    return block;
  }
}
