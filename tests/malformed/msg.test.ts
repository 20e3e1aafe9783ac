// Malformed input to the requests of generation 2 and what we added: bodies, numbers, headers, names,
// sizes and keys that reach for a prototype. Each is answered with a code and a sentence, and the
// mailbox, its groups and everybody else are as before.
import { connectRaw } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { exchange, hpub, type LiveBroker, startLive } from "./live.ts";

// Longer than the helpers wait, so that they say what they waited for.
vi.setConfig({ testTimeout: 90_000 });

type Reply = Readonly<Record<string, unknown>>;

let live: LiveBroker;
let before: unknown;

beforeAll(async () => {
  live = await startLive();
  await ask("MAILBOX.CREATE", '{"name":"victim","ttl":3600}');
  for (const body of ["a", "b", "c"]) await ask("MSG.SEND.victim", body);
  await ask("MSG.FETCH.victim", '{"group_name":"g","deliver":"earliest","ack_wait_ms":43200000}');
});
beforeEach(async () => {
  before = await state();
});
afterEach(async () => {
  expect(await state()).toEqual(before);
  await live.witness.check();
});
afterAll(async () => await live[Symbol.asyncDispose]());

/** Sends a request with any bytes as body and reads its JSON reply. */
async function ask(tail: string, body: string | Buffer): Promise<Reply> {
  await using client = await connectRaw(live.port, { headers: true, no_responders: true });
  client.send("SUB in 1");
  client.publish(`$mq9.AI.${tail}`, body, "in");
  const message = await client.readMessage();
  expect(message.headers, "a JSON reply and no 503").toBeUndefined();
  return JSON.parse(message.payload.toString("utf8")) as Reply;
}

/** Everything about the victim that a refused request could have changed. */
async function state(): Promise<unknown> {
  const { messages } = await ask("MSG.QUERY.victim", "{}");
  const { groups, next_id, scheduled } = await ask("MAILBOX.INFO.victim", "");
  // What a lease is held by went with its connection; whether the messages are settled must not change.
  const places = (groups as { group_name: string }[]).map(({ group_name }) => group_name);
  const { agents } = await ask("AGENT.DISCOVER", "{}");
  return { messages, places, next_id, scheduled, agents };
}

