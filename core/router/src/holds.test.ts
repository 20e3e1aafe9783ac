import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Answer, Holds } from "./holds.ts";
import type { Hold } from "./subject-space.ts";

type Step = { do: "open" } | { do: "answer"; answer: Answer } | { do: "release"; at: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ do: "open" }),
  fc.constantFrom<Answer>("ok", "pong").map<Step>((answer) => ({ do: "answer", answer })),
  fc.nat(8).map<Step>((at) => ({ do: "release", at })),
);

describe("Holds", () => {
  test("an answer goes out as soon as, and not before, all holds opened before it are released", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const sent: Answer[] = [];
        const holds = new Holds((answer) => sent.push(answer));
        // The model: one line of holds and answers in the order they came.
        const line: ({ hold: Hold; open: boolean } | Answer)[] = [];
        const due = (): Answer[] => {
          const answers: Answer[] = [];
          for (const entry of line) {
            if (typeof entry === "string") answers.push(entry);
            else if (entry.open) break;
          }
          return answers;
        };
        for (const action of steps) {
          if (action.do === "open") {
            line.push({ hold: holds.open(), open: true });
          } else if (action.do === "answer") {
            line.push(action.answer);
            if (holds.isEmpty) sent.push(action.answer);
            else holds.defer(action.answer);
          } else {
            const open = line.filter((entry) => typeof entry !== "string" && entry.open);
            const entry = open[action.at];
            if (entry !== undefined && typeof entry !== "string") {
              entry.open = false;
              entry.hold.release();
            }
          }
          expect(sent).toEqual(due());
          const waiting = line.filter((entry) => typeof entry === "string").length - sent.length;
          expect(holds.deferred).toBe(waiting);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("releasing twice releases once", () => {
    const sent: Answer[] = [];
    const holds = new Holds((answer) => sent.push(answer));
    const first = holds.open();
    holds.open();
    holds.defer("pong");
    first.release();
    first.release();
    expect(sent).toEqual([]);
  });

  test("after the end of the connection nothing is sent any more", () => {
    const sent: Answer[] = [];
    const holds = new Holds((answer) => sent.push(answer));
    const hold = holds.open();
    holds.defer("ok");
    holds.clear();
    hold.release();
    expect([sent, holds.isEmpty, holds.deferred]).toEqual([[], true, 0]);
  });
});
