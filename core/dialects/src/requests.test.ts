import {
  type MailMessage,
  Mq9Error,
  mailboxExpired,
  mailboxNotFound,
  mq9ErrorCodes,
  neverMs,
  type PriorityLabel,
  priorityLabels,
  type QueryResult,
  rankOf,
} from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Caller, Command, Exchange } from "./dialect.ts";
import { defaultDialectOptions } from "./options.ts";
import { openRequest } from "./requests.ts";

const stranger: Caller = { clientName: "", generation: undefined };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function open(command: Command, body = "{}"): Exchange {
  return openRequest(command, encoder.encode(body), stranger, defaultDialectOptions);
}

function query(body?: string): Extract<Exchange, { op: "query" }> {
  const exchange = open({ verb: "query", mailbox: "m-1" }, body);
  if (exchange.op !== "query") throw new Error("refused");
  return exchange;
}

function list(body?: string): Extract<Exchange, { op: "list" }> {
  const exchange = open({ verb: "list", mailbox: "m-1" }, body);
  if (exchange.op !== "list") throw new Error("refused");
  return exchange;
}

function remove(msgId: string, body?: string): Extract<Exchange, { op: "remove" }> {
  const exchange = open({ verb: "remove", mailbox: "m-1", msgId }, body);
  if (exchange.op !== "remove") throw new Error("refused");
  return exchange;
}

function refusal(command: Command, body?: string): string {
  const exchange = open(command, body);
  if (exchange.op !== "refused") throw new Error("accepted");
  return decoder.decode(exchange.refusal);
}

function message(msgId: number, label: PriorityLabel, payload: string | Uint8Array): MailMessage {
  return {
    msgId,
    mailbox: "m-1",
    rank: rankOf(label),
    label,
    createdAtMs: 1_700_000_000_999 + msgId,
    expiresAtMs: neverMs,
    key: undefined,
    headers: undefined,
    payload: typeof payload === "string" ? encoder.encode(payload) : payload,
  };
}

function result(messages: readonly MailMessage[], more = false): QueryResult {
  return { messages, unread: messages.length, more };
}

const priorities = (reply: Uint8Array): string[] =>
  (JSON.parse(decoder.decode(reply)) as { messages: { priority: string }[] }).messages.map(
    (row) => row.priority,
  );

describe("QUERY", () => {
  it("takes the token, and a limit within the cap", () => {
    expect(query('{"token":"tok-1"}').operation).toEqual({
      op: "query",
      mailbox: "m-1",
      token: "tok-1",
      limit: 1000,
    });
    expect(query("").operation.token).toBeUndefined();
    expect(query('{"token":null}').operation.token).toBeUndefined();
    expect(query('{"limit":7}').operation.limit).toBe(7);
    expect(query('{"limit":0}').operation.limit).toBe(1000);
    expect(query('{"limit":null}').operation.limit).toBe(1000);
    expect(query('{"limit":5000}').operation.limit).toBe(1000);
  });

  it("shows text as text and anything else as base64", () => {
    const reply = query().succeed({
      messages: [
        message(4, "urgent", '{"payload":"ü\\u2028"}'),
        message(0, "normal", ""),
        message(1, "normal", Uint8Array.of(0xff, 0x00)),
      ],
      unread: 9,
      more: true,
    });
    expect(decoder.decode(reply)).toBe(
      '{"mail_id":"m-1","unread":9,"messages":[' +
        '{"msg_id":"4","priority":"urgent","ts":1700000001,"create_time":1700000001,"payload":"{\\"payload\\":\\"ü\\\\u2028\\"}","payload_encoding":"utf8"},' +
        '{"msg_id":"0","priority":"normal","ts":1700000000,"create_time":1700000000,"payload":"","payload_encoding":"utf8"},' +
        '{"msg_id":"1","priority":"normal","ts":1700000001,"create_time":1700000001,"payload":"/wA=","payload_encoding":"base64"}' +
        '],"more":true}',
    );
  });

  it("answers an empty mailbox", () => {
    expect(decoder.decode(query().succeed(result([])))).toBe(
      '{"mail_id":"m-1","unread":0,"messages":[]}',
    );
  });

  it("speaks the words of generation 0", () => {
    const all = priorityLabels.map((label, i) => message(i, label, "x"));
    expect(priorities(query().succeed(result(all)))).toEqual([
      "urgent",
      "urgent",
      "urgent",
      "normal",
      "notify",
      "notify",
    ]);
  });

  it("keeps a reply near one mebibyte, says so, and always shows one message", () => {
    const big = "x".repeat(700_000);
    const two = query().succeed(result([message(0, "normal", big), message(1, "normal", big)]));
    expect(priorities(two)).toHaveLength(1);
    expect(JSON.parse(decoder.decode(two))).toHaveProperty("more", true);
    const huge = query().succeed(result([message(0, "normal", "x".repeat(2_000_000))]));
    expect(priorities(huge)).toHaveLength(1);
    expect(JSON.parse(decoder.decode(huge))).not.toHaveProperty("more");
  });

  it("fails with the token's error and an empty list", () => {
    const error = new Mq9Error("forbidden", "auth error: wrong token for this mailbox");
    expect(decoder.decode(query().fail(error))).toBe(
      '{"error":"auth error: wrong token for this mailbox","code":403,"reason":"forbidden","messages":[]}',
    );
  });

  it("refuses what it cannot read", () => {
    const command: Command = { verb: "query", mailbox: "m-1" };
    expect(refusal(command, '{"token":5}')).toBe(
      '{"error":"invalid MAILBOX.QUERY payload: token must be a text","code":400,"reason":"invalid","messages":[]}',
    );
    for (const body of ['{"limit":-1}', '{"limit":1.5}', '{"limit":"9"}']) {
      expect(refusal(command, body)).toContain("limit must be a whole number from 0");
    }
  });
});

