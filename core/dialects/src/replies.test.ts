import { mailboxNotFound } from "@mq9/protocol";
import { expect, it } from "vitest";
import { errorReply, sendReply, unrecognizedReply } from "./replies.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

it("answers a send with its number and no error key", () => {
  expect(text(sendReply({ msgId: 0 }, 1))).toBe('{"msg_id":0}');
  expect(text(sendReply({ msgId: 12 }, undefined))).toBe('{"msg_id":12}');
});

it("answers a send of generation 2 with an empty error", () => {
  expect(text(sendReply({ msgId: 7 }, 2))).toBe('{"error":"","msg_id":7}');
});

it("tells of a delay and of a repeat", () => {
  expect(text(sendReply({ msgId: -1, scheduledId: 512 }, 2))).toBe(
    '{"error":"","msg_id":-1,"scheduled_id":512}',
  );
  expect(text(sendReply({ msgId: 3, duplicate: true }, 0))).toBe('{"msg_id":3,"duplicate":true}');
});

it("answers a send to no mailbox", () => {
  expect(text(errorReply(mailboxNotFound("m-1")))).toBe(
    '{"error":"mailbox m-1 does not exist","code":404,"reason":"not_found"}',
  );
});

it("names a subject nobody serves as its sender wrote it", () => {
  expect(text(unrecognizedReply("$mq9.AI.FOO.\u00c3\u00bc"))).toBe(
    '{"error":"unrecognized mq9 subject: $mq9.AI.FOO.ü","code":400,"reason":"invalid"}',
  );
});
