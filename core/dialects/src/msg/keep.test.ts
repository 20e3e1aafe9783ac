import { type MailboxDetail, Mq9Error, mailboxNotFound, neverMs } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import { json, message, opened, refusal, text } from "../testing/exchanges.ts";

const gone = new Mq9Error("message_not_found", "message 17 was deleted");

describe("DELETE", () => {
  const at = (number: string) => ({ verb: "discard", mailbox: "task", number }) as const;

  it.each(["", "{}", '""', "what clients send is not read"])("reads no body: %j", (body) => {
    const exchange = opened("discard", at("17"), body);
    expect(exchange.operation).toEqual({ mailbox: "task", msgId: 17 });
    expect(text(exchange.succeed())).toBe('{"error":"","deleted":true}');
  });

  it("says that a message or its mailbox is not there", () => {
    const { fail } = opened("discard", at("17"));
    expect(text(fail(gone))).toBe(
      '{"error":"message not found","code":404,"reason":"message_not_found","deleted":false}',
    );
    expect(text(fail(mailboxNotFound("task")))).toBe(
      '{"error":"mailbox task does not exist","code":404,"reason":"not_found","deleted":false}',
    );
  });

  it.each(["x", "-1", "01", "1.5", "9007199254740993", "\u00c3\u00bc"])("refuses %s", (number) => {
    const shown = number === "\u00c3\u00bc" ? "ü" : number;
    expect(JSON.parse(refusal(at(number), ""))).toEqual({
      error: `invalid msg_id: ${shown}`,
      code: 400,
      reason: "invalid",
      deleted: false,
    });
  });
});

describe("RECEIPT", () => {
  it("tells of every group", () => {
    const exchange = opened("receipt", { verb: "receipt", mailbox: "task", number: "7" });
    const groups = [
      { group: "w", state: "leased", deliveryCount: 2, untilMs: 1_700_000_030_000 } as const,
      { group: "v", state: "waiting", deliveryCount: 0, untilMs: undefined } as const,
    ];
    expect(json(exchange.succeed({ state: "stored", read: true, groups }))).toEqual({
      error: "",
      msg_id: 7,
      state: "stored",
      read: true,
      groups: [
        { group_name: "w", state: "leased", delivery_count: 2, until_ms: 1_700_000_030_000 },
        { group_name: "v", state: "waiting", delivery_count: 0 },
      ],
    });
    expect(json(exchange.fail(gone))).toMatchObject({ error: "message not found", groups: [] });
  });
});

describe("SCHEDULED and CANCEL", () => {
  const scheduled = { verb: "scheduled", mailbox: "task" } as const;

  it("list what is not visible yet, by the id that takes it back", () => {
    const exchange = opened("scheduled", scheduled, '{"after_id":255,"limit":2}');
    expect(exchange.operation).toEqual({ mailbox: "task", afterId: 255, limit: 2 });
    expect(opened("scheduled", scheduled).operation).toEqual({
      mailbox: "task",
      afterId: -1,
      limit: 100,
    });
    const row = {
      scheduledId: 512,
      visibleAtMs: 1_700_000_002_000,
      message: message({ msgId: 512 }),
    };
    expect(json(exchange.succeed([row]))).toEqual({
      error: "",
      scheduled: [
        {
          scheduled_id: 512,
          visible_at: 1_700_000_002,
          visible_at_ms: 1_700_000_002_000,
          msg_id: -1,
          payload: "hello",
          payload_encoding: "utf8",
          priority: "normal",
          header: null,
          headers: {},
          create_time: 1_700_000_000,
        },
      ],
    });
  });

  it("take one back", () => {
    const exchange = opened("cancel", { verb: "cancel", mailbox: "task", number: "512" });
    expect(exchange.operation).toEqual({ mailbox: "task", scheduledId: 512 });
    expect(text(exchange.succeed())).toBe('{"error":"","canceled":true}');
    expect(json(exchange.fail(gone))).toMatchObject({
      error: "message not found",
      canceled: false,
    });
    expect(refusal({ verb: "cancel", mailbox: "task", number: "x" }, "")).toContain(
      '"error":"invalid scheduled_id: x"',
    );
  });
});

