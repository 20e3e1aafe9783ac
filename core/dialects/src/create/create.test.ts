import { type CreateResult, type MailboxInfo, mailboxExists, neverMs } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import type { Caller, Exchange } from "../dialect.ts";
import { defaultDialectOptions } from "../options.ts";
import { openRequest } from "../requests.ts";

const stranger: Caller = { clientName: "", generation: undefined };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function open(body: string, caller: Caller = stranger): Exchange {
  return openRequest({ verb: "create" }, encoder.encode(body), caller, defaultDialectOptions);
}

function opened(body: string, caller?: Caller): Extract<Exchange, { op: "create" }> {
  const exchange = open(body, caller);
  if (exchange.op !== "create") throw new Error(`not a create: ${refusal(body)}`);
  return exchange;
}

function refusal(body: string): string {
  const exchange = open(body);
  if (exchange.op !== "refused") throw new Error(`accepted: ${body}`);
  return decoder.decode(exchange.refusal);
}

function result(name: string, created = true, ttlSeconds = 3600): CreateResult {
  const mailbox: MailboxInfo = {
    name,
    kind: "standard",
    public: false,
    desc: undefined,
    ttlSeconds,
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: neverMs,
  };
  return { mailbox, created };
}

/** One line: how the request was read, then whether the reply has `error` and a token. */
function read(body: string, caller?: Caller): string {
  const { operation, succeed } = opened(body, caller);
  const { name, nameStyle, kind, ttlSeconds, ifExists } = operation.request;
  const reply = JSON.parse(decoder.decode(succeed(result(name ?? "m-1"), "tok-1"))) as object;
  return [
    name ?? nameStyle,
    kind,
    ttlSeconds,
    ifExists,
    operation.request.public ? "public" : "private",
    "error" in reply ? "error" : "-",
    operation.wantsToken ? "token" : "-",
  ].join(" ");
}

describe("who wrote a CREATE", () => {
  it.each([
    // generation 0, documents and articles
    ['{"type":"standard","ttl":3600}', "uuid standard 3600 fail private - token"],
    ['{"type":"latest","ttl":7200}', "status latest 7200 fail private - token"],
    ['{"type":"latest"}', "status latest 86400 fail private - token"],
    ['{"type":"standard","ttl":0}', "uuid standard 0 fail private - token"],
    ['{"subject":"$mq9.AI.INBOX","ttl":60}', "uuid standard 60 fail private - token"],
    [
      '{"subject":"$mq9.AI.BROADCAST.a.b","ttl":60}',
      "BROADCAST.a.b standard 60 return private - -",
    ],
    ['{"type":"latest","name":"worker-1"}', "worker-1 latest 86400 return private - token"],
    // generations 0 and 2 alike
    ["", "uuid standard 86400 fail private error token"],
    ["{}", "uuid standard 86400 fail private error token"],
    ["null", "uuid standard 86400 fail private error token"],
    ['""', "uuid standard 86400 fail private error token"],
    [" \n", "uuid standard 86400 fail private error token"],
    ["\ufeff{}", "uuid standard 86400 fail private error token"],
    ['{"prefix":"orders"}', "uuid standard 86400 fail private error token"],
    ['{"name":""}', "uuid standard 86400 fail private error token"],
    // the forerunner, generation 1 and every unnamed request of generation 2
    ['{"ttl":3600}', "uuid standard 3600 fail private - -"],
    ['{"ttl":0}', "uuid standard 0 fail private - -"],
    ['{"ttl":3600,"name":""}', "uuid standard 3600 fail private - -"],
    ['{"ttl":3600,"public":false}', "uuid standard 3600 fail private - -"],
    // generation 1 with a name
    [
      '{"ttl":86400,"public":true,"name":"agent-b-inbox"}',
      "agent-b-inbox standard 86400 return public - -",
    ],
    [
      '{"ttl":86400,"public":true,"name":"data-analysis-agent","desc":"{}"}',
      "data-analysis-agent standard 86400 return public - -",
    ],
    ['{"public":true,"name":"x","desc":null}', "x standard 86400 return public - -"],
    // generation 2
    ['{"name":"task.queue"}', "task.queue standard 0 fail private error -"],
    ['{"ttl":0,"name":"task.queue"}', "task.queue standard 0 fail private error -"],
    ['{"name":"task.queue","ttl":3600}', "task.queue standard 3600 fail private error -"],
    ['{"name":"a","desc":"what it does"}', "a standard 0 fail private error -"],
    ['{"name":"a","public":false}', "a standard 0 fail private error -"],
    ['{"name":"a","ttl":null,"desc":null}', "a standard 0 fail private error -"],
    ['{"name":null,"ttl":60,"desc":null}', "compact standard 60 fail private error -"],
    ['{"name":null,"ttl":null,"desc":null}', "compact standard 86400 fail private error -"],
    // generation 2 that asks for what there is
    ['{"ttl":60,"idempotent":true}', "compact standard 60 fail private error -"],
    ['{"ttl":60,"idempotent":true,"name":"h"}', "h standard 60 return private error -"],
    ['{"idempotent":false,"name":"h"}', "h standard 0 fail private error -"],
    ['{"ttl":60,"idempotent":true,"name":"h","public":true}', "h standard 60 return public - -"],
  ])("%s", (body, expected) => {
    expect(read(body)).toBe(expected);
  });

  it.each<[Caller["generation"], string, string, string]>([
    [0, "", '{"ttl":60}', "uuid standard 60 fail private - token"],
    [1, "", '{"ttl":60}', "uuid standard 60 fail private - -"],
    [2, "", '{"ttl":60}', "compact standard 60 fail private error -"],
    [undefined, "robustmq-mq9-python", '{"ttl":60}', "uuid standard 60 fail private - -"],
    [0, "", "{}", "uuid standard 86400 fail private error token"],
    [1, "", "{}", "uuid standard 86400 fail private - -"],
    [undefined, "robustmq-mq9-python", "{}", "uuid standard 86400 fail private - -"],
    [2, "", "{}", "compact standard 86400 fail private error -"],
    [1, "", '{"name":"a"}', "a standard 0 fail private error -"],
    [2, "", '{"public":true,"name":"a"}', "a standard 86400 return public - -"],
    [2, "", '{"type":"latest"}', "status latest 86400 fail private - token"],
  ])(
    "a connection of generation %s named '%s' sends %s",
    (generation, clientName, body, expected) => {
      expect(read(body, { clientName, generation })).toBe(expected);
    },
  );

  it("keeps the description", () => {
    const body = JSON.stringify({ public: true, name: "a", desc: '{"name":"Ä\u2028"}' });
    expect(opened(body).operation.request.desc).toBe('{"name":"Ä\u2028"}');
  });
});

