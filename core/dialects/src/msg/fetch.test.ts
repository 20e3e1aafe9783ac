import { describe, expect, it } from "vitest";
import { withIgnored } from "../requests.ts";
import { json, message, opened, refusal, text } from "../testing/exchanges.ts";
import { encodeText } from "../utf8.ts";

const fetch = { verb: "fetch", mailbox: "task" } as const;

/** What the request became, without what was not asked for. */
function requestOf(body: string): Readonly<Record<string, unknown>> {
  const { request } = opened("fetch", fetch, body).operation;
  return JSON.parse(JSON.stringify(request)) as Readonly<Record<string, unknown>>;
}

function encodingOf(body: string, payloads?: "base64" | "utf8"): unknown {
  const asking = payloads === undefined ? {} : { options: { payloads } };
  const exchange = opened("fetch", fetch, body, asking);
  const reply = json(exchange.succeed({ messages: [message()], more: false }));
  return (reply["messages"] as { payload_encoding: unknown }[])[0]?.payload_encoding;
}

const sdkTail = '"force_deliver":false,"config":{"num_msgs":100,"max_wait_ms":500}';

describe("whose payloads are base64", () => {
  it.each([
    [
      "JavaScript and Go",
      `{"group_name":"g","deliver":"latest","from_time":0,"from_id":0,${sdkTail}}`,
    ],
    [
      "JavaScript and Go without a group",
      `{"group_name":"","deliver":"latest","from_time":0,"from_id":0,${sdkTail}}`,
    ],
    ["Python, Java and Rust", `{"deliver":"latest",${sdkTail},"group_name":"g"}`],
    ["Python, Java and Rust without a group", `{"deliver":"earliest",${sdkTail}}`],
    ["C# without a group", `{"group_name":null,"deliver":"latest",${sdkTail}}`],
  ])("%s read base64", (_client, body) => {
    expect(encodingOf(body)).toBe("base64");
    expect(opened("fetch", fetch, body).operation.asText).toBe(false);
  });

  it.each([
    ["an empty body", ""],
    ["an empty object", "{}"],
    ["a document's example", '{"group_name":"g","deliver":"earliest"}'],
    ["a document's example with a wait", '{"group_name":"g","config":{"max_wait_ms":100}}'],
    ["a document's forced restart", '{"group_name":"g","deliver":"earliest","force_deliver":true}'],
    [
      "the reference broker's own tests",
      '{"group_name":"g","deliver":"earliest","from_time":null,"from_id":null,"force_deliver":null,"config":{"num_msgs":10,"max_wait_ms":500}}',
    ],
    [
      "a plugin",
      '{"group_name":"g","deliver":"earliest","force_deliver":null,"config":{"num_msgs":10,"max_wait_ms":500}}',
    ],
    ["a null beside the group", `{"deliver":"latest","from_id":null,${sdkTail}}`],
  ])("%s reads text", (_client, body) => {
    expect(encodingOf(body)).toBe("utf8");
    expect(opened("fetch", fetch, body).operation.asText).toBe(true);
  });

  it("says so where text was asked for and the bytes are none", () => {
    const { succeed } = opened("fetch", fetch, "{}");
    const bytes = message({ payload: Uint8Array.of(0xff, 0xfe) });
    expect(text(succeed({ messages: [bytes], more: false }))).toContain(
      '"payload":"//4=","payload_encoding":"base64"',
    );
  });

  it("does as the request says before anything else, then as the server was told", () => {
    expect(encodingOf('{"encoding":"base64"}')).toBe("base64");
    expect(encodingOf(`{"deliver":"latest","encoding":"utf8",${sdkTail}}`)).toBe("utf8");
    expect(encodingOf("{}", "base64")).toBe("base64");
    expect(encodingOf('{"encoding":"utf8"}', "base64")).toBe("utf8");
  });
});

