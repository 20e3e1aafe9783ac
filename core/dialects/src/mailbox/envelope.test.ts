import { type MailMessage, neverMs } from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { envelope, needsEnvelope } from "./envelope.ts";

function message(payload: Uint8Array): MailMessage {
  return {
    msgId: 42,
    mailbox: "agent-b-inbox",
    rank: 1,
    label: "urgent",
    createdAtMs: 1_700_000_000_500,
    expiresAtMs: neverMs,
    key: undefined,
    headers: undefined,
    payload,
  };
}

describe("envelope", () => {
  it("holds the message in the fields its reader knows", () => {
    const bytes = envelope(message(Uint8Array.of(0x80, 0xff, 0x00, 0x41)));
    expect(new TextDecoder().decode(bytes)).toBe(
      '{"msg_id":"42","mail_id":"agent-b-inbox","priority":"urgent","ts":1700000000,"payload":"gP8AQQ=="}',
    );
  });

  it("brings any payload back whole", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (payload) => {
        const wrapped = JSON.parse(new TextDecoder().decode(envelope(message(payload)))) as {
          payload: string;
        };
        expect(wrapped.payload).toBe(Buffer.from(payload).toString("base64"));
      }),
    );
  });

  it("leaves an empty payload empty", () => {
    expect(envelope(message(new Uint8Array(0)))).toHaveLength(0);
  });
});

describe("needsEnvelope", () => {
  const python = { clientName: "robustmq-mq9-python", generation: undefined };

  it("is for one client and its own subjects", () => {
    expect(needsEnvelope(python, { form: "mailbox", bare: false })).toBe(true);
    expect(needsEnvelope(python, { form: "mailbox", bare: true })).toBe(true);
    expect(needsEnvelope(python, { form: "inbox", bare: false })).toBe(false);
    expect(needsEnvelope(python, { form: "directory", bare: true })).toBe(false);
    expect(needsEnvelope({ ...python, clientName: "" }, { form: "mailbox", bare: false })).toBe(
      false,
    );
    expect(needsEnvelope({ clientName: "x", generation: 1 }, { form: "mailbox", bare: true })).toBe(
      false,
    );
  });
});
