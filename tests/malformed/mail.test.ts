// Malformed input on mailbox subjects: bodies, names, numbers, life times, wildcards, reserved names.
// Each is answered with the right error and changes nothing.
import { connectRaw, type RawClient } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { exchange, hpub, type LiveBroker, pub, startLive } from "./live.ts";

// Longer than the helpers wait, so that they say what they waited for.
vi.setConfig({ testTimeout: 90_000 });

let live: LiveBroker;
beforeAll(async () => {
  live = await startLive();
});
afterEach(async () => await live.witness.check());
afterAll(async () => await live[Symbol.asyncDispose]());

const create = "$mq9.AI.MAILBOX.CREATE";
type Reply = Readonly<Record<string, unknown>>;

/** Sends a request with any bytes as body and reads its JSON reply. */
async function ask(subject: string, body: string | Buffer): Promise<Reply> {
  await using client = await connectRaw(live.port, { headers: true, no_responders: true });
  client.send("SUB in 1");
  return await askOn(client, subject, body);
}

async function askOn(client: RawClient, subject: string, body: string | Buffer): Promise<Reply> {
  client.publish(subject, body, "in");
  const message = await client.readMessage();
  expect(message.headers, "a JSON reply and no 503").toBeUndefined();
  return JSON.parse(message.payload.toString("utf8")) as Reply;
}

/** The reply is an error of this number with a sentence; `text` is part of it. */
function expectError(reply: Reply, code: number, text = ""): void {
  expect(reply).toMatchObject({ code, error: expect.stringMatching(/^.{5,400}$/) });
  expect(reply["error"]).toContain(text);
}

describe("CREATE refuses", () => {
  const notObjects = ["{", "[]", "[1]", "1", "true", '"x"', "{} {}", "{'a':1}", "\0", "nul"];
  test.each(notObjects)("a body that is no JSON object: %j", async (body) => {
    expectError(await ask(create, body), 400, "MAILBOX.CREATE");
  });

  test("a body that is no UTF-8, and one that is nested without end", async () => {
    expectError(await ask(create, Buffer.from('{"name":"\xff"}', "latin1")), 400);
    expectError(await ask(create, "[".repeat(200_000)), 400);
    expectError(await ask(create, `{"desc":${'{"a":'.repeat(40_000)}`), 400);
    expectError(await ask(create, "[".repeat(1_000_000)), 413);
  });

  const badTtls = [
    "-1",
    "1.5",
    '"60"',
    "1e400",
    "31536001",
    "9007199254740993",
    "true",
    "[]",
    "{}",
  ];
  test.each(badTtls)("a life time that is none: %s", async (ttl) => {
    expectError(await ask(create, `{"ttl":${ttl}}`), 400, "ttl");
    expectError(await ask(create, `{"public":true,"name":"ttl-test","ttl":${ttl}}`), 400, "ttl");
  });

  const badNames = ["a b", "a..b", ".a", "a.", "*", ">", "a.*", "#", "é", "a\u0000", "a/b", "../x"];
  const longName = "x".repeat(129);
  const oddNames = ["a\r\nb", "\u202eabc", "%2e", "$x", "a,b", longName, "CREATE", "MSG"];
  test.each([...badNames, ...oddNames])("a name that is none: %j", async (name) => {
    for (const isPublic of [true, false]) {
      const body = JSON.stringify({ public: isPublic, name, ttl: 60 });
      expectError(await ask(create, body), 400);
    }
  });

  test("the name of the directory, and a public mailbox without a name", async () => {
    const reserved = await ask(create, '{"public":true,"name":"$SYSTEM.PUBLIC"}');
    expectError(reserved, 403, "mailbox '$SYSTEM.PUBLIC' is reserved");
    expectError(await ask(create, '{"public":true,"ttl":60}'), 400, "requires a 'name'");
  });

  const wrongTypes = [
    '{"name":1}',
    '{"name":{}}',
    '{"desc":1}',
    '{"public":"yes"}',
    '{"public":1}',
  ];
  const wrongWords = ['{"type":"weird"}', '{"type":1}', '{"subject":1}', '{"subject":"foo"}'];
  const wrongSubjects = [
    '{"subject":"$mq9.AI.BROADCAST.*"}',
    '{"subject":"$mq9.AI.BROADCAST.a..b"}',
  ];
  test.each([...wrongTypes, ...wrongWords, ...wrongSubjects])(
    "a field of the wrong kind: %s",
    async (body) => {
      expectError(await ask(create, body), 400);
    },
  );

  test("nothing because of keys that reach for a prototype", async () => {
    const reply = await ask(create, '{"__proto__":{"public":true},"constructor":{"x":1},"ttl":60}');
    expect(reply["mail_id"]).toEqual(expect.any(String));
    expect(await ask(create, '{"ttl":60}')).not.toHaveProperty("name");
  });
});

