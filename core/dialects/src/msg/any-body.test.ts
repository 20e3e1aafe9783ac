// Whatever a body holds, a request is understood or refused with a sentence: nothing throws, hangs or
// reaches a prototype.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Command } from "../dialect.ts";
import { open, text } from "../testing/exchanges.ts";
import { encodeText } from "../utf8.ts";

const commands: readonly Command[] = [
  ...(["fetch", "ack", "search", "nack", "extend", "scheduled", "purge", "redrive"] as const).map(
    (verb) => ({ verb, mailbox: "task" }),
  ),
  ...(["info", "renew", "drop"] as const).map((verb) => ({ verb, mailbox: "task" })),
  ...(["discard", "receipt", "cancel"] as const).map((verb) => ({
    verb,
    mailbox: "task",
    number: "7",
  })),
  { verb: "mailboxes" },
];

const names = [
  "group_name",
  "msg_id",
  "mail_address",
  "ack_mode",
  "deliver",
  "from_time",
  "from_id",
  "force_deliver",
  "config",
  "num_msgs",
  "max_wait_ms",
  "ack_wait_ms",
  "held",
  "detached",
  "look",
  "max_deliver",
  "fair_every",
  "bytes",
  "encoding",
  "key",
  "tags",
  "tags_mode",
  "since",
  "limit",
  "before_id",
  "after_id",
  "after",
  "ttl",
  "delay_ms",
  "poison",
  "reason",
  "delivery_count",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
];

const scalar = fc.oneof(
  fc.constantFrom(
    "",
    "latest",
    "earliest",
    "from_time",
    "from_id",
    "kept",
    "batch",
    "g",
    "task",
    "7",
  ),
  fc.constantFrom(0, -0, -1, 1, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 53 + 2, 1e11, 5e-324, 31_536_000),
  fc.boolean(),
  fc.constant(null),
  fc.string(),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(fc.constantFrom(...names), tie("value")), { maxLength: 6 }).map(entriesText),
  ),
}));

/** Keys as they stand in the text of a body, `__proto__` among them, which no literal could hold. */
function entriesText(entries: readonly (readonly [string, unknown])[]): unknown {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of entries) {
    Object.defineProperty(object, name, { value: entry, enumerable: true, configurable: true });
  }
  return object;
}

function check(body: string | Uint8Array): void {
  for (const command of commands) {
    const exchange = open(command, body);
    if (exchange.op !== "refused") {
      expect(exchange.operation === undefined || typeof exchange.operation === "object").toBe(true);
      continue;
    }
    const reply = JSON.parse(text(exchange.refusal)) as { error: string; code: number };
    expect(reply.code).toBe(body.length > 65_536 ? 413 : 400);
    expect(reply.error.length).toBeGreaterThan(8);
    expect(reply.error.length).toBeLessThan(400);
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
}

describe("any body", () => {
  it("of the fields there are, with values of any kind", () => {
    const body = fc
      .array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 8 })
      .map((entries) => JSON.stringify(entriesText(entries)));
    fc.assert(fc.property(body, check), { numRuns: 1500 });
  });

  it("of any JSON", () => {
    fc.assert(fc.property(fc.json({ maxDepth: 4 }), check), { numRuns: 500 });
  });

  it("of any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), check), { numRuns: 500 });
  });

  it.each([
    ["a deep array", "[".repeat(30_000)],
    ["a deep array that ends", "[".repeat(30_000) + "]".repeat(30_000)],
    ["a deep object", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["a deep number", `{"group_name":"g","msg_id":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["a deep config", `{"config":${'{"config":'.repeat(10_000)}1${"}".repeat(10_000)}}`],
    ["a long number", `{"limit":${"9".repeat(30_000)}}`],
    ["a long text", `{"group_name":"g","msg_id":"${"9".repeat(30_000)}"}`],
    ["many keys", `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`],
    ["more than is read", " ".repeat(300_000)],
    ["a prototype", '{"__proto__":{"group_name":"g","msg_id":7,"limit":1}}'],
    ["half a surrogate", '{"group_name":"\\ud800","msg_id":1}'],
    ["a byte order mark", "\ufeff{}"],
  ])("%s", (_name, body) => {
    check(encodeText(body));
  });

  it("that inherits its fields has none", () => {
    const exchange = open(
      { verb: "ack", mailbox: "task" },
      '{"__proto__":{"group_name":"g","msg_id":7}}',
    );
    expect(exchange.operation).toBeUndefined();
    expect(exchange.op).toBe("ack");
  });
});