describe("the reply to CREATE", () => {
  const reply = (body: string, created: CreateResult, token?: string, caller?: Caller): string =>
    decoder.decode(opened(body, caller).succeed(created, token));

  it("answers generation 0", () => {
    expect(reply('{"type":"standard","ttl":3600}', result("m-1"), "tok-1")).toBe(
      '{"mail_id":"m-1","mail_address":"m-1","is_new":true,"created":true,"inbox":"$mq9.AI.INBOX.m-1","ttl":3600,"agent_id":"m-1","token":"tok-1"}',
    );
  });

  it("answers generation 0 about a channel", () => {
    const body = '{"subject":"$mq9.AI.BROADCAST.a.b"}';
    expect(reply(body, result("BROADCAST.a.b"))).toBe(
      '{"mail_id":"BROADCAST.a.b","mail_address":"BROADCAST.a.b","name":"BROADCAST.a.b","is_new":true,"created":true,"subject":"$mq9.AI.BROADCAST.a.b","ttl":3600}',
    );
  });

  it("answers generation 1 without any error key", () => {
    expect(reply('{"ttl":3600,"public":true,"name":"a"}', result("a"))).toBe(
      '{"mail_id":"a","mail_address":"a","name":"a","is_new":true,"created":true,"inbox":"$mq9.AI.INBOX.a","ttl":3600}',
    );
  });

  it("tells generation 1 about a mailbox that was there, with its own time to live", () => {
    expect(reply('{"ttl":60,"public":true,"name":"a"}', result("a", false, 86_400))).toBe(
      '{"mail_id":"a","mail_address":"a","name":"a","is_new":false,"created":false,"already_exists":true,"inbox":"$mq9.AI.INBOX.a","ttl":86400}',
    );
  });

  it("answers generation 2 with an empty error", () => {
    expect(reply('{"name":"a","ttl":0}', result("a", true, 0))).toBe(
      '{"error":"","mail_id":"a","mail_address":"a","name":"a","is_new":true,"created":true,"inbox":"$mq9.AI.INBOX.a","ttl":0}',
    );
  });

  it("answers an idempotent request of generation 2", () => {
    expect(reply('{"name":"a","idempotent":true}', result("a", false))).toBe(
      '{"error":"","mail_id":"a","mail_address":"a","name":"a","is_new":false,"created":false,"already_exists":true,"inbox":"$mq9.AI.INBOX.a","ttl":3600}',
    );
  });

  it("gives no token for a mailbox that was there", () => {
    expect(reply('{"type":"standard","name":"a"}', result("a", false), "tok-1")).not.toContain(
      "tok",
    );
  });

  it("refuses a taken name in the words of generation 2", () => {
    expect(decoder.decode(opened('{"name":"a"}').fail(mailboxExists("a")))).toBe(
      '{"error":"mailbox a already exists","code":409,"reason":"exists","mail_address":""}',
    );
  });
});

