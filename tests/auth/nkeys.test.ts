// Keys as this broker writes them and as the NATS client library does are the same.

import { decodeNkey, encodeNkey, encodeNkeySeed, isNkey } from "@mq9/wire";
import { nkeys } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";

describe("nkeys", () => {
  test.each([
    ["U", nkeys.createUser],
    ["A", nkeys.createAccount],
    ["O", nkeys.createOperator],
  ] as const)("of kind %s that others made are read and written again", (kind, create) => {
    for (let round = 0; round < 20; round++) {
      const text = create().getPublicKey();
      const read = decodeNkey(text);
      expect(read?.kind).toBe(kind);
      expect(encodeNkey(kind, read?.key ?? Buffer.alloc(0))).toBe(text);
    }
  });

  test("have seeds that others can read", () => {
    const seed = Buffer.from(
      "b16fa5d6b776a83346f02dc897a023c2421eff96503575cb8a024e64b192e236",
      "hex",
    );
    const pair = nkeys.fromSeed(Buffer.from(encodeNkeySeed("U", seed)));
    expect(pair.getPublicKey()).toMatch(/^U[A-Z2-7]{55}$/);
    expect(encodeNkeySeed("U", seed)).toBe(
      "SUALC35F223XNKBTI3YC3SEXUAR4EQQ676LFANLVZOFAETTEWGJOENRZWQ",
    );
  });

  test("of another kind, in lower case, cut, longer, and seeds are not taken", () => {
    const pair = nkeys.createUser();
    const text = pair.getPublicKey();
    expect(isNkey(text, "U")).toBe(true);
    expect(isNkey(text, "A")).toBe(false);
    const seed = Buffer.from(pair.getSeed()).toString();
    for (const wrong of [text.toLowerCase(), text.slice(1), `${text}A`, seed, "", "U"]) {
      expect(decodeNkey(wrong)).toBeUndefined();
    }
  });
});
