// Fields that mean nothing: a misspelt one is told in the reply, and does no harm.
import { expect, test } from "vitest";
import { defaultDialectOptions as options } from "./options.ts";
import { openRequest, withIgnored } from "./requests.ts";

const stranger = { clientName: "", generation: undefined };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["fetch", { group: "g", deliver: "earliest" }, ["group"]],
  ["fetch", { group_name: "g", config: { num_msg: 1, max_wait_ms: 5 } }, ["config.num_msg"]],
  ["fetch", { group_name: "g", deliver: "earliest", force_deliver: false, config: {} }, undefined],
  ["search", { tag: "x", since: 1, key: null }, ["tag"]],
  ["nack", { group_name: "g", msg_id: 1, delay: 5 }, ["delay"]],
  ["create", { nmae: "a", ttl: 60 }, ["nmae"]],
  ["register", { name: "a", whatever: 1 }, undefined],
  ["discover", { txt: "x" }, ["txt"]],
] as const)("%s %j", (verb, body, ignored) => {
  const command = { verb, mailbox: "a" } as Parameters<typeof openRequest>[0];
  const exchange = openRequest(command, bytes(JSON.stringify(body)), stranger, options);
  expect(exchange.op).toBe(verb);
  expect(exchange.ignored).toEqual(ignored);
  const reply = new TextDecoder().decode(withIgnored(exchange, bytes('{"error":""}')));
  const told = ignored === undefined ? { error: "" } : { error: "", ignored };
  expect(JSON.parse(reply)).toEqual(told);
});
