// Malformed input on plain NATS subjects and on mailbox subjects alike: sizes, control lines,
// subjects, headers. The offender gets the right answer, everybody else is served, memory stays.
import { connectRaw } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { exchange, hpub, type LiveBroker, pub, startLive } from "./live.ts";
import { createRandom, seed } from "./random.ts";

// Longer than the helpers wait, so that they say what they waited for.
vi.setConfig({ testTimeout: 90_000 });

let live: LiveBroker;
beforeAll(async () => {
  live = await startLive();
});
afterEach(async () => await live.witness.check());
afterAll(async () => await live[Symbol.asyncDispose]());

const tooLarge = "-ERR 'Maximum Payload Violation'\r\n";
const tooLong = "-ERR 'maximum control line exceeded'\r\n";
const unknown = "-ERR 'Unknown Protocol Operation'\r\n";
const mebibyte = 1_048_576;

describe.each(["foo", "$mq9.AI.MAILBOX.MSG.nobody"])("a declared size on %s", (subject) => {
  const wrongSizes = ["-1", "+5", "0x10", "1e400", "5.0", "2147483647", "2147483648"];
  const alsoWrong = ["9007199254740992", "99999999999999999999999", "٣", "1_000", "NaN", ""];
  test.each([...wrongSizes, ...alsoWrong])(
    "that is none closes without a word: %j",
    async (size) => {
      const answer = await exchange(live.port, utf8(`PUB ${subject} ${size}\r\n`), {
        ends: "closed",
      });
      expect(answer).toEqual({ text: "", closed: true });
      const withHeaders = utf8(`HPUB ${subject} ${size} ${size}\r\n`);
      const second = await exchange(live.port, withHeaders, { ends: "closed" });
      expect(second).toEqual({ text: "", closed: true });
    },
  );

  test.each([mebibyte + 1, 999_999_999])(
    "above the limit is refused before the payload: %i",
    async (size) => {
      const answer = await exchange(live.port, `PUB ${subject} ${size}\r\n`, { ends: "closed" });
      expect(answer).toEqual({ text: tooLarge, closed: true });
      const header = `HPUB ${subject} 12 ${size}\r\n`;
      expect(await exchange(live.port, header, { ends: "closed" })).toEqual(answer);
    },
  );

  test.each([0, 1, mebibyte - 1, mebibyte])("up to the limit is taken: %i", async (size) => {
    const answer = await exchange(live.port, pub(subject, "x".repeat(size)), { ends: "open" });
    expect(answer).toEqual({ text: "", closed: false });
  });

  test.each(["12 11", "1 0", "999999999 5"])(
    "of headers above the whole closes: %s",
    async (sizes) => {
      const answer = await exchange(live.port, `HPUB ${subject} ${sizes}\r\n`, { ends: "closed" });
      expect(answer).toEqual({ text: "", closed: true });
    },
  );

  test("with leading zeros is the number it says", async () => {
    const answer = await exchange(live.port, `PUB ${subject} 000000002\r\nhi\r\n`, {
      ends: "open",
    });
    expect(answer).toEqual({ text: "", closed: false });
  });

  test("followed by another payload is an error", async () => {
    for (const body of ["hello", "h\r\n", "\r\n\r\n"]) {
      const answer = await exchange(live.port, `PUB ${subject} 2\r\n${body}\r\n`, {
        ends: "closed",
      });
      expect(answer).toEqual({ text: unknown, closed: true });
    }
  });
});

describe("a control line", () => {
  const verbs = ["PUB", "HPUB", "SUB", "UNSUB", "CONNECT", "INFO", "-ERR"];
  test.each(verbs)("of 64 KiB without an end is refused: %s", async (verb) => {
    const answer = await exchange(live.port, `${verb} ${"a".repeat(65_536)}`, { ends: "closed" });
    expect(answer).toEqual({ text: tooLong, closed: true });
  });

  test.each(["PING", "PONG", "+OK"])(
    "whose arguments do not matter may be long: %s",
    async (verb) => {
      const line = `${verb}${"x".repeat(65_536)}\r\n`;
      const answer = await exchange(live.port, line, { ends: "open" });
      expect(answer).toEqual({ text: verb === "PING" ? "PONG\r\n" : "", closed: false });
    },
  );

  test("without a verb is an error: 64 KiB of zeros, of blanks, of TLS, of HTTP", async () => {
    const strangers = [
      "\0".repeat(65_536),
      " ".repeat(65_536),
      "\x16\x03\x01\x02",
      "GET / HTTP/1.1\r\n",
    ];
    for (const bytes of strangers) {
      const answer = await exchange(live.port, bytes, { ends: "closed", connect: "" });
      expect(answer).toEqual({ text: unknown, closed: true });
    }
  });

  test("CONNECT with deep or hostile JSON closes or is taken, and changes nobody", async () => {
    const deep = `CONNECT {"name":${"[".repeat(3_000)}\r\n`;
    expect(await exchange(live.port, deep, { ends: "closed", connect: "" })).toMatchObject({
      closed: true,
    });
    const hostile =
      'CONNECT {"__proto__":{"verbose":true},"constructor":{"prototype":{"x":1}},"verbose":false}\r\n';
    const answer = await exchange(live.port, hostile, { ends: "open", connect: "" });
    expect(answer).toEqual({ text: "", closed: false });
  });
});

