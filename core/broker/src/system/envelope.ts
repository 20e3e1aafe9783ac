// What every answer and event of the system service says of the server that sent it, and the forms of
// success and failure. Used by the files beside this one.
import { randomBytes } from "node:crypto";
import { timeText } from "../monitor/texts.ts";
import type { MonitorView } from "../monitor/view.ts";

/** The server in an answer; what is not known here is left out. */
export interface ServerJson {
  readonly name: string;
  readonly host: string;
  readonly id: string;
  /** The NATS version we speak; our own is in the block `mq9` of VARZ. */
  readonly ver: string;
  readonly jetstream: false;
  readonly flags: 0;
  /** Of this answer or event among all. */
  readonly seq: number;
  readonly time: string;
}

/** A request that can not be answered with what it asks for. */
export class SystemError extends Error {
  /** 400 = it makes no sense, 404 and 500 = it could not be done, 429 = too many at one time. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "SystemError";
    this.code = code;
  }
}

/** Writes answers and events. */
export class Envelope {
  readonly #view: MonitorView;
  #seq = 0;

  constructor(view: MonitorView) {
    this.#view = view;
  }

  server(): ServerJson {
    const { serverName, host, serverId, version } = this.#view.router.server;
    this.#seq += 1;
    return {
      name: serverName,
      host,
      id: serverId,
      ver: version,
      jetstream: false,
      flags: 0,
      seq: this.#seq,
      time: timeText(Date.now()),
    };
  }

  failure({ code, message }: SystemError): Buffer {
    return jsonBytes({ server: this.server(), error: { code, description: message } });
  }

  /** An event of the kind that `nats events` knows by its type. */
  event(type: string, fields: object): Buffer {
    const head = {
      type: `io.nats.server.advisory.v1.${type}`,
      id: eventId(),
      timestamp: timeText(Date.now()),
      server: this.server(),
    };
    return jsonBytes({ ...head, ...fields });
  }
}

export function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idLength = 22;

/** 22 digits of base 62, as events of NATS have them. */
function eventId(): string {
  let id = "";
  for (const byte of randomBytes(idLength)) id += digits[byte % digits.length];
  return id;
}