describe("requests on a mailbox refuse", () => {
  test("one that does not exist", async () => {
    expectError(await ask("$mq9.AI.MAILBOX.LIST.nobody", "{}"), 404, "nobody does not exist");
    expectError(await ask("$mq9.AI.MAILBOX.QUERY.nobody", "{}"), 404);
    expectError(await ask("$mq9.AI.MAILBOX.DELETE.nobody.0", "{}"), 404);
    expectError(await ask("$mq9.AI.MAILBOX.MSG.nobody", "x"), 404);
    expectError(await ask("$mq9.AI.INBOX.nobody.urgent", "x"), 404);
  });

  const numbers = ["abc", "-1", "+1", "0x1", "01", "1e3", "99999999999999999999", "٣"];
  test.each(numbers)("a message number that is none: %s", async (number) => {
    const reply = await ask(`$mq9.AI.MAILBOX.DELETE.witness.${number}`, "{}");
    expect(reply["deleted"]).toBe(false);
    expectError(reply, 400);
  });

  test.each(["*", ">"])("a wildcard for a message number: %s", async (number) => {
    expectError(await ask(`$mq9.AI.MAILBOX.DELETE.witness.${number}`, "{}"), 403);
  });

  test("a message that was never there", async () => {
    const reply = await ask("$mq9.AI.MAILBOX.DELETE.witness.9007199254740991", "{}");
    expectError(reply, 404, "message not found");
    expect(reply["deleted"]).toBe(false);
  });

  const limits = [
    '{"limit":-1}',
    '{"limit":1.5}',
    '{"limit":"9"}',
    '{"limit":1e400}',
    '{"limit":[]}',
  ];
  test.each([...limits, "[]", "{", '{"payload":1}'])(
    "a LIST body without sense: %s",
    async (body) => {
      expectError(await ask("$mq9.AI.MAILBOX.LIST.witness", body), 400);
    },
  );

  test("a QUERY with a token of the wrong kind, a wrong one, or none", async () => {
    const made = await ask(create, '{"type":"standard","ttl":60}');
    const query = `$mq9.AI.MAILBOX.QUERY.${String(made["mail_id"])}`;
    expectError(await ask(query, '{"token":1}'), 400);
    expectError(await ask(query, '{"token":"tok-wrong"}'), 403);
    expectError(await ask(query, "{}"), 403);
    expect(await ask(query, JSON.stringify({ token: made["token"] }))).not.toHaveProperty("error");
  });

  const unfinished = ["MAILBOX.LIST.", "MAILBOX.QUERY", "MAILBOX.DELETE", "MAILBOX.DELETE."];
  const stray = [
    "MAILBOX.DELETE.witness",
    "MAILBOX.CREATE.x",
    "MAILBOX.MSG",
    "MAILBOX.MSG.",
    "MAILBOX",
    "",
    "INBOX",
  ];
  test.each([...unfinished, ...stray, "INBOX.", "MAILBOX..", ".", "NOTHING.OF.THE.KIND"])(
    "a subject that says too little: $mq9.AI.%s",
    async (tail) => {
      const reply = await ask(`$mq9.AI.${tail}`, "{}");
      expect([400, 403, 404]).toContain(reply["code"]);
      expectError(reply, Number(reply["code"]));
    },
  );
});

