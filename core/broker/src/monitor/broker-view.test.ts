import type { Mailboxes } from "@mq9/mailbox";
import { expect, test, vi } from "vitest";
import type { DiskGuard } from "../disk-guard.ts";
import { Meters } from "../meters.ts";
import { BrokerView, type ViewParts } from "./broker-view.ts";

function viewOf(more: Partial<ViewParts> = {}): { view: BrokerView; meters: Meters } {
  const meters = new Meters();
  const parts: Partial<ViewParts> = {
    meters,
    guard: { full: false } as DiskGuard,
    state: () => "running",
    ...more,
  };
  return { view: new BrokerView(parts as ViewParts), meters };
}

test("a running broker with room on its disk is ready", () => {
  expect(viewOf().view.readiness).toEqual({ ready: true });
});

test.each([
  ["starting", "the store is being opened"],
  ["recovering", "the disk was full: the store is being verified"],
  ["failed", "the store failed: the broker has to be started again"],
  ["stopping", "the broker is shutting down"],
])("one that is %s is not", (state, reason) => {
  const { view } = viewOf({ state: () => state });
  expect(view.readiness).toEqual({ ready: false, reason });
});

test("nor is one whose disk is nearly full", () => {
  const { view } = viewOf({ guard: { full: true } as DiskGuard });
  expect(view.readiness).toMatchObject({ ready: false, reason: expect.stringContaining("full") });
});

test("nor one whose disk does not finish a write, until it does", () => {
  const { view, meters } = viewOf();
  meters.commitBegan(1);
  expect(view.readiness.ready).toBe(true);
  meters.commitSinceMs = performance.now() - 7_000;
  const reason = "the disk has not finished a write for 7 s";
  expect(view.readiness).toEqual({ ready: false, reason });
  meters.commitEnded(true);
  expect(view.readiness.ready).toBe(true);
});

test("a wrong clock is borne for ten minutes", () => {
  const { view } = viewOf();
  const since = performance.now();
  view.clockSuspected(true);
  expect(view.readiness.ready).toBe(true);
  const now = vi.spyOn(performance, "now").mockReturnValue(since + 601_000);
  expect(view.readiness).toMatchObject({ reason: expect.stringContaining("clock") });
  view.clockSuspected(false);
  expect(view.readiness.ready).toBe(true);
  now.mockRestore();
});

test("what lies in all accounts is added up", () => {
  const storedByAccount = new Map([
    ["A", { mailboxes: 1, messages: 2, bytes: 3 }],
    ["B", { mailboxes: 10, messages: 20, bytes: 30 }],
  ]);
  const { view } = viewOf({ mailboxes: { storedByAccount } as unknown as Mailboxes });
  expect(view.stored).toEqual({ mailboxes: 11, messages: 22, bytes: 33 });
});