describe("LIST", () => {
  it("lists without payloads", () => {
    const reply = list().succeed(result([message(12, "critical", "x"), message(3, "normal", "y")]));
    expect(decoder.decode(reply)).toBe(
      '{"mail_id":"m-1","mail_address":"m-1","messages":[' +
        '{"msg_id":"12","priority":"critical","ts":1700000001,"create_time":1700000001},' +
        '{"msg_id":"3","priority":"normal","ts":1700000001,"create_time":1700000001}]}',
    );
  });

  it("lists payloads for who asks", () => {
    const reply = list('{"payload":true,"limit":1}').succeed(
      result([message(0, "low", "y")], true),
    );
    expect(decoder.decode(reply)).toBe(
      '{"mail_id":"m-1","mail_address":"m-1","messages":[' +
        '{"msg_id":"0","priority":"low","ts":1700000000,"create_time":1700000000,"payload":"y","payload_encoding":"utf8"}],"more":true}',
    );
  });

  it.each<[PriorityLabel[], PriorityLabel[]]>([
    [
      ["critical", "urgent", "normal"],
      ["critical", "urgent", "normal"],
    ],
    [
      ["high", "normal", "low"],
      ["high", "normal", "low"],
    ],
    [["high"], ["high"]],
    [
      ["low", "notify"],
      ["low", "low"],
    ],
    [
      ["critical", "high", "low", "notify"],
      ["critical", "urgent", "normal", "normal"],
    ],
    [
      ["urgent", "high"],
      ["urgent", "urgent"],
    ],
    [
      ["normal", "notify"],
      ["normal", "normal"],
    ],
    [[], []],
  ])("puts %j into the words of one client: %j", (labels, words) => {
    const messages = labels.map((label, i) => message(i, label, "x"));
    expect(priorities(list().succeed(result(messages)))).toEqual(words);
  });

  it("takes every body its clients send", () => {
    for (const body of ["", "{}", '""', "null", '{"payload":false}']) {
      const operation = { op: "list", mailbox: "m-1", limit: 1000, withPayload: false };
      expect(list(body).operation).toEqual(operation);
    }
    expect(refusal({ verb: "list", mailbox: "m-1" }, "[")).toBe(
      '{"error":"invalid MAILBOX.LIST payload: the body is not JSON","code":400,"reason":"invalid","messages":[]}',
    );
  });

  it("says what generation 1 prints when there is no mailbox", () => {
    expect(decoder.decode(list().fail(mailboxNotFound("m-1")))).toBe(
      '{"error":"mailbox not found: mailbox m-1 does not exist","code":404,"reason":"not_found","messages":[]}',
    );
    expect(decoder.decode(list().fail(mailboxExpired("m-1")))).toBe(
      '{"error":"mailbox m-1 does not exist: its time to live has ended","code":410,"reason":"expired","messages":[]}',
    );
  });
});