describe("a CREATE that makes no sense", () => {
  const invalid = (what: string): string =>
    JSON.stringify({
      error: `invalid MAILBOX.CREATE payload: ${what}`,
      code: 400,
      reason: "invalid",
      mail_address: "",
    });
  const ttl = "ttl must be a whole number of seconds from 0 (never expires) to 31536000";

  it.each([
    ["{", "the body is not JSON"],
    ["{'ttl':1}", "the body is not JSON"],
    ["[]", "the body must be a JSON object"],
    ["7", "the body must be a JSON object"],
    ['"text"', "the body must be a JSON object"],
    ["true", "the body must be a JSON object"],
    ['{"ttl":-1}', ttl],
    ['{"ttl":1.5}', ttl],
    ['{"ttl":"3600"}', ttl],
    ['{"ttl":31536001}', ttl],
    ['{"ttl":1e400}', ttl],
    ['{"ttl":true}', ttl],
    ['{"ttl":[1]}', ttl],
    ['{"name":5}', "name must be a text"],
    ['{"desc":{}}', "desc must be a text"],
    ['{"public":"true"}', "public must be true or false"],
    ['{"idempotent":1}', "idempotent must be true or false"],
    ['{"type":"newest"}', "type must be 'standard' or 'latest'"],
    ['{"type":1}', "type must be 'standard' or 'latest'"],
    ['{"subject":1}', "subject must be a text"],
    [
      '{"subject":"$mq9.AI.BROADCAST.a.*"}',
      "subject must be $mq9.AI.INBOX, or $mq9.AI.BROADCAST.<domain>.<event> without wildcards",
    ],
    [
      '{"subject":"orders"}',
      "subject must be $mq9.AI.INBOX, or $mq9.AI.BROADCAST.<domain>.<event> without wildcards",
    ],
  ])("%s", (body, what) => {
    expect(refusal(body)).toBe(invalid(what));
  });

  it("accepts the longest time to live, and a whole number written with a fraction", () => {
    expect(opened('{"ttl":31536000}').operation.request.ttlSeconds).toBe(31_536_000);
    expect(opened('{"ttl":60.0}').operation.request.ttlSeconds).toBe(60);
    expect(Object.is(opened('{"ttl":-0}').operation.request.ttlSeconds, 0)).toBe(true);
  });

  it("asks for the name of a public mailbox", () => {
    for (const body of [
      '{"public":true}',
      '{"public":true,"name":""}',
      '{"public":true,"name":null}',
    ]) {
      expect(refusal(body)).toBe(
        `{"error":"public mailbox requires a 'name' field","code":400,"reason":"invalid","mail_address":""}`,
      );
    }
  });

  it("keeps the directory's name", () => {
    expect(refusal('{"name":"$SYSTEM.PUBLIC","public":true}')).toBe(
      `{"error":"mailbox '$SYSTEM.PUBLIC' is reserved and cannot be created by clients","code":403,"reason":"forbidden","mail_address":""}`,
    );
  });

  it.each(["a b", "a.*", "a..b", "é", "CREATE", "/etc", "a".repeat(129)])(
    "refuses the name %s",
    (name) => {
      expect(refusal(JSON.stringify({ name }))).toContain('"error":"invalid mail_address');
    },
  );

  it("refuses bytes that are no text", () => {
    const exchange = openRequest(
      { verb: "create" },
      Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d),
      stranger,
      defaultDialectOptions,
    );
    expect(exchange.op).toBe("refused");
  });
});

describe("a body with names of the language's own", () => {
  it.each([
    '{"__proto__":{"public":true,"name":"evil","ttl":-1}}',
    '{"constructor":{"prototype":{"type":"latest"}}}',
    '{"toString":1,"hasOwnProperty":1,"valueOf":null}',
  ])("%s says nothing", (body) => {
    expect(read(body)).toBe("uuid standard 86400 fail private error token");
    expect(Object.hasOwn(Object.prototype, "public")).toBe(false);
    expect(({} as Record<string, unknown>)["type"]).toBeUndefined();
  });

  it("ignores what a prototype says", () => {
    Object.defineProperty(Object.prototype, "ttl", { value: -1, configurable: true });
    try {
      expect(read("{}")).toBe("uuid standard 86400 fail private error token");
    } finally {
      Reflect.deleteProperty(Object.prototype, "ttl");
    }
  });

  it("refuses such a name or takes it as any other", () => {
    expect(refusal('{"name":"a b","__proto__":1}')).toContain("invalid mail_address");
    expect(opened('{"name":"__proto__"}').operation.request.name).toBe("__proto__");
  });
});