/** The reply is an error of this number, with a sentence and the word for it. */
function expectError(reply: Reply, code = 400, text = ""): void {
  expect(reply).toMatchObject({
    code,
    error: expect.stringMatching(/^.{5,400}$/),
    reason: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(reply["error"]).toContain(text);
}

/** Requests with a body, and one that each of them understands. */
const requests: Readonly<Record<string, string>> = {
  "MSG.FETCH.victim": '{"deliver":"earliest"}',
  "MSG.ACK.victim": '{"group_name":"g","msg_id":0}',
  "MSG.QUERY.victim": '{"limit":1}',
  "MSG.NACK.victim": '{"group_name":"g","msg_id":0}',
  "MSG.EXTEND.victim": '{"group_name":"g","msg_id":0}',
  "MSG.SCHEDULED.victim": '{"limit":1}',
  "MSG.PURGE.victim": '{"before_id":0}',
  "MSG.REDRIVE.victim": '{"limit":1}',
  "MAILBOX.RENEW.victim": '{"ttl":3600}',
  "AGENT.REGISTER": '{"name":"a","mailbox":"b"}',
  "AGENT.REPORT": '{"name":"a"}',
  "AGENT.DISCOVER": '{"limit":1}',
};

describe.each(Object.keys(requests))("%s refuses", (tail) => {
  const notObjects = ["{", "[]", "[1]", "1", "true", '"x"', "{} {}", "{'a':1}", "\0", "nul"];
  test.each(notObjects)("a body that is no JSON object: %j", async (body) => {
    expectError(await ask(tail, body));
  });

  test("a body that is no UTF-8, and one that is nested without end", async () => {
    expectError(await ask(tail, Buffer.from('{"group_name":"\xff"}', "latin1")));
    expectError(await ask(tail, "[".repeat(60_000)));
    expectError(await ask(tail, `{"config":${'{"a":'.repeat(10_000)}`));
  });

  test("a body that is longer than any such request", async () => {
    expectError(await ask(tail, "[".repeat(1_000_000)), 413);
  });
});

/** Fields that hold a number, with the least and the most each may be. */
const numbers: readonly (readonly [string, (value: string) => string])[] = [
  ["MSG.FETCH.victim", (n) => `{"config":{"num_msgs":${n},"max_wait_ms":0}}`],
  ["MSG.FETCH.victim", (n) => `{"config":{"num_msgs":1,"max_wait_ms":${n}}}`],
  ["MSG.FETCH.victim", (n) => `{"deliver":"from_id","from_id":${n}}`],
  ["MSG.FETCH.victim", (n) => `{"group_name":"new","ack_wait_ms":${n}}`],
  ["MSG.FETCH.victim", (n) => `{"group_name":"new","max_deliver":${n}}`],
  ["MSG.ACK.victim", (n) => `{"group_name":"g","msg_id":${n}}`],
  ["MSG.NACK.victim", (n) => `{"group_name":"g","msg_id":0,"delay_ms":${n}}`],
  ["MAILBOX.RENEW.victim", (n) => `{"ttl":${n}}`],
  ["AGENT.DISCOVER", (n) => `{"limit":${n}}`],
  ["AGENT.DISCOVER", (n) => `{"page":${n}}`],
];

describe.each(numbers)("a number that is none in %s %s", (tail, bodyOf) => {
  test.each(["-1", "1.5", "1e400", "-1e400", "true", "[]", "{}", '"x"', "9007199254740993"])(
    "%s",
    async (value) => {
      expectError(await ask(tail, bodyOf(value)));
    },
  );
});

test("an instant may have a fraction, and a limit may be beyond all that lies there", async () => {
  for (const body of ['{"since":1.5}', '{"limit":9007199254740993}']) {
    expect((await ask("MSG.QUERY.victim", body))["messages"]).toHaveLength(3);
  }
  for (const value of ["-1", "1e400", "true", "[]", '"x"']) {
    expectError(await ask("MSG.QUERY.victim", `{"since":${value}}`));
    expectError(await ask("MSG.FETCH.victim", `{"deliver":"from_time","from_time":${value}}`));
    expectError(await ask("MSG.QUERY.victim", `{"limit":${value}}`));
  }
});

describe("a field of the wrong kind", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["MSG.FETCH.victim", '{"group_name":1}'],
    ["MSG.FETCH.victim", '{"group_name":{"a":1}}'],
    ["MSG.FETCH.victim", '{"deliver":"sometimes"}'],
    ["MSG.FETCH.victim", '{"deliver":7}'],
    ["MSG.FETCH.victim", '{"config":[]}'],
    ["MSG.FETCH.victim", '{"config":"fast"}'],
    ["MSG.FETCH.victim", '{"force_deliver":"yes"}'],
    ["MSG.FETCH.victim", '{"force_deliver":1}'],
    ["MSG.FETCH.victim", '{"encoding":"rot13"}'],
    ["MSG.FETCH.victim", '{"held":"maybe"}'],
    ["MSG.ACK.victim", '{"group_name":"g"}'],
    ["MSG.ACK.victim", '{"group_name":"g","msg_id":null}'],
    ["MSG.ACK.victim", '{"group_name":"g","msg_id":"01"}'],
    ["MSG.ACK.victim", '{"group_name":"g","msg_id":0,"ack_mode":"all"}'],
    ["MSG.ACK.victim", '{"group_name":"g","msg_id":0,"mail_address":"witness"}'],
    ["MSG.ACK.victim", '{"group_name":["g"],"msg_id":0}'],
    ["MSG.NACK.victim", '{"msg_id":0}'],
    ["MSG.NACK.victim", '{"group_name":"g","msg_id":0,"poison":"very"}'],
    ["MSG.QUERY.victim", '{"key":1}'],
    ["MSG.QUERY.victim", '{"tags":"red"}'],
    ["MSG.QUERY.victim", '{"tags":[1]}'],
    ["MSG.QUERY.victim", '{"tags":["a"],"tags_mode":"none"}'],
    ["MAILBOX.RENEW.victim", "{}"],
    ["MAILBOX.CREATE", '{"name":7}'],
    ["AGENT.REGISTER", '{"name":1,"mailbox":"b"}'],
    ["AGENT.REGISTER", "{}"],
    ["AGENT.REGISTER", '{"payload":"nobody"}'],
    ["AGENT.DISCOVER", '{"text":1}'],
  ];
  test.each(wrong)("%s %s", async (tail, body) => {
    expectError(await ask(tail, body));
  });
});