describe("what a FETCH asks for", () => {
  const plain = {
    mailbox: "task",
    start: { at: "latest" },
    restart: false,
    limit: 100,
    bytesMax: 786_432,
    waitMs: 500,
    held: "again",
  };

  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ["nothing", "{}", {}],
    ["an empty body", "", {}],
    ["a group", '{"group_name":"g"}', { group: "g" }],
    ["an empty group", '{"group_name":""}', {}],
    ["a null group", '{"group_name":null}', {}],
    ["earliest", '{"deliver":"earliest"}', { start: { at: "earliest" } }],
    ["an empty deliver", '{"deliver":""}', {}],
    [
      "a time in seconds",
      '{"deliver":"from_time","from_time":1700000000}',
      { start: { at: "time", ms: 1_700_000_000_000 } },
    ],
    [
      "a time in milliseconds",
      '{"deliver":"from_time","from_time":1700000000123}',
      { start: { at: "time", ms: 1_700_000_000_123 } },
    ],
    [
      "a fraction of a second",
      '{"deliver":"from_time","from_time":1.0015}',
      { start: { at: "time", ms: 1001 } },
    ],
    ["no time", '{"deliver":"from_time","from_time":0}', { start: { at: "time", ms: 0 } }],
    ["an id", '{"deliver":"from_id","from_id":17}', { start: { at: "id", msgId: 17 } }],
    ["no id", '{"deliver":"from_id"}', { start: { at: "id", msgId: 0 } }],
    ["an id that is not meant", '{"deliver":"latest","from_id":17}', {}],
    ["a restart", '{"group_name":"g","force_deliver":true}', { group: "g", restart: true }],
    ["a restart of nothing", '{"force_deliver":true}', {}],
    ["few messages", '{"config":{"num_msgs":3}}', { limit: 3 }],
    ["no number of messages", '{"config":{"num_msgs":0}}', {}],
    ["too many messages", '{"config":{"num_msgs":1000000}}', { limit: 1000 }],
    ["no wait", '{"config":{"max_wait_ms":0}}', { waitMs: 0 }],
    ["a short wait", '{"config":{"max_wait_ms":999}}', { waitMs: 999 }],
    ["a second", '{"config":{"max_wait_ms":1000}}', { waitMs: 800 }],
    ["as long as clients wait", '{"config":{"max_wait_ms":5000}}', { waitMs: 4800 }],
    ["two hours", '{"config":{"max_wait_ms":7200000}}', { waitMs: 59_800 }],
    ["a null config", '{"config":null}', {}],
    ["a long lease", '{"ack_wait_ms":60000}', { leaseMs: 60_000 }],
    ["to keep what it has", '{"held":"kept"}', { held: "kept" }],
    ["leases that outlive the connection", '{"detached":true}', { detached: true }],
    ["only a look", '{"look":true}', { look: true }],
    ["few deliveries", '{"max_deliver":3}', { deliveriesMax: 3 }],
    ["a share for the lowest", '{"fair_every":5}', { fairEvery: 5 }],
    ["few bytes", '{"bytes":1000}', { bytesMax: 750 }],
    ["one byte", '{"bytes":1}', { bytesMax: 1 }],
    ["more bytes than a reply holds", '{"bytes":99999999}', {}],
    ["what nobody knows", '{"unheard_of":[1,2]}', {}],
  ])("%s", (_name, body, changes) => {
    expect(requestOf(body)).toEqual({ ...plain, ...changes });
  });

  it.each([
    ["{", "the body is not JSON"],
    ["[]", "the body must be a JSON object"],
    ['{"group_name":7}', "group_name must be a text"],
    [`{"group_name":"${"g".repeat(129)}"}`, "group_name is longer than 128 characters"],
    [`{"group_name":"g\\udc00"}`, "group_name holds half a character"],
    ['{"deliver":"newest"}', "deliver must be 'latest', 'earliest', 'from_time' or 'from_id'"],
    ['{"deliver":1}', "deliver must be a text"],
    ['{"from_time":"now"}', "from_time must be a time in seconds since 1970"],
    ['{"from_time":-1}', "from_time must be a time in seconds since 1970"],
    ['{"from_time":1e300}', "from_time must be a time in seconds since 1970"],
    ['{"from_id":-1}', "from_id must be a whole number from 0"],
    ['{"from_id":1.5}', "from_id must be a whole number from 0"],
    ['{"from_id":9007199254740993}', "from_id must be a whole number from 0"],
    ['{"force_deliver":"yes"}', "force_deliver must be true or false"],
    ['{"config":[]}', "config must be an object"],
    ['{"config":{"num_msgs":-1}}', "num_msgs must be a whole number from 0"],
    ['{"config":{"max_wait_ms":"5s"}}', "max_wait_ms must be a whole number from 0"],
    ['{"ack_wait_ms":999}', "ack_wait_ms must be a whole number from 1000 to 43200000"],
    ['{"max_deliver":0}', "max_deliver must be a whole number from 1 to 1000"],
    ['{"fair_every":1}', "fair_every must be 0 or a whole number from 2 to 1000"],
    ['{"bytes":0}', "bytes must be a whole number from 1"],
    ['{"held":"mine"}', "held must be 'again' or 'kept'"],
    ['{"detached":"yes"}', "detached must be true or false"],
    ['{"encoding":"hex"}', "encoding must be 'base64' or 'utf8'"],
  ])("%s is refused: %s", (body, what) => {
    expect(JSON.parse(refusal(fetch, body))).toEqual({
      error: `invalid MSG.FETCH payload: ${what}`,
      code: 400,
      reason: "invalid",
      messages: [],
    });
  });

  it("starts at the newest message for one library's tests, where the server was told so", () => {
    const body =
      '{"group_name":"g","deliver":"latest","from_time":null,"from_id":null,"force_deliver":null,"config":null}';
    const asking = { options: { latestShowsNewest: true } };
    expect(opened("fetch", fetch, body, asking).operation.withNewest).toBe(true);
    expect(opened("fetch", fetch, body).operation.withNewest).toBe(false);
    expect(opened("fetch", fetch, "{}", asking).operation.withNewest).toBe(false);
  });
});