describe("DELETE", () => {
  it("reads the number of the message and ignores the body", () => {
    for (const body of ["", "{}", '""', "garbage"]) {
      expect(remove("17", body).operation).toEqual({ op: "remove", mailbox: "m-1", msgId: 17 });
    }
    expect(remove("0").operation.msgId).toBe(0);
    expect(remove("9007199254740991").operation.msgId).toBe(Number.MAX_SAFE_INTEGER);
    expect(decoder.decode(remove("1").succeed())).toBe('{"deleted":true}');
  });

  it.each(["", "-1", "01", "1.5", "x", "1e3", "9007199254740992", "99999999999999999999"])(
    "refuses '%s' as a number",
    (msgId) => {
      expect(refusal({ verb: "remove", mailbox: "m-1", msgId })).toBe(
        `{"error":"invalid msg_id: ${msgId}","code":400,"reason":"invalid","deleted":false}`,
      );
    },
  );

  it("quotes a token of the subject as its sender wrote it", () => {
    const bytes = "\u00c3\u00a9"; // é, one character per byte
    expect(refusal({ verb: "remove", mailbox: "m-1", msgId: bytes })).toContain(
      "invalid msg_id: é",
    );
  });

  it("says exactly that the message was not found", () => {
    const error = new Mq9Error("message_not_found", "no such message in m-1");
    expect(decoder.decode(remove("1").fail(error))).toBe(
      '{"error":"message not found","code":404,"reason":"message_not_found","deleted":false}',
    );
    expect(decoder.decode(remove("1").fail(mailboxNotFound("m-1")))).toContain("mailbox not found");
  });
});

describe("any request", () => {
  const command = fc.oneof<fc.Arbitrary<Command>[]>(
    fc.constant({ verb: "create" }),
    fc.constant({ verb: "query", mailbox: "m-1" }),
    fc.constant({ verb: "list", mailbox: "m-1" }),
    fc.string({ unit: "binary" }).map((msgId) => ({ verb: "remove", mailbox: "m-1", msgId })),
  );
  const key = fc.oneof(
    fc.constantFrom("ttl", "type", "subject", "name", "public", "desc", "idempotent", "token"),
    fc.constantFrom("limit", "payload", "__proto__", "constructor"),
    fc.string(),
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      "latest",
      "standard",
      "$mq9.AI.BROADCAST.a.b",
      "$SYSTEM.PUBLIC",
      "a.b",
      0,
      true,
    ),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map((text) => encoder.encode(text)),
    fc
      .array(fc.tuple(key, value), { maxLength: 6 })
      .map((entries) => encoder.encode(JSON.stringify(Object.fromEntries(entries)))),
  );
  const caller = fc.record<Caller>({
    clientName: fc.constantFrom("", "robustmq-mq9-python", "NATS CLI Version 0.3.0"),
    generation: fc.constantFrom(undefined, 0, 1, 2),
  });

  it("is understood or refused in JSON, but never throws", () => {
    fc.assert(
      fc.property(command, body, caller, (verb, bytes, from) => {
        const exchange = openRequest(verb, bytes, from, defaultDialectOptions);
        if (exchange.op === "refused") {
          const reply = JSON.parse(decoder.decode(exchange.refusal)) as Record<string, unknown>;
          expect(reply["error"]).toBeTypeOf("string");
          expect([400, 403]).toContain(reply["code"]);
        } else if (exchange.op === "create") {
          const { ttlSeconds, name, ifExists } = exchange.operation.request;
          expect(Number.isInteger(ttlSeconds) && ttlSeconds >= 0).toBe(true);
          if (name === undefined) expect(ifExists).toBe("fail");
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("survives a body nested beyond reason", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(open({ verb: "create" }, `{"x":${deep}}`).fail).toBeTypeOf("function");
  });

  it("fails with every code in JSON", () => {
    for (const verb of ["create", "query", "list"] as const) {
      const exchange = open(verb === "create" ? { verb } : { verb, mailbox: "m-1" });
      for (const code of mq9ErrorCodes) {
        const reply = JSON.parse(
          decoder.decode(exchange.fail(new Mq9Error(code, 'a "sentence"\n\ud800'))),
        ) as Record<string, unknown>;
        expect(reply).toMatchObject({ reason: code, code: new Mq9Error(code, "").status });
        expect(reply["error"]).toContain('a "sentence"');
      }
    }
  });
});
