import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Audit, type AuditActor, type AuditEvent } from "./audit.ts";

const by: AuditActor = { account: "A", user: "ann", client: 7, address: "127.0.0.1", name: "n" };

describe("an audit", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("stamps what it is told", () => {
    const kept: AuditEvent[] = [];
    const audit = new Audit(
      (event) => kept.push(event),
      () => 12,
    );
    audit.tell({ kind: "mailbox.dropped", by, mailbox: "orders" });
    expect(kept).toEqual([{ kind: "mailbox.dropped", by, mailbox: "orders", atMs: 12 }]);
  });

  test("leaves out what strangers cause too often, of that kind alone, and says how much", () => {
    const kept: AuditEvent[] = [];
    const audit = new Audit((event) => kept.push(event));
    for (let at = 0; at < 80; at++) {
      audit.tell({ kind: "auth.failed", reason: "credentials", client: at, address: "::1" });
    }
    audit.tell({ kind: "auth.ok", by });
    expect(kept.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 50 }, () => "auth.failed"),
      "auth.ok",
    ]);
    vi.advanceTimersByTime(1_000);
    expect(kept.at(-1)).toMatchObject({ kind: "audit.omitted", of: "auth.failed", count: 30 });
    audit.tell({ kind: "auth.failed", reason: "timeout", client: 1, address: "::1" });
    expect(kept.at(-1)).toMatchObject({ kind: "auth.failed", reason: "timeout" });
    audit.settle();
    expect(kept.at(-1)).toMatchObject({ kind: "auth.failed" });
  });

  test("cleans every string, wherever it stands", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        const kept: AuditEvent[] = [];
        const audit = new Audit((event) => kept.push(event));
        audit.tell({ kind: "mailbox.created", by: { ...by, name: text }, mailbox: text });
        audit.settle();
        const [event] = kept;
        const shown = JSON.stringify(event);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(shown.length).toBeLessThan(6_000);
      }),
    );
  });

  test("shows digests of names that are as good as keys", () => {
    const kept: AuditEvent[] = [];
    const audit = new Audit((event) => kept.push(event));
    const secret = "m-3c9a1c1e-8f0a-4b52-9c1f-0a1b2c3d4e5f";
    audit.tell({ kind: "mailbox.created", by, mailbox: secret });
    const subject = `$mq9.AI.MSG.FETCH.${secret}`;
    audit.tell({ kind: "permission.refused", by, operation: "publish", subject });
    audit.tell({ kind: "mailbox.created", by, mailbox: "abcdefghijklmnopqrstuvwxy2" });
    const shown = JSON.stringify(kept);
    expect(shown).not.toContain("8f0a-4b52");
    expect(shown).not.toContain("abcdefghij");
    const digest = /m-#([0-9a-f]{12})"/.exec(shown)?.[1];
    expect(shown).toContain(`$mq9.AI.MSG.FETCH.m-#${digest}`);
  });
});
