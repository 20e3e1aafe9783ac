import {
  type DeadLetter,
  type MailMessage,
  neverMs,
  type PriorityLabel,
  priorityLabels,
  rankOf,
} from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import type { View } from "./dialect.ts";
import { readSendHeaders } from "./msg/send-headers.ts";
import { deliveryHeaders, render } from "./render.ts";

function message(label: PriorityLabel, mailbox = "m-1"): MailMessage {
  return {
    msgId: 7,
    mailbox,
    rank: rankOf(label),
    label,
    createdAtMs: 1_700_000_000_999,
    expiresAtMs: neverMs,
    key: undefined,
    headers: undefined,
    payload: Uint8Array.of(1, 2, 3),
  };
}

describe("delivered subjects", () => {
  it.each<[View["form"], string, string[]]>([
    ["inbox", "INBOX.m-1.", ["urgent", "urgent", "urgent", "normal", "notify", "notify"]],
    ["direct", "MAILBOX.m-1.", ["high", "high", "high", "normal", "low", "low"]],
    ["mailbox", "MAILBOX.MSG.m-1.", ["critical", "urgent", "high", "normal", "low", "notify"]],
  ])("of the %s form speak its words", (form, prefix, words) => {
    const subjects = priorityLabels.map(
      (label) => render({ form, bare: false }, message(label)).subject,
    );
    expect(subjects).toEqual(words.map((word) => `$mq9.AI.${prefix}${word}`));
  });

  it("carry no priority where the subscription named none", () => {
    const subject = (form: View["form"]): string =>
      render({ form, bare: true }, message("low")).subject;
    expect(subject("mailbox")).toBe("$mq9.AI.MAILBOX.MSG.m-1");
    expect(subject("inbox")).toBe("$mq9.AI.INBOX.m-1");
  });

  it("of a channel are the subject it was published on", () => {
    const stored = message("normal", "BROADCAST.pipeline.complete");
    expect(render({ form: "channel", bare: true }, stored).subject).toBe(
      "$mq9.AI.BROADCAST.pipeline.complete",
    );
  });

  it("leave the body alone, to the very bytes", () => {
    const one = message("urgent");
    for (const form of ["inbox", "direct", "mailbox", "channel"] as const) {
      expect(render({ form, bare: false }, one).payload).toBe(one.payload);
    }
  });
});

describe("delivery headers", () => {
  const lines = "mq9-msg-id: 7\r\nmq9-priority: high\r\nmq9-mail-id: m-1\r\nmq9-ts: 1700000000\r\n";

  it("name the message, its mailbox, its sender's word and its second", () => {
    expect(deliveryHeaders(message("high"), false)).toBe(lines);
  });

  it("tell a replayed message", () => {
    expect(deliveryHeaders(message("high"), true)).toBe(`${lines}mq9-replay: 1\r\n`);
  });

  it("tell key, tags, sender and delivery, where there are any", () => {
    const told = { key: "k 1", tags: ["a", "b"], from: "alice", deliveryCount: 3 };
    expect(deliveryHeaders({ ...message("high"), ...told }, false)).toBe(
      `${lines}mq9-key: k 1\r\nmq9-tags: a,b\r\nmq9-from: alice\r\nmq9-delivery-count: 3\r\n`,
    );
  });

  it("keep the key to themselves by which a mailbox holds only its newest message", () => {
    expect(deliveryHeaders({ ...message("high"), key: "\0latest" }, false)).toBe(lines);
  });

  it("tell why a letter is dead", () => {
    const dead: DeadLetter = {
      mailbox: "m-1",
      msgId: 4,
      group: "workers",
      deliveries: 20,
      cause: "poison",
      reason: "no such\r\nmq9-from: mallory",
      atMs: 1,
    };
    expect(deliveryHeaders({ ...message("high"), dead }, false)).toBe(
      `${lines}mq9-dead-mailbox: m-1\r\nmq9-dead-msg-id: 4\r\nmq9-dead-group: workers\r\nmq9-dead-cause: poison\r\nmq9-dead-deliveries: 20\r\nmq9-dead-reason: no such  mq9-from: mallory\r\n`,
    );
  });

  it("can be set by the broker alone", () => {
    const dead = { mailbox: "m", msgId: 1, group: "g", deliveries: 1, cause: "poison", atMs: 1 };
    const own = { key: "k", tags: ["t"], from: "f", deliveryCount: 2, leaseEndsAtMs: 1 };
    const every = { ...message("high"), ...own, dead: { ...dead, reason: "r" } as DeadLetter };
    const forged = new TextEncoder().encode(`NATS/1.0\r\n${deliveryHeaders(every, true)}\r\n`);
    const kept = readSendHeaders(forged).headers;
    // All that is left of them: that there was a message before.
    expect(new TextDecoder().decode(kept)).toBe("NATS/1.0\r\nmq9-hops: 2\r\n\r\n");
  });
});