describe("a subject", () => {
  test("is accepted by SUB exactly when the grammar accepts it: 20,000 of them", async () => {
    const random = createRandom(8);
    const tokens = [
      "a",
      "*",
      ">",
      "",
      "*a",
      "a>",
      "\0",
      "\xef\xbf\xbd",
      "\xc0\xae",
      "%2e",
      "$MQ9",
      "\xd0\xb0",
    ];
    await using client = await connectRaw(live.port, { verbose: true });
    await client.expect("+OK");
    for (let batch = 0; batch < 40; batch += 1) {
      const subjects = Array.from({ length: 500 }, () =>
        Array.from({ length: 1 + random.below(6) }, () => random.pick(tokens)).join("."),
      ).map((subject) => subject || ".");
      const lines = subjects.map((subject) => `SUB ${subject} 1\r\nUNSUB 1\r\n`).join("");
      client.sendBytes(Buffer.from(lines, "latin1"));
      for (const subject of subjects) {
        const answer = await client.readLine();
        const verdict = { subject, seed, answer };
        expect(verdict).toEqual({
          subject,
          seed,
          answer: valid(subject) ? "+OK" : "-ERR 'Invalid Subject'",
        });
        expect(await client.readLine()).toBe("+OK");
      }
    }
  });

  test("may have 2,000 tokens or one of 4,000 bytes; its publish reaches its subscriber", async () => {
    await using client = await connectRaw(live.port);
    const long = Array(2_000).fill("t").join(".");
    client.send("SUB t.*.> 1");
    client.publish(long, "x");
    expect((await client.flush()).map(({ subject }) => subject)).toEqual([long]);
    for (const subject of [Array(64).fill("t").join("."), "t".repeat(4_000)]) {
      client.send("UNSUB 1", `SUB ${subject} 1`);
      client.publish(subject, "x");
      expect((await client.flush()).map((message) => message.subject)).toEqual([subject]);
    }
  });

  test("of more than 64 tokens can not be subscribed to, unless the broker is told so", async () => {
    await using client = await connectRaw(live.port);
    const subject = Array(65).fill("*").join(".");
    client.send(`SUB ${subject} 1`);
    await client.expect(
      `-ERR 'Permissions Violation for Subscription to "${subject}", too many tokens'`,
    );
    expect(await client.flush()).toEqual([]);
    await using generous = await startLive(["--max-subscription-tokens", "0"]);
    await using other = await connectRaw(generous.port);
    other.send(`SUB ${Array(2_000).fill("*").join(".")} 2`, "SUB > 3");
    other.publish(Array(2_000).fill("t").join("."), "x");
    expect((await other.flush()).length).toBe(2);
  });

  test("of 10,000 tokens does not fit a control line", async () => {
    const line = `SUB ${Array(10_000).fill("t").join(".")} 1\r\n`;
    expect(await exchange(live.port, line, { ends: "closed" })).toEqual({
      text: tooLong,
      closed: true,
    });
  });

  test("in another case, encoded, or in look-alike letters is no mailbox subject", async () => {
    const strangers = [
      "$MQ9.AI.MAILBOX.CREATE",
      "$mq9.ai.MAILBOX.CREATE",
      "%24mq9.AI.MAILBOX.CREATE",
    ];
    await using client = await connectRaw(live.port, { headers: true, no_responders: true });
    client.send("SUB in 1");
    for (const subject of [
      ...strangers,
      "$mq9\xa0.AI.MAILBOX.CREATE",
      "$mq9.\xd0\x90I.MAILBOX.CREATE",
    ]) {
      client.sendBytes(Buffer.from(pub(subject, "{}", "in"), "latin1"));
      const [message] = await client.flush();
      expect(message?.headers).toMatch(/^NATS\/1\.0 503\r\n/);
    }
  });

  test("is one of 100,000 wildcards: the limit holds, others are served, all is given back", async () => {
    const before = await live.heldBytes();
    for (let round = 0; round < 3; round += 1) {
      await using client = await connectRaw(live.port);
      let refused = 0;
      for (let batch = 0; batch < 100; batch += 1) {
        const sids = Array.from({ length: 1_000 }, (_, at) => batch * 1_000 + at + 1);
        client.send(...sids.map((sid) => `SUB w${sid}.*.> ${sid}`), "PING");
        for (let line = await client.readLine(); line !== "PONG"; line = await client.readLine()) {
          if (line === "PING") continue; // the broker measures its round trip
          expect(line).toBe("-ERR 'maximum subscriptions exceeded'");
          refused += 1;
        }
      }
      expect(refused).toBe(90_000);
      await live.witness.check();
    }
    expect((await live.heldBytes()) - before).toBeLessThan(96 * mebibyte);
  });
});

