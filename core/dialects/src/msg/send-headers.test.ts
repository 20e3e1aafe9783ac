import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { text } from "../testing/exchanges.ts";
import { decodeText, encodeText } from "../utf8.ts";
import { passedHeaders, readSendHeaders, tokenOf } from "./send-headers.ts";

const nothing = {
  headers: undefined,
  label: undefined,
  key: undefined,
  tags: undefined,
  ttlSeconds: undefined,
  delayMs: undefined,
  dedupId: undefined,
  token: undefined,
};

function read(...lines: string[]): Readonly<Record<string, unknown>> {
  const told = readSendHeaders(
    encodeText(`NATS/1.0\r\n${lines.map((l) => `${l}\r\n`).join("")}\r\n`),
  );
  return { ...told, headers: told.headers === undefined ? undefined : text(told.headers) };
}

const kept = (...lines: string[]): string =>
  `NATS/1.0\r\n${lines.map((l) => `${l}\r\n`).join("")}\r\n`;

describe("headers of a publish", () => {
  it.each<[string, string[], Readonly<Record<string, unknown>>]>([
    ["none", [], {}],
    ["a priority", ["mq9-priority: critical"], { label: "critical" }],
    ["a priority in any case", ["MQ9-Priority:urgent"], { label: "urgent" }],
    ["a word of an earlier generation", ["mq9-priority: high"], { label: "high" }],
    ["a word that is no priority", ["mq9-priority: asap"], { label: "normal" }],
    ["a key", ["mq9-key:  task.1 "], { key: "task.1" }],
    ["an empty key", ["mq9-key:"], {}],
    ["tags", ["mq9-tags: a, b ,,a"], { tags: ["a", "b"] }],
    ["no tags", ["mq9-tags: ,"], {}],
    ["a ttl", ["mq9-ttl: 60"], { ttlSeconds: 60, headers: kept("mq9-ttl: 60") }],
    ["a delay", ["mq9-delay: 2"], { delayMs: 2000, headers: kept("mq9-delay: 2") }],
    ["no delay", ["mq9-delay: 0"], { headers: kept("mq9-delay: 0") }],
    [
      "an id against repeats",
      ["Mq9-Dedup-Id: x"],
      { dedupId: "x", headers: kept("Mq9-Dedup-Id: x") },
    ],
    [
      "the same of other servers",
      ["Nats-Msg-Id: y"],
      { dedupId: "y", headers: kept("Nats-Msg-Id: y") },
    ],
    [
      "both",
      ["Nats-Msg-Id: y", "mq9-dedup-id: x"],
      { dedupId: "x", headers: kept("Nats-Msg-Id: y", "mq9-dedup-id: x") },
    ],
    ["the last of two", ["mq9-key: a", "mq9-key: b"], { key: "b" }],
    ["text beyond ASCII", ["mq9-key: schl\u00fcssel"], { key: "schl\u00fcssel" }],
  ])("%s", (_name, lines, told) => {
    expect(read(...lines)).toEqual({ ...nothing, ...told });
  });

  it.each([
    ["mq9-ttl: 0", "mq9-ttl"],
    ["mq9-ttl: -1", "mq9-ttl"],
    ["mq9-ttl: 1.5", "mq9-ttl"],
    ["mq9-ttl: soon", "mq9-ttl"],
    ["mq9-ttl:", "mq9-ttl"],
    ["mq9-ttl: 31536001", "mq9-ttl"],
    ["mq9-ttl: 99999999999999999999", "mq9-ttl"],
    ["mq9-ttl: 0x10", "mq9-ttl"],
    ["mq9-delay: -1", "mq9-delay"],
    ["mq9-delay: 1.5", "mq9-delay"],
    ["mq9-delay: 2592001", "mq9-delay"],
  ])("%s is refused, never ignored", (line, name) => {
    expect(() => read(line)).toThrow(`invalid ${name}: it must be a whole number of seconds`);
  });

  it("that only the broker writes are taken out, whoever wrote them", () => {
    const own = [
      "mq9-mail-id",
      "mq9-ts",
      "mq9-replay",
      "mq9-from",
      "MQ9-FROM",
      "mq9-sender",
      "mq9-account",
      "mq9-verified",
      "mq9-delivery-count",
      "mq9-dead-mailbox",
      "mq9-dead-letter",
      "mq9-lease-ends",
      "mq9-source-offset",
      "mq9-fromage",
      "mq9-from ",
      " mq9-from",
      "\tMq9-From",
      "mq9-priority ",
      "Nats-Request-Info",
      "nats-request-info ",
      "NATS-TRACE-DEST",
    ];
    for (const name of own) {
      expect(read("A: 1", `${name}: x`, "B: 2")["headers"]).toBe(kept("A: 1", "B: 2"));
    }
  });

  it("of other layers pass", () => {
    const others = [
      "mq9-reply-to: m-1",
      "mq9-a2a-method: SendMessage",
      "mq9-a2a-task-id: 7",
      "mq9-a2a-last: true",
      "mq9: x",
      "X-mq9-from: y",
      "m: 1",
      "n: 2",
    ];
    expect(read(...others)).toEqual({ ...nothing, headers: kept(...others) });
  });

  it("that tell of a message before are counted, and told to whoever reads this one", () => {
    const counted = (...lines: string[]) => {
      const told = readSendHeaders(encodeText(kept(...lines)));
      return [told.hops, told.headers && decodeText(told.headers)];
    };
    expect(counted("A: 1")).toEqual([undefined, kept("A: 1")]);
    expect(counted("mq9-hops: 1", "A: 1")).toEqual([2, kept("A: 1", "mq9-hops: 2")]);
    expect(counted("A: 1", "MQ9-Hops:15", "B: 2")).toEqual([
      16,
      kept("A: 1", "B: 2", "mq9-hops: 16"),
    ]);
    expect(counted("mq9-hops: 0")).toEqual([2, kept("mq9-hops: 2")]);
    // Whoever passes all headers of a first message on tells by them that there was one.
    expect(counted("mq9-msg-id: 7")).toEqual([2, kept("mq9-hops: 2")]);
    expect(counted("mq9-msg-id: 7", "mq9-hops: 3", "mq9-ts: 1")).toEqual([4, kept("mq9-hops: 4")]);
    for (const value of ["", "-1", "1.5", "x", "9999999"]) {
      expect(() => counted(`mq9-hops: ${value}`), value).toThrow("invalid mq9-hops");
    }
  });

  it("of a token are read and never stored", () => {
    const told = readSendHeaders(encodeText(kept("A: 1", "MQ9-Token: mq9t-1", "B: 2")));
    expect(told.token).toBe("mq9t-1");
    expect(decodeText(told.headers as Uint8Array)).toBe(kept("A: 1", "B: 2"));
    expect(tokenOf(encodeText(kept("A: 1", "Mq9-Token:  mq9t-2 ")))).toBe("mq9t-2");
    expect(tokenOf(encodeText(kept("A: 1", "mq9-tokens: x")))).toBeUndefined();
  });

  it("pass to listeners without those that only the broker writes", () => {
    const block = encodeText(kept("mq9-from: eve", "mq9-ttl: soon", "mq9-key: k", "mq9-token: t"));
    expect(decodeText(passedHeaders(block))).toBe(kept("mq9-ttl: soon", "mq9-key: k"));
    const plain = encodeText(kept("A: 1"));
    expect(passedHeaders(plain)).toBe(plain);
  });

  it("without a line for the broker are stored as they came, without a copy", () => {
    const block = encodeText(kept("A: 1", "mq9-reply-to: m-1"));
    expect(readSendHeaders(block).headers).toBe(block);
  });

  it("keep every other line, byte for byte and in order", () => {
    const name = fc.constantFrom(
      "A",
      "mq9-reply-to",
      "x-y",
      "mq9-key",
      "MQ9-From",
      "mq9-tags",
      "mq9-dead-x",
    );
    const value = fc.stringMatching(/^[a-z ,:]{0,8}$/);
    const dropped = /^mq9-(key|from|tags|dead-x)$/i;
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (lines) => {
        const rest = lines.filter(([header]) => !dropped.test(header));
        const expected = rest.length === 0 ? undefined : kept(...rest.map(([n, v]) => `${n}:${v}`));
        expect(read(...lines.map(([n, v]) => `${n}:${v}`))["headers"]).toBe(expected);
      }),
    );
  });

  it("never throw anything but a sentence for the sender, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const block = new Uint8Array([...encodeText("NATS/1.0\r\nmq9-"), ...bytes, 13, 10, 13, 10]);
        try {
          readSendHeaders(block);
        } catch (error) {
          expect(error).toHaveProperty("code", "invalid");
        }
      }),
    );
  });
});