describe("what a FETCH answers", () => {
  const { succeed } = opened("fetch", fetch, '{"group_name":"g"}');

  it("has an empty error and no messages when there are none", () => {
    expect(text(succeed({ messages: [], more: false }))).toBe('{"error":"","messages":[]}');
  });

  it("shows a message with numbers where readers need numbers", () => {
    expect(text(succeed({ messages: [message()], more: false }))).toBe(
      '{"error":"","messages":[{"msg_id":7,"payload":"hello","payload_encoding":"utf8","priority":"normal","header":null,"headers":{},"create_time":1700000000}]}',
    );
  });

  it("shows everything there is to know", () => {
    const block = "NATS/1.0\r\nX-One: 1\r\nx-two:  a\r\nX-One: 2\r\n\r\n";
    const full = message({
      label: "high",
      headers: encodeText(block),
      key: "k",
      tags: ["a", "b"],
      from: "alice",
      expiresAtMs: 1_700_000_060_999,
      deliveryCount: 2,
      leaseEndsAtMs: 1_700_000_030_000,
      dead: {
        mailbox: "task",
        msgId: 3,
        group: "w",
        deliveries: 20,
        cause: "deliveries",
        reason: undefined,
        atMs: 1_700_000_000_001,
      },
    });
    const reply = json(succeed({ messages: [full], more: true }));
    expect(reply).toEqual({
      error: "",
      messages: [
        {
          msg_id: 7,
          payload: "hello",
          payload_encoding: "utf8",
          priority: "urgent",
          label: "high",
          header: [...encodeText(block)],
          headers: { "X-One": "1, 2", "x-two": "a" },
          create_time: 1_700_000_000,
          key: "k",
          tags: ["a", "b"],
          delivery_count: 2,
          lease_ends_at_ms: 1_700_000_030_000,
          from: "alice",
          expires_at: 1_700_000_060,
          dead: {
            mail_address: "task",
            msg_id: 3,
            group_name: "w",
            cause: "deliveries",
            deliveries: 20,
            at: 1_700_000_000,
          },
        },
      ],
      more: true,
    });
  });

  it("never lets a header's name reach a prototype", () => {
    const block = encodeText("NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n");
    const reply = text(succeed({ messages: [message({ headers: block })], more: false }));
    expect(reply).toContain('"headers":{"__proto__":"x","constructor":"y"}');
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("knows three words of priority, and says no other", () => {
    const words = (["critical", "urgent", "high", "normal", "low", "notify"] as const).map(
      (label) => {
        const reply = json(succeed({ messages: [message({ label })], more: false }));
        return (reply["messages"] as { priority: string }[])[0]?.priority;
      },
    );
    expect(words).toEqual(["critical", "urgent", "urgent", "normal", "normal", "normal"]);
  });

  it("shows all that was leased, and without a group what there is room for", () => {
    const long = message({ payload: encodeText("x".repeat(600)) });
    const result = { messages: [long, long, long], more: false };
    const asking = { options: { replyBytesMax: 500 } };
    const grouped = opened("fetch", fetch, '{"group_name":"g"}', asking).succeed(result);
    expect((json(grouped)["messages"] as unknown[]).length).toBe(3);
    const loose = json(opened("fetch", fetch, "{}", asking).succeed(result));
    expect((loose["messages"] as unknown[]).length).toBe(1);
    expect(loose["more"]).toBe(true);
  });
});

describe("a FETCH read raw", () => {
  const fetch = { verb: "fetch", mailbox: "task" } as const;
  const ask = '{"group_name":"g","encoding":"raw"}';
  const split = (reply: Uint8Array): { line: unknown; rest: Uint8Array } => {
    const end = reply.indexOf(10);
    return { line: json(reply.subarray(0, end)), rest: reply.subarray(end + 1) };
  };

  it("is a line of JSON, and behind it header blocks and payloads as they are", () => {
    const headers = encodeText("NATS/1.0\r\na: 1\r\n\r\n");
    const payload = new Uint8Array([255, 10, 0]);
    const reply = opened("fetch", fetch, ask).succeed({
      messages: [
        message({ payload, headers, deliveryCount: 2, leaseEndsAtMs: 5, key: 'a"b' }),
        message({ msgId: 8, label: "critical", payload: new Uint8Array(0), tags: ["x"] }),
      ],
      more: true,
    });
    const { line, rest } = split(reply);
    const common = { priority: "normal", create_time: 1_700_000_000 };
    expect(line).toEqual({
      error: "",
      messages: [
        {
          ...common,
          ...{ msg_id: 7, payload_bytes: 3, header_bytes: headers.length, key: 'a"b' },
          ...{ delivery_count: 2, lease_ends_at_ms: 5 },
        },
        { ...common, msg_id: 8, payload_bytes: 0, priority: "critical", tags: ["x"] },
      ],
      more: true,
    });
    expect(rest).toEqual(new Uint8Array([...headers, ...payload]));
  });

  it("tells everything there is to know of a message", () => {
    const dead = {
      mailbox: "a",
      msgId: 3,
      group: "g",
      deliveries: 2,
      cause: "poison" as const,
      reason: "no",
      atMs: 1000,
    };
    const reply = opened("fetch", fetch, ask).succeed({
      messages: [message({ from: "bob", expiresAtMs: 9000, dead })],
      more: false,
    });
    expect(split(reply).line).toMatchObject({
      messages: [{ from: "bob", expires_at: 9, dead: { mail_address: "a", reason: "no" } }],
    });
  });

  it("tells of misspelt fields in its first line", () => {
    const exchange = opened("fetch", fetch, '{"group_name":"g","encoding":"raw","grp":1}');
    const payload = encodeText("a\nb");
    const reply = withIgnored(
      exchange,
      exchange.succeed({ messages: [message({ payload })], more: false }),
    );
    expect(split(reply).line).toMatchObject({ messages: [{ msg_id: 7 }], ignored: ["grp"] });
    expect(split(reply).rest).toEqual(payload);
  });
});
