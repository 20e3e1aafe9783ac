import fc from "fast-check";
import { expect, it } from "vitest";
import { compareInByteOrder } from "./byte-order.ts";

it("orders texts as their UTF-8 bytes are ordered", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", "b", "\ud7ff", "\ue000", "\uffff", "🚀") }),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareInByteOrder(a, b))).toBe(bytes);
    }),
  );
});
