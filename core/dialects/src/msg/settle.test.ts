import { Mq9Error, mailboxExpired, mailboxNotFound } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import type { PublishTarget } from "../dialect.ts";
import { openSettlement } from "../requests.ts";
import { json, opened, refusal, text } from "../testing/exchanges.ts";
import { encodeText } from "../utf8.ts";

const ack = { verb: "ack", mailbox: "task" } as const;
const nack = { verb: "nack", mailbox: "task" } as const;
const extend = { verb: "extend", mailbox: "task" } as const;

describe("ACK", () => {
  it.each([
    ['{"group_name":"g","mail_address":"task","msg_id":7}', "delivered"],
    ['{"group_name":"g","msg_id":7}', "delivered"],
    ['{"group_name":"g","mail_address":"","msg_id":"7"}', "delivered"],
    ['{"group_name":"g","msg_id":7,"ack_mode":"one"}', "one"],
    ['{"group_name":"g","msg_id":7,"ack_mode":"batch"}', "batch"],
  ])("%s settles %s", (body, mode) => {
    const exchange = opened("ack", ack, body);
    expect(exchange.operation).toEqual({ mailbox: "task", group: "g", msgId: 7, mode });
    expect(text(exchange.succeed([7]))).toBe('{"error":"","acked":[7]}');
  });

  it("names several messages, each for itself", () => {
    const exchange = opened("ack", ack, '{"group_name":"g","msg_ids":[7,3,9]}');
    expect(exchange.operation).toEqual({
      mailbox: "task",
      group: "g",
      msgId: 7,
      alsoMsgIds: [3, 9],
      mode: "one",
    });
    expect(text(exchange.succeed([7, 9]))).toBe('{"error":"","acked":[7,9]}');
    const alone = opened("ack", ack, '{"group_name":"g","msg_ids":[7],"ack_mode":"one"}');
    expect(alone.operation).toMatchObject({ msgId: 7, alsoMsgIds: [], mode: "one" });
  });

  it.each([
    '{"group_name":"","mail_address":"task","msg_id":7}',
    '{"group_name":null,"msg_id":7}',
    '{"mail_address":"task","msg_id":7}',
    "",
  ])("of no group is success: %s", (body) => {
    const exchange = opened("ack", ack, body);
    expect(exchange.operation).toBeUndefined();
    expect(text(exchange.succeed([]))).toBe('{"error":"","acked":[]}');
  });

  it.each([
    [
      '{"group_name":"g","mail_address":"other","msg_id":7}',
      "invalid MSG.ACK payload: mail_address must be the mailbox that the subject names",
    ],
    [
      '{"group_name":"","mail_address":"other"}',
      "invalid MSG.ACK payload: mail_address must be the mailbox that the subject names",
    ],
    ['{"group_name":"g"}', "invalid MSG.ACK payload: msg_id is missing"],
    [
      '{"group_name":"g","msg_ids":[]}',
      "invalid MSG.ACK payload: msg_ids must be a list of 1 to 1000 numbers",
    ],
    [
      '{"group_name":"g","msg_ids":7}',
      "invalid MSG.ACK payload: msg_ids must be a list of 1 to 1000 numbers",
    ],
    [
      `{"group_name":"g","msg_ids":[${Array.from({ length: 1001 }, (_, i) => i).join()}]}`,
      "invalid MSG.ACK payload: msg_ids must be a list of 1 to 1000 numbers",
    ],
    [
      '{"group_name":"g","msg_ids":[1,"2"]}',
      "invalid MSG.ACK payload: msg_ids must hold whole numbers from 0",
    ],
    [
      '{"group_name":"g","msg_ids":[1],"msg_id":1}',
      "invalid MSG.ACK payload: msg_ids and msg_id exclude each other",
    ],
    [
      '{"group_name":"g","msg_ids":[1],"ack_mode":"batch"}',
      "invalid MSG.ACK payload: msg_ids are acknowledged each by itself: ack_mode must be 'one'",
    ],
    ['{"group_name":"g","msg_id":-1}', "invalid msg_id: -1"],
    ['{"group_name":"g","msg_id":1.5}', "invalid msg_id: 1.5"],
    ['{"group_name":"g","msg_id":1e300}', "invalid msg_id: 1e+300"],
    ['{"group_name":"g","msg_id":"07"}', "invalid msg_id: 07"],
    ['{"group_name":"g","msg_id":[7]}', "invalid msg_id: it must be a number"],
    [
      '{"group_name":"g","msg_id":7,"ack_mode":"all"}',
      "invalid MSG.ACK payload: ack_mode must be 'one' or 'batch'",
    ],
  ])("%s is refused: %s", (body, error) => {
    expect(JSON.parse(refusal(ack, body))).toEqual({ error, code: 400, reason: "invalid" });
  });

  it("says of a missing mailbox what published readers look for", () => {
    const { fail } = opened("ack", ack, '{"group_name":"g","msg_id":7}');
    expect(json(fail(mailboxNotFound("task")))).toEqual({
      error: "mailbox not found: task",
      code: 404,
      reason: "not_found",
    });
    expect(json(fail(mailboxExpired("task")))["reason"]).toBe("expired");
    expect(json(fail(new Mq9Error("not_delivered", "never")))["code"]).toBe(404);
  });
});

