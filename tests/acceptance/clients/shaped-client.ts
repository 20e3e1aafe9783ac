// A client of generation 2 that behaves as one of the published ones does, over the NATS library that
// the JavaScript one is built on. What differs between them is in the shape.
import {
  connect,
  createInbox,
  type MsgHdrs,
  type NatsConnection,
  headers as newHeaders,
} from "nats";
import type { Consumer, Handler, Json, PublishedClient, Received } from "./published.ts";
import { consumeDefaults, type Shape } from "./shapes.ts";

/** The clients' own limit for one request. */
const requestTimeoutMs = 5_000;
/** How long a consume loop rests after a fetch that failed. */
const failurePauseMs = 1_000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Connects a client of this shape. */
export async function shapedClient(url: string, shape: Shape): Promise<PublishedClient> {
  const nc = await connect({ servers: url, maxReconnectAttempts: 10, reconnectTimeWait: 1_000 });
  const request = async (subject: string, body: Uint8Array, headers?: MsgHdrs): Promise<Json> => {
    const send = shape.headerRequests === "exact inbox" && headers ? exactRequest : sharedRequest;
    const reply = JSON.parse(decoder.decode(await send(nc, `$mq9.AI.${subject}`, body, headers)));
    const { error } = reply as { error?: unknown };
    if (typeof error === "string" && error !== "") throw new Error(error);
    return reply as Json;
  };
  const ask = (subject: string, body: Json) =>
    request(subject, encoder.encode(JSON.stringify(body)));
  const fetch: PublishedClient["fetch"] = async (address, options = {}) =>
    readMessages(shape, await ask(`MSG.FETCH.${address}`, shape.fetchBody(options)));
  const ack: PublishedClient["ack"] = async (address, groupName, msgId) => {
    const body = { group_name: groupName, mail_address: address, msg_id: msgId };
    await ask(`MSG.ACK.${address}`, body);
  };
  return {
    create: async ({ name, ttl } = {}) =>
      shape.readAddress(await ask("MAILBOX.CREATE", shape.createBody(name, ttl))),
    send: async (address, payload, options = {}) => {
      const headers = headerBlock(shape.sendHeaders(options));
      return shape.readMsgId(await request(`MSG.SEND.${address}`, payload, headers));
    },
    fetch,
    ack,
    consume: async (address, handler, options = {}) => {
      const all = consumeDefaults(shape, options);
      const { autoAck, ...fetchOptions } = all;
      const group = all.groupName ?? (shape.consume.ackWithoutGroup === "sent" ? "" : undefined);
      return consumeLoop({
        fetch: () => fetch(address, fetchOptions),
        handler,
        ack: async (message) => {
          if (autoAck && group !== undefined) await ack(address, group, message.msgId);
        },
        emptyPauseMs: shape.consume.emptyPauseMs,
      });
    },
    query: async (address, options = {}) =>
      readMessages(shape, await ask(`MSG.QUERY.${address}`, shape.queryBody(options))),
    remove: async (address, msgId) => {
      await request(`MSG.DELETE.${address}.${msgId}`, encoder.encode(shape.deleteBody));
    },
    register: async (card) => {
      await ask("AGENT.REGISTER", card);
    },
    unregister: async (mailbox) => {
      await ask("AGENT.UNREGISTER", { mailbox });
    },
    report: async (report) => {
      await ask("AGENT.REPORT", report);
    },
    discover: async (options = {}) => {
      const { agents } = await ask("AGENT.DISCOVER", shape.discoverBody(options));
      return Array.isArray(agents) ? (agents as Json[]) : [];
    },
    vanish: () => nc.close(),
    [Symbol.asyncDispose]: async () => {
      if (!nc.isClosed()) await nc.drain();
    },
  };
}

type Request = (
  nc: NatsConnection,
  subject: string,
  body: Uint8Array,
  headers: MsgHdrs | undefined,
) => Promise<Uint8Array>;

const sharedRequest: Request = async (nc, subject, body, headers) => {
  const options = { timeout: requestTimeoutMs, ...(headers === undefined ? {} : { headers }) };
  return (await nc.request(subject, body, options)).data;
};

/** SUB, HPUB and UNSUB of an inbox for this one reply. */
const exactRequest: Request = async (nc, subject, body, headers) => {
  const reply = createInbox();
  const inbox = nc.subscribe(reply, { timeout: requestTimeoutMs });
  try {
    nc.publish(subject, body, { reply, ...(headers === undefined ? {} : { headers }) });
    for await (const message of inbox) return message.data;
    throw new Error(`no reply on ${subject}`);
  } finally {
    inbox.unsubscribe();
  }
};

function headerBlock(fields: Readonly<Record<string, string>> | undefined): MsgHdrs | undefined {
  if (fields === undefined) return undefined;
  const block = newHeaders();
  for (const [name, value] of Object.entries(fields)) block.set(name, value);
  return block;
}

function readMessages(shape: Shape, reply: Json): Received[] {
  const rows = reply["messages"];
  if (!Array.isArray(rows)) return [];
  return (rows as Json[]).map((row) => ({
    msgId: readNumber(shape, row, "msg_id"),
    payload: shape.decodePayload(row["payload"]),
    priority: shape.decodePriority(row["priority"]),
    createTime: readNumber(shape, row, "create_time"),
  }));
}

function readNumber(shape: Shape, row: Json, field: string): number {
  const value = row[field] ?? shape.missingNumber;
  if (typeof value !== "number") throw new Error(`${field} is ${JSON.stringify(row[field])}`);
  return value;
}

interface Loop {
  readonly fetch: () => Promise<Received[]>;
  readonly handler: Handler;
  readonly ack: (message: Received) => Promise<void>;
  readonly emptyPauseMs: number;
}

/** Fetch, handle, acknowledge each by itself; a failed handler acknowledges nothing and goes on. */
function consumeLoop({ fetch, handler, ack, emptyPauseMs }: Loop): Consumer {
  const stopped = new AbortController();
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      stopped.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  const run = async () => {
    while (!stopped.signal.aborted) {
      const messages = await fetch().catch(() => undefined);
      if (messages === undefined) await pause(failurePauseMs);
      else if (messages.length === 0 && emptyPauseMs > 0) await pause(emptyPauseMs);
      for (const message of messages ?? []) {
        if (stopped.signal.aborted) return;
        await handler(message).then(
          () => ack(message).catch(() => undefined),
          () => undefined,
        );
      }
    }
  };
  const ended = run();
  return {
    stop: async () => {
      stopped.abort();
      await ended;
    },
  };
}
