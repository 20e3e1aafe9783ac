import { inspect } from "node:util";
import type { MailMessage } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import { blockOfLines } from "./headers.ts";
import { Message, type MessageContext, partsOf } from "./message.ts";

function message(
  payload: string,
  more: Partial<MailMessage> = {},
  context: MessageContext = {},
): Message {
  const mail: MailMessage = {
    ...{ msgId: 7, mailbox: "box", rank: 2, label: "normal", createdAtMs: 1_700_000_000_000 },
    ...{ expiresAtMs: 0xffff_ffff_ffff, key: undefined, headers: undefined },
    payload: new TextEncoder().encode(payload),
    ...more,
  };
  return new Message(partsOf(mail), context);
}

describe("a message", () => {
  it("reads the same as text, JSON and value", () => {
    const made = message('{"desc":"a box","mail_id":"other"}');
    expect(made.text()).toBe('{"desc":"a box","mail_id":"other"}');
    expect(made.json<{ desc: string }>().desc).toBe("a box");
    expect(made.value).toEqual({ desc: "a box", mail_id: "other" });
    expect(made.desc).toBe("a box");
    expect(made.mailId).toBe("box");
    expect(message("plain").value).toBe("plain");
    expect(message("plain").desc).toBeUndefined();
    expect(() => message("plain").json()).toThrow(/is no JSON/);
  });

  it("of the directory is about the mailbox that is announced", () => {
    const entry = message('{"mail_id":"reviewer","desc":"reviews"}', { mailbox: "$SYSTEM.PUBLIC" });
    expect(entry).toMatchObject({ mailId: "reviewer", desc: "reviews", mailbox: "$SYSTEM.PUBLIC" });
  });

  it("tells what its headers say", () => {
    const headers = blockOfLines([
      ["Mq9-Reply-To", "asker"],
      ["correlation-id", "c1"],
      ["traceparent", "00-1"],
    ]);
    expect(message("x", { headers })).toMatchObject({
      ...{ replyTo: "asker", correlationId: "c1", traceparent: "00-1" },
    });
    expect(message("x").replyTo).toBeUndefined();
  });

  it("without a lease says how to get one, and without a way back that there is none", async () => {
    for (const call of ["ack", "nack", "reject", "extend"] as const) {
      await expect(message("x")[call]()).rejects.toMatchObject({
        code: "not_leased",
        message: expect.stringContaining("fetch it with { group }, or use consume()") as string,
      });
    }
    await expect(message("x").reply("y")).rejects.toMatchObject({ code: "invalid" });
  });

  it("with a lease is settled through it, and knows how", async () => {
    const calls: unknown[] = [];
    const settlement = {
      group: "g",
      ack: async () => void calls.push("ack"),
      nack: async (options: object) => void calls.push(options),
      reject: async (reason: string | undefined) => void calls.push(reason),
      extend: async (leaseMs: number | undefined) => new Date(leaseMs ?? 0),
    };
    const made = message("x", {}, { settlement });
    expect(made.settled).toBeUndefined();
    await made.nack({ delayMs: 5, reason: "later" });
    expect(made.settled).toBe("returned");
    await made.reject("never");
    await made.ack();
    expect(made).toMatchObject({ settled: "acked", group: "g" });
    expect(await made.extend(9)).toEqual(new Date(9));
    expect(calls).toEqual([{ delayMs: 5, reason: "later" }, "never", "ack"]);
  });

  it("is printed as what it is", () => {
    expect(inspect(message("hello", { from: "ada" }))).toContain("from: 'ada'");
    expect(inspect(message("hello"))).toContain("text: 'hello'");
  });
});
