import { describe, expect, it } from "vitest";
import { closest } from "./closest.ts";

describe("closest", () => {
  const words = ["port", "max_payload", "max_pending", "ttl", "tap"];

  it.each([
    ["prot", "port"],
    ["max_paylod", "max_payload"],
    ["max_pendign", "max_pending"],
    ["ports", "port"],
    ["tll", "ttl"],
  ])("takes %s for %s", (given, meant) => {
    expect(closest(given, words)).toBe(meant);
  });

  it.each(["", "x", "limits", "wholly_different"])("finds nothing near %j", (given) => {
    expect(closest(given, words)).toBeUndefined();
  });
});
