import { mailboxNotFound } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import {
  type Asking,
  json,
  message,
  opened,
  refusal,
  stranger,
  text,
} from "../testing/exchanges.ts";
import { encodeText } from "../utf8.ts";

const search = { verb: "search", mailbox: "task" } as const;

function encodingOf(body: string, asking?: Asking): unknown {
  const exchange = opened("search", search, body, asking);
  const reply = json(exchange.succeed({ messages: [message()], unread: 0, more: false }));
  return (reply["messages"] as { payload_encoding: unknown }[])[0]?.payload_encoding;
}

describe("QUERY", () => {
  it.each<[string, string]>([
    ["", "utf8"],
    ['{"tags":["a"]}', "utf8"],
    ['{"tags":[]}', "utf8"],
    ['{"key":null}', "utf8"],
    ['{"key":"k","limit":null}', "utf8"],
    ["{}", "base64"],
    ['""', "base64"],
    ['{"key":"k"}', "base64"],
    ['{"limit":10}', "base64"],
    ['{"since":1700000000}', "base64"],
    ['{"limit":10,"encoding":"utf8"}', "utf8"],
    ['{"tags":["a"],"encoding":"base64"}', "base64"],
  ])("%j shows payloads as %s", (body, encoding) => {
    expect(encodingOf(body)).toBe(encoding);
  });

  it("shows text to whom it showed text before, and to people at a terminal", () => {
    expect(encodingOf("{}", { caller: { ...stranger, readsText: true } })).toBe("utf8");
    expect(
      encodingOf("{}", { caller: { ...stranger, clientName: "NATS CLI Version 0.3.0" } }),
    ).toBe("utf8");
    expect(encodingOf("{}", { caller: { ...stranger, clientName: "worker" } })).toBe("base64");
    expect(encodingOf("", { options: { payloads: "base64" } })).toBe("base64");
    expect(encodingOf("{}", { options: { payloads: "utf8" } })).toBe("utf8");
  });

  it("asks for the newest hundred, in ascending order", () => {
    const { operation } = opened("search", search, "");
    expect(operation).toMatchObject({ mailbox: "task", order: "newest", limit: 100 });
    expect(operation).toMatchObject({ checkToken: false, unreadOnly: false, countUnread: false });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['{"key":"k"}', { key: "k" }],
    ['{"key":""}', { key: undefined }],
    ['{"tags":["a"," b ",""]}', { tags: ["a", "b"] }],
    ['{"tags":[""]}', { tags: undefined }],
    ['{"tags":["a"],"tags_mode":"any"}', { tags: ["a"], tagsMode: "any" }],
    ['{"since":1700000000}', { sinceMs: 1_700_000_000_000 }],
    ['{"since":1700000000123}', { sinceMs: 1_700_000_000_123 }],
    ['{"since":0}', { sinceMs: undefined }],
    ['{"limit":10}', { limit: 10 }],
    ['{"limit":0}', { limit: 100 }],
    ['{"limit":5000}', { limit: 1000 }],
    ['{"before_id":40}', { beforeId: 40 }],
    [
      '{"key":"k","tags":["a"],"since":1,"limit":2}',
      { key: "k", tags: ["a"], sinceMs: 1000, limit: 2 },
    ],
  ])("%s asks for %o", (body, wanted) => {
    expect(opened("search", search, body).operation).toMatchObject(wanted);
  });

  it.each([
    ['{"tags":"a,b"}', "tags must be a list of at most 16 texts"],
    ['{"tags":[1]}', "tags must be a list of at most 16 texts"],
    [
      `{"tags":${JSON.stringify(Array.from({ length: 17 }, () => "t"))}}`,
      "tags must be a list of at most 16 texts",
    ],
    ['{"tags_mode":"some"}', "tags_mode must be 'all' or 'any'"],
    ['{"key":7}', "key must be a text"],
    ['{"since":"today"}', "since must be a time in seconds since 1970"],
    ['{"limit":-1}', "limit must be a whole number from 0"],
    ['{"before_id":0.5}', "before_id must be a whole number from 0"],
  ])("%s is refused: %s", (body, what) => {
    expect(JSON.parse(refusal(search, body))).toEqual({
      error: `invalid MSG.QUERY payload: ${what}`,
      code: 400,
      reason: "invalid",
      messages: [],
    });
  });

  it("leaves out the oldest where there is no room, and says so", () => {
    const asking = { options: { replyBytesMax: 400 } };
    const { succeed } = opened("search", search, "", asking);
    const messages = [1, 2, 3].map((msgId) =>
      message({ msgId, payload: encodeText("x".repeat(300)) }),
    );
    const reply = json(succeed({ messages, unread: 0, more: false }));
    expect((reply["messages"] as { msg_id: number }[]).map((row) => row.msg_id)).toEqual([3]);
    expect(reply["more"]).toBe(true);
  });

  it("is how one learns that a mailbox is not there", () => {
    const { fail, succeed } = opened("search", search, "");
    expect(text(fail(mailboxNotFound("task")))).toBe(
      '{"error":"mailbox task does not exist","code":404,"reason":"not_found","messages":[]}',
    );
    expect(text(succeed({ messages: [], unread: 0, more: false }))).toBe(
      '{"error":"","messages":[]}',
    );
  });
});