test("a number that was never given is nobody's to acknowledge, hand back or follow", async () => {
  const body = '{"group_name":"g","msg_id":999999}';
  for (const verb of ["ACK", "NACK", "EXTEND"])
    expectError(await ask(`MSG.${verb}.victim`, body), 404);
  expectError(await ask("MSG.RECEIPT.victim.999999", ""), 404);
  expectError(await ask("MSG.CANCEL.victim.999999", ""), 404);
});

describe("a number in a subject that is none", () => {
  const numbersInSubjects = ["abc", "-1", "+1", "0x1", "01", "1e3", "99999999999999999999", "٣"];
  test.each(numbersInSubjects)("%s", async (number) => {
    for (const verb of ["DELETE", "RECEIPT", "CANCEL"]) {
      expectError(await ask(`MSG.${verb}.victim.${number}`, "{}"));
    }
  });
});

describe("a name at and past its limit", () => {
  const longest = "n".repeat(128);
  const tooLong = "n".repeat(129);

  test("128 characters name a mailbox, 129 do not", async () => {
    const made = await ask("MAILBOX.CREATE", `{"name":"${longest}","ttl":60}`);
    expect(made).toMatchObject({ error: "", mail_address: longest });
    expect(await ask(`MSG.SEND.${longest}`, "x")).toMatchObject({ error: "", msg_id: 0 });
    expectError(await ask("MAILBOX.CREATE", `{"name":"${tooLong}","ttl":60}`));
    for (const verb of ["SEND", "FETCH", "QUERY", "ACK"]) {
      expectError(await ask(`MSG.${verb}.${tooLong}`, "{}"));
    }
  });

  test.each(["MSG.SEND", "MSG.FETCH", "MSG.ACK", "MSG.QUERY", "MSG.NACK", "MSG.PURGE"])(
    "%s with wildcards, empty parts or nothing",
    async (verb) => {
      for (const name of ["*", "a.*", ">", "a..b", ".a", "", "#"]) {
        const reply = await ask(name === "" ? verb : `${verb}.${name}`, "{}");
        expect([400, 403]).toContain(reply["code"]);
        expectError(reply, Number(reply["code"]));
      }
    },
  );

  test("a group's name that is too long", async () => {
    const name = "g".repeat(4096);
    expectError(await ask("MSG.FETCH.victim", `{"group_name":"${name}","deliver":"earliest"}`));
  });

  test("the directory and the registry are written by the broker alone", async () => {
    for (const name of ["$SYSTEM.PUBLIC", "$SYSTEM.AGENTS"]) {
      expectError(await ask(`MSG.SEND.${name}`, "{}"), 403);
      expectError(await ask("MAILBOX.CREATE", `{"name":"${name}"}`), 403);
      expectError(await ask(`MSG.PURGE.${name}`, "{}"), 403);
      expectError(await ask(`MAILBOX.DROP.${name}`, "{}"), 403);
    }
  });
});

