import { expect, it } from "vitest";
import { parseLine } from "./lines.ts";

const message = {
  line: "message",
  mailbox: "a",
  msg_id: 0,
  priority: "normal",
  created_at: "2026-01-01T00:00:00.000Z",
  body: "aGk=",
  encoding: "base64",
  headers: { a: ["b"] },
  tags: ["t"],
  key: "k",
};

it("a line of an export is read as it was written", () => {
  expect(parseLine(JSON.stringify(message), 3)).toEqual(message);
  expect(parseLine(JSON.stringify({ ...message, body: "" }), 3)).toMatchObject({ body: "" });
});

it.each([
  ["encoding", "hex"],
  ["body", "***"],
  ["body", "aGk"],
  ["headers", { a: "b" }],
  ["headers", { a: [1] }],
  ["tags", "t"],
  ["key", ["k"]],
  ["expires_at", "soon"],
  ["visible_at", 5],
  ["from", {}],
])("what somebody changed by hand is named: %s %j", (name, value) => {
  const text = JSON.stringify({ ...message, [name]: value });
  expect(() => parseLine(text, 3)).toThrow(new RegExp(`^line 3 can not be imported: its ${name}`));
});

it("a mailbox whose end is no time, and a beginning without an id, are not read", () => {
  const mailbox = { line: "mailbox", mailbox: "a", ttl_seconds: 0, expires_at: "soon" };
  expect(() => parseLine(JSON.stringify(mailbox), 2)).toThrow("its expires_at");
  expect(() => parseLine('{"line":"begin","export":1}', 1)).toThrow("its id is missing");
});
