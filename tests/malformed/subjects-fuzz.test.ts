// A million subjects and patterns: the rules of subjects equal short recursive definitions of them,
// and for small alphabets an enumeration of everything that a pattern can match.
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
} from "@mq9/wire";
import { describe, expect, test } from "vitest";
import { createRandom, type Random, runs, seed } from "./random.ts";

const tokens = [
  "a",
  "b",
  "foo",
  "*",
  ">",
  "*a",
  "a>",
  "",
  "\xc3\xa9",
  "%2e",
  "$mq9",
  "\xc0\xae",
  "\0",
];

function anySubject(random: Random, of: readonly string[] = tokens): string {
  return Array.from({ length: 1 + random.below(5) }, () => random.pick(of)).join(".");
}

function isValid(subject: string): boolean {
  const parts = subject.split(".");
  if (/[ \t\r\n\f]/.test(subject)) return false;
  return parts.every((part, at) => part !== "" && (part !== ">" || at === parts.length - 1));
}

/** Whether a pattern covers a subject, token by token. */
function covers([first, ...rest]: readonly string[], subject: readonly string[]): boolean {
  if (first === undefined) return subject.length === 0;
  if (subject.length === 0) return false;
  if (first === ">" && rest.length === 0) return true;
  return (first === "*" || first === subject[0]) && covers(rest, subject.slice(1));
}

describe(`subjects (SEED=${seed})`, () => {
  test("are valid and literal exactly when their tokens are", { timeout: 60_000 }, () => {
    const random = createRandom(4);
    const breakers = [" ", "\t", "\r", "\n", "\f"];
    for (let run = 0; run < runs(500_000); run += 1) {
      const plain = anySubject(random);
      const at = random.below(plain.length + 1);
      const subject = random.once(10)
        ? plain.slice(0, at) + random.pick(breakers) + plain.slice(at)
        : plain;
      const parts = subject.split(".");
      const wild = parts.some((part) => part === "*" || part === ">");
      const verdicts = [isValidSubject(subject), hasWildcards(subject), hasEmptyToken(subject)];
      const wanted = [isValid(subject), wild, parts.includes("")];
      const same = verdicts.every((verdict, index) => verdict === wanted[index]);
      if (!same) expect({ subject, verdicts }).toEqual({ subject, verdicts: wanted });
      const literal = isLiteralSubject(subject);
      if (literal !== (isValid(subject) && !wild))
        expect({ subject, literal }).toBe("the other way");
    }
  });

  test("are matched by a pattern exactly when it covers their tokens", { timeout: 60_000 }, () => {
    const random = createRandom(5);
    let matched = 0;
    for (let run = 0; run < runs(500_000); run += 1) {
      const pattern = anySubject(random, ["a", "b", "*", ">", "*a"]);
      if (!isValid(pattern)) continue;
      const subject = anySubject(random, ["a", "b", "*", "*a", "c"]);
      const verdict = subjectMatches(pattern, subject);
      const wanted = covers(pattern.split("."), subject.split("."));
      if (verdict !== wanted)
        expect({ pattern, subject, verdict }).toEqual({ pattern, subject, verdict: wanted });
      if (wanted) matched += 1;
    }
    expect(matched).toBeGreaterThan(runs(10_000));
  });

  test("of two patterns contain and overlap as everything they can match says", () => {
    const random = createRandom(6);
    // `c` stands for every token that no pattern names; one token more than any pattern has.
    const universe = literals(["a", "b", "c"], 5);
    for (let run = 0; run < runs(10_000); run += 1) {
      const [one, other] = [shortPattern(random), shortPattern(random)];
      const inOne = universe.filter((subject) => covers(one.split("."), subject));
      const inOther = inOne.filter((subject) => covers(other.split("."), subject));
      const verdict = { subset: isSubset(one, other), overlap: overlaps(one, other) };
      const wanted = { subset: inOther.length === inOne.length, overlap: inOther.length > 0 };
      expect({ one, other, ...verdict }).toEqual({ one, other, ...wanted });
    }
  });

  test("travel unchanged between text and wire", () => {
    for (const text of ["plain", "f\u00f6.\u00df", "\u{1f4ec}.mail", "\u0000"]) {
      expect(fromWireSubject(toWireSubject(text))).toBe(text);
      const codes = Array.from(toWireSubject(text), (byte) => byte.charCodeAt(0));
      expect(Math.max(...codes)).toBeLessThan(256);
    }
  });
});

function shortPattern(random: Random): string {
  for (;;) {
    const count = 1 + random.below(4);
    const pattern = Array.from({ length: count }, () => random.pick(["a", "b", "*", ">"])).join(
      ".",
    );
    if (isValid(pattern)) return pattern;
  }
}

/** Every literal subject of one to `longest` tokens. */
function literals(alphabet: readonly string[], longest: number): string[][] {
  if (longest === 0) return [];
  const shorter = literals(alphabet, longest - 1);
  const longestOnes = shorter.filter((subject) => subject.length === longest - 1);
  const bases = longest === 1 ? [[]] : longestOnes;
  return [...shorter, ...bases.flatMap((base) => alphabet.map((token) => [...base, token]))];
}
