import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeNkey, encodeNkey, encodeNkeySeed, isNkey } from "./nkey.ts";

const zeros = Buffer.alloc(32);
const known = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

describe("nkeys", () => {
  test("of every kind are read as they were written", () => {
    const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(keys, fc.constantFrom("N", "U", "A", "O"), (key, kind) => {
        const text = encodeNkey(kind, key);
        expect(text).toMatch(new RegExp(`^${kind}[A-Z2-7]{55}$`));
        expect(decodeNkey(text)).toEqual({ kind, key: Buffer.from(key) });
      }),
    );
  });

  test("that others published are read", () => {
    expect(decodeNkey(known)?.kind).toBe("U");
    expect(encodeNkey("U", decodeNkey(known)?.key ?? zeros)).toBe(known);
  });

  test("have seeds in the form that others write", () => {
    const hex = "b16fa5d6b776a83346f02dc897a023c2421eff96503575cb8a024e64b192e236";
    expect(encodeNkeySeed("U", Buffer.from(hex, "hex"))).toBe(
      "SUALC35F223XNKBTI3YC3SEXUAR4EQQ676LFANLVZOFAETTEWGJOENRZWQ",
    );
  });

  test("with one letter changed are none", () => {
    for (let at = 0; at < known.length; at++) {
      const other = known[at] === "A" ? "B" : "A";
      expect(decodeNkey(known.slice(0, at) + other + known.slice(at + 1))).toBeUndefined();
    }
  });

  test("of another kind, in lower case, cut, longer, and seeds are not taken", () => {
    expect(isNkey(known, "U")).toBe(true);
    expect(isNkey(known, "A")).toBe(false);
    const seed = encodeNkeySeed("U", zeros);
    for (const wrong of [known.toLowerCase(), known.slice(1), `${known}A`, seed, "", "U"]) {
      expect(decodeNkey(wrong)).toBeUndefined();
    }
  });
});
