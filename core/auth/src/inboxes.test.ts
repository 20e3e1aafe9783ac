import { createPermissions } from "@mq9/router";
import { describe, expect, it } from "vitest";
import { withPrivateInboxes } from "./inboxes.ts";

const nuid = "Zk3qT8vB1xYp0mN5cR7wLd";

describe("private inboxes", () => {
  const free = withPrivateInboxes(undefined);

  it.each([
    "_INBOX.>",
    "_INBOX.*",
    "_INBOX.*.*",
    "_INBOX.*.>",
    `_INBOX.*.${nuid}`,
    "_INBOX.short.*",
    "_INBOX.fifteen-letters.>",
    "_INBOX.a.b.c.d.e.f.g.*",
    "_INBOX_alice.>",
    "_INBOX_alice.*",
  ])("refuses %s", (subject) => {
    expect(free.canSubscribe(subject, "")).toBe(false);
    expect(free.canSubscribe(subject, "workers")).toBe(false);
  });

  it.each([
    `_INBOX.${nuid}`,
    `_INBOX.${nuid}.*`,
    `_INBOX.${nuid}.>`,
    `_INBOX.${nuid}.1`,
    "_INBOX.sixteen-letters-.*",
    "_INBOX.my.own.service.inbox.*",
    `_INBOX_alice.${nuid}.*`,
    "_INBOX.reply",
    "_INBOX",
    "_INBOXES.>",
    "answers.>",
    ">",
    "*.>",
  ])("accepts %s", (subject) => {
    expect(free.canSubscribe(subject, "")).toBe(true);
  });

  it.each([">", "*", "*.*", "*.>", `*.${nuid}.*`])("leaves inboxes out of %s", (subject) => {
    const filter = free.filterFor(subject, "");
    expect(filter?.(`_INBOX.${nuid}.1`)).toBe(false);
    expect(filter?.(`_INBOX_alice.${nuid}`)).toBe(false);
    expect(filter?.("orders.paid")).toBe(true);
  });

  it("leaves all other patterns unfiltered", () => {
    expect(free.filterFor("orders.*", "")).toBeUndefined();
    expect(free.filterFor(`_INBOX.${nuid}.*`, "")).toBeUndefined();
  });

  it("does not make up for what the rules refuse, nor for what they leave out", () => {
    const bound = withPrivateInboxes(
      createPermissions({
        publish: { deny: ["closed"] },
        subscribe: { allow: [">"], deny: ["secret.*"] },
      }),
    );
    expect(bound.canPublish("closed")).toBe(false);
    expect(bound.canPublish("open")).toBe(true);
    expect(bound.canSubscribe("secret.*", "")).toBe(false);
    expect(bound.filterFor(">", "")?.("secret.a")).toBe(false);
    expect(bound.filterFor("secret.>", "")?.("secret.a")).toBe(false);
    expect(bound.filterFor("secret.>", "")?.("secret.a.b")).toBe(true);
  });

  it("keeps the shared prefix private although the rules allow it", () => {
    const bound = withPrivateInboxes(
      createPermissions({ subscribe: { allow: ["tasks.>", "_INBOX.>"] } }),
    );
    expect(bound.canSubscribe("_INBOX.>", "")).toBe(false);
    expect(bound.canSubscribe(`_INBOX.${nuid}.*`, "")).toBe(true);
  });

  it("gives a prefix to whoever's rules name it", () => {
    const alice = withPrivateInboxes(
      createPermissions({ subscribe: { allow: ["_INBOX_alice.>"] } }),
    );
    expect(alice.canSubscribe("_INBOX_alice.>", "")).toBe(true);
    expect(alice.canSubscribe("_INBOX_bob.>", "")).toBe(false);
    expect(alice.canSubscribe("_INBOX_alicia.>", "")).toBe(false);
  });
});
