import type { MonitorView } from "@mq9/broker";
import { expect, test } from "vitest";
import { byAccount } from "./accounts.ts";

function viewOf(accounts: readonly string[]): MonitorView {
  const figures = { mailboxes: 1, messages: 2, bytes: 3 };
  const storedByAccount = new Map(accounts.map((name) => [name, figures]));
  return { storedByAccount } as Partial<MonitorView> as MonitorView;
}

test("the first twenty accounts have a series each, all others share one", () => {
  const names = Array.from({ length: 500 }, (_, at) => `A${at}`);
  const figures = byAccount(viewOf(names), "messages");
  expect(figures.size).toBe(21);
  expect(figures.get("A19")).toBe(2);
  expect(figures.get("other")).toBe(480 * 2);
});

test("an account of that name is counted with them", () => {
  const figures = byAccount(
    viewOf(["other", ...Array.from({ length: 25 }, (_, at) => `A${at}`)]),
    "bytes",
  );
  expect(figures.get("other")).toBe(3 + 6 * 3);
});
