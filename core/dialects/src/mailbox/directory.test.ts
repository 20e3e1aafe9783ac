import { type MailboxInfo, type MailMessage, neverMs } from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { render } from "../render.ts";
import { directoryBody, renderExpired } from "./directory.ts";

const card = '{"name":"DataAnalysisAgent","skills":[{"id":"analyze"}]}';

function info(desc: string | undefined, ttlSeconds = 86_400): MailboxInfo {
  return {
    name: "data-analysis-agent",
    kind: "standard",
    public: true,
    desc,
    ttlSeconds,
    createdAtMs: 1_700_000_000_900,
    expiresAtMs: neverMs,
  };
}

function record(payload: Uint8Array): MailMessage {
  return {
    msgId: 3,
    mailbox: "$SYSTEM.PUBLIC",
    rank: 2,
    label: "normal",
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: neverMs,
    key: "data-analysis-agent",
    headers: undefined,
    payload,
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const event = (payload: Uint8Array): string =>
  text(render({ form: "directory", bare: true }, record(payload)).payload);

describe("the directory's record", () => {
  it("tells what is known of the mailbox", () => {
    expect(text(directoryBody(info("Agent B task queue")))).toBe(
      '{"mail_id":"data-analysis-agent","mail_address":"data-analysis-agent","name":"data-analysis-agent","desc":"Agent B task queue","ttl":86400,"create_at":1700000000,"public":true}',
    );
    expect(text(directoryBody(info(undefined)))).toContain('"desc":""');
  });

  it("keeps the description to the letter and has no msg_id", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.constant(card)), (desc) => {
        const body = JSON.parse(text(directoryBody(info(desc)))) as Record<string, unknown>;
        expect(body["desc"]).toBe(desc);
        expect(Object.keys(body)).not.toContain("msg_id");
      }),
    );
  });
});

describe("the directory's events", () => {
  it("announce a mailbox in text values only", () => {
    const body = directoryBody(info(card));
    expect(render({ form: "directory", bare: true }, record(body)).subject).toBe(
      "$mq9.AI.PUBLIC.LIST",
    );
    expect(JSON.parse(event(body))).toEqual({
      event: "created",
      mail_id: "data-analysis-agent",
      mail_address: "data-analysis-agent",
      desc: card,
      ttl: "86400",
    });
  });

  it("announce an unreadable record by its key", () => {
    expect(event(Uint8Array.of(0xff))).toBe(
      '{"event":"created","mail_id":"data-analysis-agent","mail_address":"data-analysis-agent","desc":"","ttl":""}',
    );
  });

  it("tell the end of a mailbox", () => {
    const { subject, payload } = renderExpired("data-analysis-agent");
    expect(subject).toBe("$mq9.AI.PUBLIC.LIST");
    expect(text(payload)).toBe('{"event":"expired","mail_id":"data-analysis-agent"}');
  });
});
