import { composeFrame } from "@mq9/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SubjectSpace } from "./subject-space.ts";
import { SubjectTable } from "./subject-table.ts";

const none = Buffer.alloc(0);
const frame = (subject: string) => composeFrame(subject, "", undefined, none);

describe("SubjectTable", () => {
  test("finds the text and the first bytes of every subject, whatever came before", () => {
    const table = new SubjectTable();
    const subject = fc.array(fc.constantFrom("a", "bb", "\xff", "foo"), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(subject, (tokens) => {
        const text = tokens.join(".");
        for (let times = 0; times < 3; times += 1) {
          const entry = table.find(frame(text));
          expect(entry.text).toBe(text);
          expect(entry.prefix.toString("latin1")).toBe(`HMSG ${text} `);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("subjects of one hash are told apart", () => {
    // 31 * "a" + "b" equals 31 * "b" + "C".
    for (const rest of ["", "x.yz", "x.yz.12345"]) {
      const [one, other] = [frame(`ab${rest}`), frame(`bC${rest}`)];
      expect(one.subjectHash).toBe(other.subjectHash);
      const table = new SubjectTable();
      for (let times = 0; times < 4; times += 1) {
        expect(table.find(one).text).toBe(`ab${rest}`);
        expect(table.find(other).text).toBe(`bC${rest}`);
      }
    }
  });

  test("keeps a subject at its second publish, and never an inbox or a very long one", () => {
    const table = new SubjectTable();
    const kept = (subject: string): boolean[] =>
      [1, 2, 3].map(() => table.find(frame(subject)).kept);
    expect(kept("foo.bar")).toEqual([false, true, true]);
    expect(kept("_INBOX.abc.1")).toEqual([false, false, false]);
    expect(kept("x".repeat(300))).toEqual([false, false, false]);
    expect(table.find(frame("foo.bar"))).toBe(table.find(frame("foo.bar")));
  });

  test("knows what is owned and what is reserved, also after a late claim", () => {
    const table = new SubjectTable();
    const space = { prefix: "$own." } as SubjectSpace;
    for (let times = 0; times < 3; times += 1) table.find(frame("$own.x"));
    table.claim(space);
    expect(table.find(frame("$own.x"))).toMatchObject({ kind: "owned", space });
    expect(table.find(frame("$own"))).toMatchObject({ kind: "ordinary" });
    expect(table.find(frame("_GR_.x"))).toMatchObject({ kind: "reserved" });
    expect(table.spaceOf("$own.>")).toBe(space);
    expect(table.spaceOf(">")).toBeUndefined();
  });
});