describe("NACK and EXTEND", () => {
  it("hand a message back, at once, later or for good", () => {
    const plain = opened("nack", nack, '{"group_name":"g","msg_id":7}');
    expect(plain.operation).toMatchObject({ mailbox: "task", group: "g", msgId: 7, poison: false });
    expect(plain.operation.delayMs).toBeUndefined();
    expect(plain.operation.unseen).toBe(false);
    const unseen = '{"group_name":"g","msg_id":7,"unseen":true}';
    expect(opened("nack", nack, unseen).operation.unseen).toBe(true);
    expect(text(plain.succeed())).toBe('{"error":""}');
    const body =
      '{"group_name":"g","msg_id":7,"delay_ms":1500,"poison":true,"reason":"no","delivery_count":2}';
    expect(opened("nack", nack, body).operation).toEqual({
      unseen: false,
      mailbox: "task",
      group: "g",
      msgId: 7,
      delayMs: 1500,
      poison: true,
      reason: "no",
      deliveryCount: 2,
    });
  });

  it("move the end of a lease", () => {
    const exchange = opened("extend", extend, '{"group_name":"g","msg_id":7,"ack_wait_ms":60000}');
    expect(exchange.operation).toMatchObject({ group: "g", msgId: 7, leaseMs: 60_000 });
    expect(text(exchange.succeed(1_700_000_000_123))).toBe(
      '{"error":"","lease_ends_at_ms":1700000000123}',
    );
  });

  it.each([
    [nack, '{"msg_id":7}', "invalid MSG.NACK payload: group_name is missing"],
    [nack, '{"group_name":"","msg_id":7}', "invalid MSG.NACK payload: group_name is missing"],
    [nack, '{"group_name":"g"}', "invalid MSG.NACK payload: msg_id is missing"],
    [
      nack,
      '{"group_name":"g","msg_id":7,"delay_ms":-1}',
      "invalid MSG.NACK payload: delay_ms must be a whole number from 0 to 2592000000",
    ],
    [
      nack,
      `{"group_name":"g","msg_id":7,"reason":"${"x".repeat(1025)}"}`,
      "invalid MSG.NACK payload: reason must be at most 1024 characters",
    ],
    [
      nack,
      '{"group_name":"g","msg_id":7,"mail_address":"other"}',
      "invalid MSG.NACK payload: mail_address must be the mailbox that the subject names",
    ],
    [extend, '{"msg_id":7}', "invalid MSG.EXTEND payload: group_name is missing"],
    [
      extend,
      '{"group_name":"g","msg_id":7,"ack_wait_ms":10}',
      "invalid MSG.EXTEND payload: ack_wait_ms must be a whole number from 1000 to 43200000",
    ],
  ])("are refused: %o %s", (command, body, error) => {
    expect(JSON.parse(refusal(command, body))).toMatchObject({ error, code: 400 });
  });
});

describe("the answer to a pushed message", () => {
  const target: Extract<PublishTarget, { kind: "settle" }> = {
    kind: "settle",
    generation: 2,
    mailbox: "task",
    group: "g",
    msgId: 7,
    deliveryCount: 2,
  };
  const place = { mailbox: "task", group: "g", msgId: 7 };

  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ["", "ack", { ...place, mode: "one" }],
    ["+ACK", "ack", { ...place, mode: "one" }],
    ["-NAK", "nack", { ...place, deliveryCount: 2 }],
    ["-NAK {}", "nack", { ...place, deliveryCount: 2 }],
    ['-NAK {"delay":1500}', "nack", { ...place, deliveryCount: 2, delayMs: 1500 }],
    ['-NAK{"delay":1500}', "nack", { ...place, deliveryCount: 2, delayMs: 1500 }],
    ["+WPI", "extend", { ...place, deliveryCount: 2 }],
    ["+TERM", "nack", { ...place, deliveryCount: 2, poison: true }],
    [
      "+TERM no such file",
      "nack",
      { ...place, deliveryCount: 2, poison: true, reason: "no such file" },
    ],
  ])("%j is %s", (word, op, operation) => {
    const exchange = openSettlement(target, encodeText(word));
    expect(exchange.op).toBe(op);
    expect(JSON.parse(JSON.stringify(exchange.operation))).toEqual(operation);
  });

  it.each([
    "+NAK",
    "-ACK",
    "+ACK now",
    "ack",
    "{}",
    '-NAK {"delay":"x"}',
    "-NAK later",
    "+WPI 1",
    " ",
  ])("%j is refused", (word) => {
    const exchange = openSettlement(target, encodeText(word));
    expect(exchange.op).toBe("refused");
  });

  it("that is not UTF-8 is refused", () => {
    expect(openSettlement(target, Uint8Array.of(0xff)).op).toBe("refused");
  });
});
