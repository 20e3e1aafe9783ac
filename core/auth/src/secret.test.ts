import { inspect } from "node:util";
import bcrypt from "bcryptjs";
import { describe, expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { hashPassword, isHash, Secret, secretProblem } from "./secret.ts";

describe("a secret", () => {
  test("in plain matches its own digest and no other", () => {
    const secret = new Secret("open sesame");
    expect(secret.isSlow).toBe(false);
    expect(secret.matchesDigest(digestOf("open sesame"))).toBe(true);
    expect(secret.matchesDigest(digestOf("open sesame "))).toBe(false);
    expect(secret.matchesDigest(digestOf(""))).toBe(false);
  });

  test("that is a hash is not matched by the hash itself", async () => {
    for (const hash of [bcrypt.hashSync("p", 4), await hashPassword("p")]) {
      const secret = new Secret(hash);
      expect(secret.matchesDigest(digestOf(hash))).toBe(false);
      expect(await secret.verify(hash)).toBe(false);
      expect(await secret.verify("p")).toBe(true);
      expect(await secret.verify("P")).toBe(false);
      expect(await secret.verify("")).toBe(false);
    }
  });

  test.each(["$2a$", "$2b$", "$2y$"])("takes bcrypt hashes that begin with %s", async (head) => {
    const hash = head + bcrypt.hashSync("wörd", 4).slice(4);
    expect(secretProblem(hash)).toBeUndefined();
    expect(await new Secret(hash).verify("wörd")).toBe(true);
  });

  test("hashed twice looks different", async () => {
    expect(await hashPassword("p")).not.toBe(await hashPassword("p"));
  });

  test("is not shown when printed", () => {
    const secret = new Secret("canary-4711");
    const shown = inspect(secret, { depth: 9, showHidden: true }) + JSON.stringify({ secret });
    expect(shown).not.toContain("canary");
  });
});

describe("a configured text", () => {
  test.each([
    ["", /empty/],
    ["$2a$10$tooshort", /bcrypt/],
    [`$2x$10$${"a".repeat(53)}`, /bcrypt/],
    [`$2a$31$${"a".repeat(53)}`, /cost 31/],
    ["$scrypt$nonsense", /mq9 passwd/],
    [`$scrypt$ln=30,r=8,p=1$${"a".repeat(22)}$${"a".repeat(43)}`, /mq9 passwd/],
  ])("%j can not be used, and is not repeated", (text, why) => {
    const problem = secretProblem(text) ?? "";
    expect(problem).toMatch(why);
    if (text !== "") expect(problem).not.toContain(text);
  });

  test("of other shapes is plain", () => {
    for (const text of ["$", "$1$abc", "s3cret", "2a$10"]) {
      expect(secretProblem(text)).toBeUndefined();
      expect(isHash(text)).toBe(false);
    }
  });
});
