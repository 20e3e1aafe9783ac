// Talking generation 2 in tests: requests with headers, and replies as tests compare them.
import { headers as newHeaders } from "@nats-io/transport-node";
import type { Agent, Reply } from "../support/mail.ts";

/** SEND with headers; answers the reply. */
export async function sendTo(
  agent: Agent,
  mailbox: string,
  payload: string | Uint8Array,
  fields: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const headers = newHeaders();
  for (const [name, value] of Object.entries(fields)) headers.append(name, value);
  const reply = await agent.nc.request(`$mq9.AI.MSG.SEND.${mailbox}`, payload, {
    timeout: 10_000,
    headers,
  });
  return reply.json<Reply>();
}

export interface Item {
  readonly msg_id: number;
  readonly payload: string;
  readonly priority: string;
  readonly delivery_count?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

/** FETCH as a person writes it: payloads are text. @throws with the error of the reply */
export async function fetchFrom(agent: Agent, mailbox: string, body: object): Promise<Item[]> {
  return items(await agent.ask(`MSG.FETCH.${mailbox}`, body));
}

/** QUERY with payloads as text. @throws with the error of the reply */
export async function queryOf(agent: Agent, mailbox: string, body: object = {}): Promise<Item[]> {
  return items(await agent.ask(`MSG.QUERY.${mailbox}`, { encoding: "utf8", ...body }));
}

function items(reply: Reply): Item[] {
  if (reply["error"] !== "") throw new Error(JSON.stringify(reply));
  return reply["messages"] as Item[];
}

export const payloads = (rows: readonly Item[]): string[] => rows.map((row) => row.payload);
export const ids = (rows: readonly Item[]): number[] => rows.map((row) => row.msg_id);
