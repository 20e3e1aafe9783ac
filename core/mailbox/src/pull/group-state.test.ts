// What a group of pullers remembers, to bytes and back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeGroup, encodeGroup, type GroupState, type UnsettledState } from "./group-state.ts";

const seq = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const rank = fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const);
const unsettled: fc.Arbitrary<UnsettledState> = fc.record({
  seq,
  rank,
  deliveries: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 ** 31 })),
  unseen: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1000 })),
  notBeforeMs: fc.oneof(fc.constant(0), seq),
});
const state = fc
  .record({
    deliveriesMax: fc.integer({ min: 0, max: 1000 }),
    usedAtMs: seq,
    startSeq: seq,
    cursors: fc.array(fc.oneof(fc.constant(-1), seq), { minLength: 4, maxLength: 4 }),
    unsettled: fc.uniqueArray(unsettled, { maxLength: 50, selector: (each) => each.seq }),
    ahead: fc.array(fc.uniqueArray(seq, { maxLength: 5 }), { minLength: 4, maxLength: 4 }),
    dead: fc.uniqueArray(seq, { maxLength: 5 }),
  })
  .map(
    (drawn): GroupState => ({
      ...drawn,
      cursors: Float64Array.from(drawn.cursors),
      unsettled: new Set(drawn.unsettled),
      ahead: drawn.ahead.map((each) => new Set(each)),
      dead: new Set(drawn.dead),
    }),
  );

test("is read as it was written", () => {
  fc.assert(
    fc.property(state, (written) => {
      const read = decodeGroup(encodeGroup(written));
      expect(read).toEqual({
        ...written,
        unsettled: [...written.unsettled],
        ahead: written.ahead.flatMap((each, of) =>
          [...each].map((one) => ({ rank: of, seq: one })),
        ),
        dead: [...written.dead],
      });
    }),
  );
});

test("a format of another release is not read", () => {
  expect(decodeGroup(Uint8Array.of(9, 0, 0))).toBeUndefined();
});

test("a thousand messages in order take a few bytes each", () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({
    seq: 1_000_000 + i,
    rank: 2 as const,
    deliveries: 1,
    unseen: 0,
    notBeforeMs: 0,
  }));
  const bytes = encodeGroup({
    deliveriesMax: 20,
    usedAtMs: 0,
    startSeq: 0,
    cursors: new Float64Array(4),
    unsettled: new Set(many),
    ahead: [new Set(), new Set(), new Set(), new Set()],
    dead: new Set(),
  });
  expect(bytes.length).toBeLessThan(3000);
});