describe("PURGE and REDRIVE", () => {
  it("count what they did", () => {
    const purge = opened("purge", { verb: "purge", mailbox: "task" }, '{"before_id":10}');
    expect(purge.operation).toEqual({ mailbox: "task", beforeId: 10 });
    expect(text(purge.succeed(3))).toBe('{"error":"","purged":3}');
    const redrive = opened("redrive", { verb: "redrive", mailbox: "task" }, '{"msg_id":4}');
    expect(redrive.operation).toEqual({ mailbox: "task", msgId: 4, limit: 100 });
    expect(text(redrive.succeed(1))).toBe('{"error":"","redriven":1}');
  });

  it("refuse what makes no sense", () => {
    expect(refusal({ verb: "purge", mailbox: "task" }, '{"before_id":-1}')).toContain('"purged":0');
    expect(refusal({ verb: "redrive", mailbox: "task" }, '{"limit":"all"}')).toContain(
      '"redriven":0',
    );
  });
});

describe("mailboxes themselves", () => {
  const detail: MailboxDetail = {
    name: "task",
    kind: "standard",
    public: true,
    desc: undefined,
    ttlSeconds: 60,
    createdAtMs: 1_700_000_000_999,
    expiresAtMs: 1_700_000_060_999,
    messages: 3,
    bytes: 15,
    scheduled: 1,
    nextId: 9,
    groups: [{ group: "w", leased: 1, deferred: 0, unsettled: 2, waiting: 1, deliveriesMax: 20 }],
  };
  const facts = {
    mail_id: "task",
    mail_address: "task",
    type: "standard",
    public: true,
    desc: "",
    ttl: 60,
    create_time: 1_700_000_000,
    expires_at: 1_700_000_060,
  };

  it("are described", () => {
    const info = opened("info", { verb: "info", mailbox: "task" }, "not read");
    expect(json(info.succeed(detail))).toEqual({
      error: "",
      ...facts,
      messages: 3,
      bytes: 15,
      scheduled: 1,
      next_id: 9,
      groups: [
        { group_name: "w", leased: 1, deferred: 0, unsettled: 2, waiting: 1, max_deliver: 20 },
      ],
    });
    expect(json(info.fail(mailboxNotFound("task")))).toMatchObject({ mail_address: "" });
  });

  it("are renewed and dropped", () => {
    const renew = opened("renew", { verb: "renew", mailbox: "task" }, '{"ttl":0}');
    expect(renew.operation).toEqual({ mailbox: "task", ttlSeconds: 0 });
    expect(json(renew.succeed({ ...detail, ttlSeconds: 0, expiresAtMs: neverMs }))).toEqual({
      error: "",
      ...facts,
      ttl: 0,
      expires_at: null,
    });
    expect(refusal({ verb: "renew", mailbox: "task" }, "{}")).toContain("ttl is missing");
    expect(refusal({ verb: "renew", mailbox: "task" }, '{"ttl":31536001}')).toContain("31536000");
    const drop = opened("drop", { verb: "drop", mailbox: "task" });
    expect(text(drop.succeed())).toBe('{"error":"","dropped":true}');
  });

  it("are listed page by page, all of them only to whom everything may be shown", () => {
    const command = { verb: "mailboxes" } as const;
    const exchange = opened("mailboxes", command, '{"after":"a","limit":1}');
    expect(exchange.operation).toEqual({ request: { after: "a", limit: 2 }, publicOnly: true });
    expect(json(exchange.succeed([detail, detail]))).toEqual({
      error: "",
      mailboxes: [facts],
      more: true,
    });
    expect(json(exchange.succeed([detail]))).toEqual({ error: "", mailboxes: [facts] });
    const all = opened("mailboxes", command, "", { options: { allowTap: true } });
    expect(all.operation).toEqual({ request: { after: "", limit: 101 }, publicOnly: false });
  });
});
