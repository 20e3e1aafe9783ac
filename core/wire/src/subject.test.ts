import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  fromWireSubject,
  hasEmptyToken,
  hasWildcards,
  isLiteralSubject,
  isSubset,
  isValidSubject,
  overlaps,
  subjectMatches,
  toWireSubject,
} from "./subject.ts";

describe("subjects", () => {
  test.each([
    ["foo", true],
    ["foo.bar", true],
    ["foo.*", true],
    ["foo.>", true],
    [">", true],
    ["foo.*a", true],
    ["fo>o.b*r", true],
    ["f\xc3\xb6.*", true],
    ["", false],
    [".foo", false],
    ["foo.", false],
    ["foo..bar", false],
    ["foo.>.bar", false],
    ["foo\tbar", false],
    ["foo\fbar", false],
  ])("%j may be subscribed to: %s", (subject, valid) => {
    expect(isValidSubject(subject)).toBe(valid);
  });

  test("only whole tokens are wildcards", () => {
    expect(hasWildcards("foo.*")).toBe(true);
    expect(hasWildcards(">")).toBe(true);
    expect(hasWildcards("x*y.fo>")).toBe(false);
    expect(isLiteralSubject("x*y")).toBe(true);
    expect(isLiteralSubject("x.*")).toBe(false);
    expect(isLiteralSubject("x..y")).toBe(false);
  });

  test("empty tokens are found at every place", () => {
    expect(["", ".", "a.", ".a", "a..b"].every(hasEmptyToken)).toBe(true);
    expect(hasEmptyToken("a.b")).toBe(false);
  });

  test("text outside ASCII survives the way to the wire and back", () => {
    expect(fromWireSubject(toWireSubject("grüße.日本"))).toBe("grüße.日本");
    expect(toWireSubject("é")).toBe("\xc3\xa9");
  });
});

const token = fc.constantFrom("a", "b", "c");
const literal = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const pattern = fc
  .tuple(fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 3 }), fc.constantFrom("a", "*", ">"))
  .map(([tokens, last]) => [...tokens, last].join("."));

/** Every subject of up to five tokens: enough to tell any two patterns above apart. */
const universe = [1, 2, 3, 4, 5].flatMap((length) => {
  let subjects = [""];
  for (let at = 0; at < length; at += 1) {
    subjects = subjects.flatMap((prefix) =>
      ["a", "b", "c"].map((next) => (prefix === "" ? next : `${prefix}.${next}`)),
    );
  }
  return subjects;
});

function matches(tokens: readonly string[], subject: readonly string[]): boolean {
  const [first, ...rest] = tokens;
  if (first === undefined) return subject.length === 0;
  if (subject.length === 0) return false;
  if (first === ">") return true;
  return (first === "*" || first === subject[0]) && matches(rest, subject.slice(1));
}

describe("patterns", () => {
  test("match as a recursive definition does", () => {
    fc.assert(
      fc.property(pattern, literal, (p, subject) => {
        expect(subjectMatches(p, subject)).toBe(matches(p.split("."), subject.split(".")));
      }),
    );
  });

  test("a subset matches nothing that the whole does not", () => {
    fc.assert(
      fc.property(pattern, pattern, (p, of) => {
        const isReally = universe.every(
          (subject) => !subjectMatches(p, subject) || subjectMatches(of, subject),
        );
        expect(isSubset(p, of)).toBe(isReally);
      }),
      { numRuns: 300 },
    );
  });

  test("two overlap when some subject is in both", () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const some = universe.some(
          (subject) => subjectMatches(a, subject) && subjectMatches(b, subject),
        );
        expect(overlaps(a, b)).toBe(some);
      }),
      { numRuns: 300 },
    );
  });

  test("the classic mistake is not made: foo.> is no subset of foo.*", () => {
    expect(isSubset("foo.>", "foo.*")).toBe(false);
    expect(isSubset("*", "foo")).toBe(false);
    expect(isSubset("foo.*", "foo.>")).toBe(true);
  });
});
