// What acceptance tests do over and over with mailboxes of generation 2.
import { type Agent, agent, type Reply } from "../support/mail.ts";
import type { Handler, Received } from "./clients/published.ts";

/** One row of a FETCH or QUERY reply, as far as tests read it. */
export interface Row {
  readonly msg_id: number;
  readonly payload: string;
  readonly priority: string;
  readonly create_time: number;
  readonly payload_encoding?: "base64" | "utf8";
  readonly delivery_count?: number;
  /** Seconds since 1970. */
  readonly expires_at?: number;
  readonly header?: readonly number[] | null;
  readonly headers?: Readonly<Record<string, string>>;
}

let lastName = 0;

/** A mailbox name nobody used before, legal in every generation. */
export function freshName(stem: string): string {
  lastName += 1;
  return `${stem}.${process.pid.toString(36)}.${Date.now().toString(36)}.${lastName}`;
}

/** SEND, which must succeed; returns the number. */
export async function sendTo(
  me: Agent,
  address: string,
  payload: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const reply = await trySend(me, address, payload, headers);
  if (typeof reply["msg_id"] !== "number") throw new Error(JSON.stringify(reply));
  return reply["msg_id"];
}

/** SEND; returns the reply whatever it says. */
export async function trySend(
  me: Agent,
  address: string,
  payload: string | Uint8Array,
  fields: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const { headers } = await import("@nats-io/transport-node");
  const block = headers();
  for (const [name, value] of Object.entries(fields)) block.set(name, value);
  const options = Object.keys(fields).length === 0 ? {} : { headers: block };
  const subject = `$mq9.AI.MSG.SEND.${address}`;
  const reply = await me.nc.request(subject, payload, { timeout: 10_000, ...options });
  return reply.json<Reply>();
}

/** FETCH, which must succeed. `body` goes over the defaults of these tests: all there is, at once. */
export async function fetchFrom(me: Agent, address: string, body: object = {}): Promise<Row[]> {
  const reply = await me.ask(`MSG.FETCH.${address}`, {
    deliver: "earliest",
    config: { num_msgs: 100, max_wait_ms: 0 },
    ...body,
  });
  if (reply["error"]) throw new Error(JSON.stringify(reply));
  return reply["messages"] as Row[];
}

/** ACK, which must succeed. */
export async function ackOn(me: Agent, address: string, group: string, msgId: number) {
  const body = { group_name: group, mail_address: address, msg_id: msgId };
  const reply = await me.ask(`MSG.ACK.${address}`, body);
  if (reply["error"] !== "") throw new Error(JSON.stringify(reply));
}

/** QUERY, which must succeed. */
export async function queryAt(me: Agent, address: string, body: unknown = {}): Promise<Row[]> {
  const reply = await me.ask(`MSG.QUERY.${address}`, body);
  if (reply["error"]) throw new Error(JSON.stringify(reply));
  return reply["messages"] as Row[];
}

export function ids(rows: readonly { readonly msg_id: number }[]): number[] {
  return rows.map((row) => row.msg_id);
}

/** The bytes of a row, whatever they were encoded as. */
export function bytesOf(row: Row): Uint8Array {
  const encoding = row.payload_encoding === "utf8" ? "utf8" : "base64";
  return Uint8Array.from(Buffer.from(row.payload, encoding));
}

export function bodies(rows: readonly Row[]): string[] {
  return rows.map((row) => Buffer.from(bytesOf(row)).toString("utf8"));
}

/** Every value a byte can have, in order. */
export const everyByte: Uint8Array = Uint8Array.from({ length: 256 }, (_, value) => value);

/** A handler that keeps what it was given, and can be waited for. */
export interface Collector {
  readonly handler: Handler;
  readonly messages: readonly Received[];
  /** Resolves once there are `count`; @throws after 20 seconds */
  atLeast(count: number): Promise<readonly Received[]>;
}

/** `verdict` runs after the message was kept; a rejection is a failed handler. */
export function collector(
  verdict: (message: Received, earlier: number) => void = () => {},
): Collector {
  const messages: Received[] = [];
  let wake: () => void = () => {};
  return {
    messages,
    handler: async (message) => {
      const earlier = messages.filter(({ msgId }) => msgId === message.msgId).length;
      messages.push(message);
      wake();
      verdict(message, earlier);
    },
    atLeast: async (count) => {
      while (messages.length < count) {
        await new Promise<void>((resolve, reject) => {
          const complaint = `${messages.length} of ${count} messages came`;
          const timer = setTimeout(() => reject(new Error(complaint)), 20_000);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return messages;
    },
  };
}

export { type Agent, agent };
