// Requests with replies over a raw connection: one inbox, replies matched by the number at the end
// of their subject. Used by work.mjs and scale.mjs.
import { connect, scanFrames } from "./wire.mjs";

const zero = 48;

export class Requester {
  #connection;
  #waiting = new Map();
  #next = 1;
  #out = [];
  #inbox;
  #onPushed = () => {};

  static async open(port, name) {
    const requester = new Requester();
    requester.#inbox = `_INBOX.${name}`;
    requester.#connection = await connect(port);
    requester.#connection.onBytes = scanFrames((buffer, at, lineEnd, bodyAt, bodyEnd) => {
      // "MSG <inbox>.<number> 1 <size>": everything else was pushed.
      if (buffer.indexOf(requester.#inbox, at, "latin1") === at + 4)
        requester.#reply(buffer, at, bodyAt, bodyEnd);
      else requester.#onPushed(buffer.latin1Slice(at, lineEnd).split(" ")[3]);
    });
    requester.#connection.send(`SUB ${requester.#inbox}.* 1\r\n`);
    await requester.#connection.flush();
    return requester;
  }

  /** `onReply(body)` gets a view of the reply's bytes, valid during the call. */
  request(subject, body, onReply) {
    const number = this.#next++;
    this.#waiting.set(number, onReply);
    if (this.#out.length === 0) setImmediate(() => this.#write());
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.#out.push(
      Buffer.from(`PUB ${subject} ${this.#inbox}.${number} ${bytes.length}\r\n`, "latin1"),
      bytes,
      crlf,
    );
  }

  /** `onPushed(reply)` gets the reply subject of each message that a subscription is handed. */
  async subscribe(subjects, queue, onPushed) {
    this.#onPushed = onPushed;
    for (const [i, subject] of subjects.entries())
      this.#connection.send(`SUB ${subject} ${queue} ${i + 2}\r\n`);
    await this.#connection.flush();
  }

  /** The reply as JSON. */
  ask(subject, body) {
    return new Promise((resolve) => {
      this.request(subject, JSON.stringify(body), (reply) => resolve(JSON.parse(String(reply))));
    });
  }

  get waiting() {
    return this.#waiting.size;
  }

  close() {
    this.#connection.close();
  }

  #write() {
    this.#connection.send(Buffer.concat(this.#out));
    this.#out = [];
  }

  /** The subject is the second word of the line; its last token is the number. */
  #reply(buffer, at, bodyAt, bodyEnd) {
    let from = at;
    while (buffer[from] !== 32) from++;
    let end = from + 1;
    while (buffer[end] !== 32) end++;
    let number = 0;
    let unit = 1;
    for (let digit = end - 1; buffer[digit] !== 46; digit--) {
      number += (buffer[digit] - zero) * unit;
      unit *= 10;
    }
    const onReply = this.#waiting.get(number);
    this.#waiting.delete(number);
    onReply?.(buffer.subarray(bodyAt, bodyEnd));
  }
}

const crlf = Buffer.from("\r\n");

/** Latencies in milliseconds, and what they come to. */
export class Latencies {
  #values = [];

  add(ms) {
    this.#values.push(ms);
  }

  clear() {
    this.#values = [];
  }

  get count() {
    return this.#values.length;
  }

  /** @param {number} share 0.99 for the 99th percentile */
  at(share) {
    const sorted = Float64Array.from(this.#values).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  }
}