describe("a header block", () => {
  const damaged: readonly [string, string][] = [
    ["no version", "Bar: Baz\r\n\r\n"],
    ["another version", "NATS/2.0\r\nBar: Baz\r\n\r\n"],
    ["junk", "JUNK"],
    ["no empty line at the end", "NATS/1.0\r\nBar: Baz\r\n"],
    ["two empty lines", "NATS/1.0\r\n\r\n\r\n"],
    ["a bare CR in a value", "NATS/1.0\r\nBar: B\raz\r\n\r\n"],
    ["a bare LF in a value", "NATS/1.0\r\nBar: B\naz\r\n\r\n"],
    ["NUL in a value", "NATS/1.0\r\nBar: B\0az\r\n\r\n"],
    ["a folded line", "NATS/1.0\r\nBar: Baz\r\n folded\r\n\r\n"],
    ["a line without colon", "NATS/1.0\r\nBar\r\n\r\n"],
    ["a name with a blank", "NATS/1.0\r\nB ar: Baz\r\n\r\n"],
    ["a blank before the colon", "NATS/1.0\r\nBar : Baz\r\n\r\n"],
    ["an empty name", "NATS/1.0\r\n: Baz\r\n\r\n"],
    ["a name that is not ASCII", "NATS/1.0\r\nB\xc3\xa4r: Baz\r\n\r\n"],
    ["a value that is not UTF-8", "NATS/1.0\r\nBar: \xff\r\n\r\n"],
    ["a smuggled message", "NATS/1.0\r\nA: b\r\n\r\nMSG foo 1 2\r\nhi\r\n\r\n"],
  ];
  const whole: readonly [string, string][] = [
    ["nothing but the version", "NATS/1.0\r\n\r\n"],
    ["a status", "NATS/1.0 503 No Responders\r\n\r\n"],
    ["duplicates", "NATS/1.0\r\nA: 1\r\nA: 2\r\na: 3\r\n\r\n"],
    ["1,000 headers", `NATS/1.0\r\n${"Name: value\r\n".repeat(1_000)}\r\n`],
    ["a value of 64 KiB", `NATS/1.0\r\nName: ${"v".repeat(65_536)}\r\n\r\n`],
    ["an empty value", "NATS/1.0\r\nName:\r\n\r\n"],
    ["colons in a value", "NATS/1.0\r\nName: a:b::c\r\n\r\n"],
    ["UTF-8 in a value", "NATS/1.0\r\nName: \xc3\xa9\r\n\r\n"],
  ];

  test.each(whole)("with %s arrives as it was sent", async (_, block) => {
    await using reader = await connectRaw(live.port, { headers: true });
    reader.send("SUB headers.test 1");
    await reader.flush();
    const answer = await exchange(live.port, hpub("headers.test", block, "body"), { ends: "open" });
    expect(answer).toEqual({ text: "", closed: false });
    const message = await reader.readMessage();
    expect(message.headers).toBe(block);
    expect(message.payload.toString()).toBe("body");
  });

  test.each(damaged)("with %s reaches nobody, and closes or is dropped", async (_, block) => {
    await using reader = await connectRaw(live.port, { headers: true });
    reader.send("SUB headers.test 1");
    await reader.flush();
    await exchange(live.port, hpub("headers.test", block, "body"), { ends: "open" });
    expect(await reader.flush()).toEqual([]);
  });
});

describe("memory", () => {
  test("is not reserved for payloads that are only announced", async () => {
    const before = await live.heldBytes();
    const clients = await Promise.all(Array.from({ length: 300 }, () => connectRaw(live.port)));
    for (const client of clients) client.sendBytes(Buffer.from(`PUB foo ${mebibyte}\r\nabc`));
    await live.witness.check();
    // 300 MiB were announced.
    expect((await live.heldBytes()) - before).toBeLessThan(64 * mebibyte);
    await Promise.all(clients.map(async (client) => await client.close()));
  });

  test("does not grow with the number of offenders", async () => {
    const offend = async (): Promise<void> => {
      const lines = [`SUB ${"a".repeat(65_536)}`, `PUB foo ${mebibyte + 1}\r\n`, "junk\r\n"];
      for (let count = 0; count < 100; count += 1) {
        await Promise.all(lines.map((line) => exchange(live.port, line, { ends: "closed" })));
      }
    };
    await offend();
    await offend();
    const before = await live.heldBytes();
    for (let round = 0; round < 4; round += 1) await offend();
    expect((await live.heldBytes()) - before).toBeLessThan(32 * mebibyte);
  });
});

function utf8(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

/** The grammar of subscription subjects, once more. */
function valid(subject: string): boolean {
  const tokens = subject.split(".");
  return tokens.every((token, at) => token !== "" && (token !== ">" || at === tokens.length - 1));
}
