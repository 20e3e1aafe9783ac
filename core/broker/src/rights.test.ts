import type { MailRights } from "@mq9/auth";
import { type Grant, type Standing, verbs } from "@mq9/mailbox";
import { expect, it } from "vitest";
import { Rights, tokenDigest } from "./rights.ts";

const mail = (changes: Partial<MailRights> = {}): MailRights => ({
  mailboxes: undefined,
  sendTo: "granted",
  isOperator: false,
  ...changes,
});
const box = (name: string, grants: readonly Grant[] = []): Standing => ({
  name,
  exists: true,
  owner: "owner",
  public: false,
  grants,
});
const grant = (token: string, expiresAtMs = Number.MAX_SAFE_INTEGER): Grant => ({
  id: token,
  digest: tokenDigest(token),
  verbs: verbs.query,
  createdAtMs: 0,
  expiresAtMs,
  by: undefined,
});

it("patterns name mailboxes by the parts between their dots", () => {
  const mailboxes = { send: ["task.*", "all.>"], receive: ["one"] };
  const rights = new Rights("u", mail({ mailboxes }), () => 0);
  for (const name of ["task.1", "all.1", "all.1.2"]) {
    expect(rights.allows(verbs.send, box(name)), name).toBe(true);
  }
  for (const name of ["task", "task.1.2", "all", "one", "Task.1"]) {
    expect(rights.allows(verbs.send, box(name)), name).toBe(false);
  }
  expect(rights.allows(verbs.receive, box("one"))).toBe(true);
  expect(rights.allows(verbs.manage | verbs.receive, box("one"))).toBe(true);
  expect(rights.allows(verbs.manage, box("one"))).toBe(false);
});

it("a list of what a user manages bounds what it creates, and no list bounds nothing", () => {
  const bounded = new Rights("u", mail({ mailboxes: { manage: ["a.*"] } }), () => 0);
  expect([bounded.mayCreate("a.1"), bounded.mayCreate("b"), bounded.mayCreate(undefined)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(new Rights("u", mail({ mailboxes: {} }), () => 0).mayCreate("b")).toBe(true);
  expect(new Rights("u", mail({ mailboxes: { manage: [] } }), () => 0).mayCreate("b")).toBe(false);
});

it("a token counts for the mailbox it was shown for, as long as it is valid", () => {
  let nowMs = 0;
  const rights = new Rights("u", mail(), () => nowMs);
  const mailbox = box("a", [grant("t", 100)]);
  expect(rights.allows(verbs.query, mailbox)).toBe(false);
  rights.show("b", "t");
  expect(rights.allows(verbs.query, mailbox)).toBe(false);
  rights.show("a", "wrong");
  rights.show("a", "t");
  expect(rights.allows(verbs.query, mailbox)).toBe(true);
  expect(rights.endsAtMs).toBe(100);
  nowMs = 100;
  expect(rights.allows(verbs.query, mailbox)).toBe(false);
  rights.changed();
  expect(rights.endsAtMs).toBe(Number.POSITIVE_INFINITY);
});

it("tokens of one connection are bounded, and those shown last are kept", () => {
  const rights = new Rights("u", mail(), () => 0);
  for (let i = 0; i < 2000; i += 1) rights.show(`m${i}`, "t");
  expect(rights.hasShown("m0")).toBe(false);
  expect(rights.hasShown("m1999")).toBe(true);
  for (let i = 0; i < 2000; i += 1) rights.show("one", `t${i}`);
  expect(rights.hasShown("one")).toBe(true);
  expect(rights.allows(verbs.query, box("one", [grant("t1999")]))).toBe(true);
});

it("whoever is somebody else by now may do what that one may", () => {
  const rights = new Rights("u", mail(), () => 0);
  expect(rights.allows(verbs.manage, box("a"))).toBe(false);
  const { epoch } = rights;
  rights.become("owner", mail());
  expect(rights.epoch).toBeGreaterThan(epoch);
  expect(rights.allows(verbs.manage, box("a"))).toBe(true);
  rights.become("u", mail({ isOperator: true }));
  expect(rights.allows(verbs.manage, box("a"))).toBe(true);
});