describe("a header of SEND that is too long or too many", () => {
  const headers: Readonly<Record<string, string>> = {
    "a key of 129 bytes": `mq9-key: ${"k".repeat(129)}`,
    "an id against repeats of 129 bytes": `mq9-dedup-id: ${"d".repeat(129)}`,
    "17 tags": `mq9-tags: ${Array.from({ length: 17 }, (_, i) => `t${i}`).join(",")}`,
    "a tag of 65 bytes": `mq9-tags: ${"t".repeat(65)}`,
    "a delay as long as the life": "mq9-delay: 10\r\nmq9-ttl: 10",
    "a delay of more than thirty days": "mq9-delay: 2592001",
  };
  test.each(Object.entries(headers))("%s", async (_, lines) => {
    const block = `NATS/1.0\r\n${lines}\r\n\r\n`;
    const text = hpub("$mq9.AI.MSG.SEND.victim in", block, "x");
    const answer = await exchange(live.port, `SUB in 1\r\n${text}`, { ends: "open" });
    expectError(JSON.parse(answer.text.split("\r\n")[1] ?? "null"));
  });
});

describe("keys that reach for a prototype change nothing", () => {
  const tricks = [
    '{"__proto__":{"limit":1,"group_name":"stolen"}}',
    '{"constructor":{"prototype":{"limit":1}}}',
    '{"prototype":{"x":1},"toString":1,"hasOwnProperty":1}',
  ];
  test.each(tricks)("%s", async (body) => {
    for (const tail of ["MSG.QUERY.victim", "AGENT.DISCOVER"]) {
      const reply = await ask(tail, body);
      expect(reply["error"] === "" || reply["code"] === 400).toBe(true);
    }
    await ask("MSG.FETCH.victim", body);
    expect((await ask("MSG.QUERY.victim", "{}"))["messages"]).toHaveLength(3);
  });

  test("as names of mailboxes, groups, keys, tags and headers they are words like others", async () => {
    for (const word of ["__proto__", "constructor", "hasOwnProperty"]) {
      const { mail_address: address } = await ask("MAILBOX.CREATE", `{"name":"${word}","ttl":60}`);
      expect(address).toBe(word);
      const block = `NATS/1.0\r\nmq9-key: ${word}\r\nmq9-tags: ${word}\r\n${word}: x\r\n\r\n`;
      const text = hpub(`$mq9.AI.MSG.SEND.${word} in`, block, "x");
      await exchange(live.port, `SUB in 1\r\n${text}`, { ends: "open" });
      const { messages } = await ask(`MSG.QUERY.${word}`, `{"key":"${word}","tags":["${word}"]}`);
      expect(messages).toMatchObject([{ msg_id: 0, key: word, tags: [word] }]);
      const [{ headers }] = messages as [{ headers: object }];
      expect(Object.entries(headers)).toContainEqual([word, "x"]);
      const fetched = await ask(
        `MSG.FETCH.${word}`,
        `{"group_name":"${word}","deliver":"earliest","config":{"max_wait_ms":0}}`,
      );
      expect(fetched["messages"]).toHaveLength(1);
      expect(await ask(`MAILBOX.DROP.${word}`, "")).toMatchObject({ error: "" });
    }
  });
});

test("unknown fields are not looked at", async () => {
  const body = '{"limit":3,"colour":"red","nested":{"deep":[1,2,{"x":null}]}}';
  expect((await ask("MSG.QUERY.victim", body))["messages"]).toHaveLength(3);
});

test("a body of a megabyte is refused, and says how long one may be", async () => {
  const filler = "x".repeat(1_000_000);
  expectError(await ask("MSG.QUERY.victim", `{"limit":3,"filler":"${filler}"}`), 413, "65536");
  const some = "x".repeat(60_000);
  expect(await ask("MSG.QUERY.victim", `{"limit":3,"filler":"${some}"}`)).toMatchObject({
    error: "",
    ignored: ["filler"],
  });
  expectError(await ask("MSG.QUERY.victim", `{"key":"${some}"`));
});
