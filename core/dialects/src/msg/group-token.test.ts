import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupOfToken, groupToken } from "./group-token.ts";

describe("a group's name in a subject", () => {
  it.each([
    ["workers", "=workers"],
    ["a2a.workers", "=a2a=2Eworkers"],
    ["my group", "=my=20group"],
    ["ü", "==C3=BC"],
    ["a=b", "=a=3Db"],
    ["*", "==2A"],
  ])("%s is %s", (group, token) => {
    expect(groupToken(group)).toBe(token);
    expect(groupOfToken(groupToken(group))).toBe(group);
  });
});

describe("any group", () => {
  it("comes back as it was, from one token that no mailbox's name can be part of", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (group) => {
        const token = groupToken(group);
        expect(token).toMatch(/^=[A-Za-z0-9_=-]+$/);
        expect(groupOfToken(token)).toBe(group);
      }),
    );
  });

  it("is written in one way only", () => {
    for (const token of [
      "",
      "=",
      "g",
      "=g=",
      "=g=2",
      "=g=2e",
      "=g=67",
      "=g.h",
      "=g h",
      "==C3",
      "==FF",
    ]) {
      expect(groupOfToken(token)).toBeUndefined();
    }
  });
});
