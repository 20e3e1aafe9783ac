import { describe, expect, test } from "vitest";
import { createPermissions } from "./identity.ts";
import { ResponseGrants } from "./response-grants.ts";

describe("publishing", () => {
  const permissions = createPermissions({ publish: { allow: ["foo.>"], deny: ["foo.secret"] } });
  test.each([
    ["foo.a", true],
    ["foo.a.b", true],
    ["foo.secret", false],
    ["foo", false],
    ["bar", false],
    ["foo.*", true],
  ])("to %s: %s", (subject, allowed) => {
    expect(permissions.canPublish(subject)).toBe(allowed);
  });

  test("without lists everything is allowed, with leave to answer nothing else is", () => {
    expect(createPermissions({}).canPublish("x")).toBe(true);
    expect(createPermissions({ publish: { deny: ["x"] } }).canPublish("y")).toBe(true);
    expect(createPermissions({ allowResponses: true }).canPublish("x")).toBe(false);
    expect(createPermissions({ publish: { allow: [] } }).canPublish("x")).toBe(false);
  });
});

describe("subscribing", () => {
  const permissions = createPermissions({
    subscribe: { allow: ["bar.>", "one.*", "q A", "v v1.>"], deny: ["bar.no", "bar.closed.>"] },
  });
  test.each([
    ["bar.x", "", true],
    ["bar.*", "", true],
    ["bar.>", "", true],
    ["bar.no", "", false],
    ["bar.closed.a", "", false],
    ["bar.closed.>", "", false],
    ["one.*", "", true],
    ["one.>", "", false],
    [">", "", false],
    ["q", "A", true],
    ["q", "", false],
    ["q", "B", false],
    ["v", "v1.x", true],
    ["v", "v2", false],
    ["bar.x", "any", true],
  ])("to %s in queue %j: %s", (subject, queue, allowed) => {
    expect(permissions.canSubscribe(subject, queue)).toBe(allowed);
  });

  test("an entry with a queue binds all queues on its subject", () => {
    const rules = {
      subscribe: { allow: ["foo", "foo v1", "foo v1.>", "foo *.dev"], deny: ["> *.prod"] },
    };
    const permissions = createPermissions(rules);
    const queues = ["", "v1", "v1.a", "x.dev", "v2", "v1.prod"];
    expect(queues.filter((queue) => permissions.canSubscribe("foo", queue))).toEqual([
      "",
      "v1",
      "v1.a",
      "x.dev",
    ]);
  });

  test("what an allowed pattern overlaps but may not see is left out at delivery", () => {
    const filter = permissions.filterFor("bar.*", "");
    expect(filter?.("bar.no")).toBe(false);
    expect(filter?.("bar.yes")).toBe(true);
    expect(permissions.filterFor("one.*", "")).toBeUndefined();
  });
});

describe("leave to answer", () => {
  test("is used up, ends in time, and belongs to one reply subject", () => {
    let nowMs = 0;
    const grants = new ResponseGrants({ messagesMax: 2, ttlMs: 100 }, () => nowMs);
    grants.grant("r");
    expect([grants.use("x"), grants.use("r"), grants.use("r"), grants.use("r")]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    grants.grant("r");
    nowMs = 101;
    expect(grants.use("r")).toBe(false);
  });

  test("is bounded: the oldest goes first", () => {
    const grants = new ResponseGrants({ messagesMax: 1, ttlMs: 0 }, () => 0);
    for (let at = 0; at <= 16_384; at += 1) grants.grant(`r.${at}`);
    expect([grants.use("r.0"), grants.use("r.1"), grants.use("r.16384")]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