describe("publishing refuses", () => {
  const wild = [
    "MAILBOX.MSG.*",
    "MAILBOX.MSG.>",
    "MAILBOX.MSG.a.*",
    "MAILBOX.MSG.*.urgent",
    "MAILBOX.MSG.#",
  ];
  const alsoWild = [
    "INBOX.*.normal",
    "INBOX.m-status-*.normal",
    "MAILBOX.*.high",
    "MAILBOX.MSG.wit*",
  ];
  test.each([...wild, ...alsoWild])("wildcards: %s", async (tail) => {
    expectError(await ask(`$mq9.AI.${tail}`, "x"), 403);
    const answer = await exchange(live.port, pub(`$mq9.AI.${tail}`, "x"), { ends: "open" });
    const text = `-ERR 'Permissions Violation for Publish to "$mq9.AI.${tail}"'\r\n`;
    expect(answer).toEqual({ text, closed: false });
  });

  test("the directory, and names with an empty part or strange bytes", async () => {
    expectError(await ask("$mq9.AI.MAILBOX.MSG.$SYSTEM.PUBLIC", "{}"), 403);
    for (const name of ["a..b", ".a", "a\xff", "\xc0\xae", "a/b", "x".repeat(129)]) {
      const bytes = Buffer.from(pub(`$mq9.AI.MAILBOX.MSG.${name}`, "x", "in"), "latin1");
      const answer = await exchange(
        live.port,
        Buffer.concat([Buffer.from("SUB in 1\r\n"), bytes]),
        { ends: "open" },
      );
      expect(answer.text).toMatch(/^MSG in 1 \d+\r\n\{"error":".*"code":400/);
    }
  });

  test("a reply subject that is a mailbox: the broker's answer is never stored", async () => {
    const victims = ["$mq9.AI.MAILBOX.MSG.witness", "$mq9.AI.INBOX.witness.urgent", create];
    const before = await ask("$mq9.AI.MAILBOX.LIST.witness", "{}");
    for (const reply of victims) {
      const requests = [create, "$mq9.AI.MAILBOX.LIST.witness", "$mq9.AI.MAILBOX.MSG.nobody"];
      for (const subject of requests) {
        await exchange(live.port, pub(subject, "{}", reply), { ends: "open" });
      }
    }
    expect(await ask("$mq9.AI.MAILBOX.LIST.witness", "{}")).toEqual(before);
  });

  test("nothing because of a reply subject without sense", async () => {
    for (const reply of ["*", ">", "a..b", "_INBOX.>", "x".repeat(3_000)]) {
      const answer = await exchange(live.port, pub(create, '{"ttl":60}', reply), { ends: "open" });
      expect(answer).toEqual({ text: "", closed: false });
    }
  });

  test("headers that only the broker writes: a reader never sees the sender's", async () => {
    const { mail_id: name } = await ask(create, '{"ttl":60}');
    const lines = [
      "mq9-msg-id: forged",
      "MQ9-TS: forged",
      "Mq9-Mail-Id: forged",
      "mq9-from: forged",
      "mq9-delivery-count: forged",
      "Other: kept",
    ];
    const block = `NATS/1.0\r\n${lines.join("\r\n")}\r\n\r\n`;
    const subject = `$mq9.AI.MAILBOX.MSG.${String(name)}`;
    await exchange(live.port, hpub(subject, block, "x"), { ends: "open" });
    await using reader = await connectRaw(live.port, { headers: true });
    reader.send(`SUB ${subject} 1`);
    const { headers = "" } = await reader.readMessage();
    expect(headers).toContain("Other: kept\r\n");
    expect(headers).toMatch(/\r\nmq9-msg-id: 0\r\n/);
    expect(headers).not.toContain("forged");
  });
});

describe("subscribing refuses", () => {
  const across = [
    "MAILBOX.MSG.*",
    "MAILBOX.MSG.#",
    "MAILBOX.MSG.>",
    "MAILBOX.MSG.*.*",
    "MAILBOX.*",
    "MAILBOX.#",
  ];
  const more = [
    "INBOX.*",
    "INBOX.>",
    "INBOX.*.normal",
    "INBOX.a*.normal",
    "MAILBOX.*.*",
    "MAILBOX.MSG.*.urgent",
  ];
  test.each([...across, ...more])("to look into every mailbox: %s", async (tail) => {
    const answer = await exchange(live.port, `SUB $mq9.AI.${tail} 1\r\n`, { ends: "open" });
    const text = `-ERR 'Permissions Violation for Subscription to "$mq9.AI.${tail}"'\r\n`;
    expect(answer).toEqual({ text, closed: false });
  });

  test("nothing, but shows nothing either: wildcards outside the space see no mail", async () => {
    await ask(create, '{"public":true,"name":"secrets","ttl":60}');
    await using snoop = await connectRaw(live.port, { headers: true });
    const filters = [
      ">",
      "*.>",
      "$mq9.>",
      "*.*.>",
      "*.AI.>",
      "$mq9.*.>",
      "*.*.*.*.*",
      "$mq9.*.MAILBOX.MSG.*",
    ];
    snoop.send(...filters.map((filter, at) => `SUB ${filter} ${at + 1}`));
    await snoop.flush();
    const mail =
      pub("$mq9.AI.MAILBOX.MSG.secrets", "secret") + pub("$mq9.AI.INBOX.secrets.urgent", "secret");
    await exchange(live.port, mail, { ends: "open" });
    expect((await snoop.flush()).map((message) => message.subject)).toEqual([]);
    expect(await ask("$mq9.AI.MAILBOX.LIST.secrets", "{}")).toMatchObject({ messages: [{}, {}] });
  });
});
