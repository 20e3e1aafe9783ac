// Opening requests in tests: text in, the wanted kind of exchange or its refusal out.
import { type MailMessage, neverMs, type PriorityLabel, rankOf } from "@mq9/protocol";
import type { Caller, Command, DialectOptions, Exchange } from "../dialect.ts";
import { defaultDialectOptions } from "../options.ts";
import { openRequest } from "../requests.ts";
import { decodeText, encodeText } from "../utf8.ts";

export const stranger: Caller = { clientName: "", generation: undefined };

export interface Asking {
  readonly caller?: Caller;
  readonly options?: Partial<DialectOptions>;
}

export function open(command: Command, body: string | Uint8Array, asking: Asking = {}): Exchange {
  return openRequest(
    command,
    typeof body === "string" ? encodeText(body) : body,
    asking.caller ?? stranger,
    { ...defaultDialectOptions, ...asking.options },
  );
}

type Opened<Op extends Exchange["op"]> = Extract<Exchange, { op: Op }>;

/** @throws when the request is refused or read as something else */
export function opened<Op extends Exchange["op"]>(
  op: Op,
  command: Command,
  body: string | Uint8Array = "",
  asking?: Asking,
): Opened<Op> {
  const exchange = open(command, body, asking);
  if (exchange.op !== op) throw new Error(`not ${op}: ${refusalOf(exchange)}`);
  return exchange as Opened<Op>;
}

/** The reply of a refused request as text. @throws when it was accepted */
export function refusal(command: Command, body: string | Uint8Array): string {
  return refusalOf(open(command, body));
}

function refusalOf(exchange: Exchange): string {
  if (exchange.op !== "refused") throw new Error(`accepted: ${exchange.op}`);
  return text(exchange.refusal);
}

export function text(bytes: Uint8Array): string {
  return decodeText(bytes) ?? "not UTF-8";
}

/** A reply as JSON. */
export function json(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return JSON.parse(text(bytes)) as Readonly<Record<string, unknown>>;
}

/** The message 7 of `task`, normal, without anything that can be left out. */
export function message(changes: Partial<MailMessage> = {}): MailMessage {
  const label: PriorityLabel = changes.label ?? "normal";
  return {
    msgId: 7,
    mailbox: "task",
    rank: rankOf(label),
    label,
    createdAtMs: 1_700_000_000_999,
    expiresAtMs: neverMs,
    key: undefined,
    headers: undefined,
    payload: encodeText("hello"),
    ...changes,
  };
}
