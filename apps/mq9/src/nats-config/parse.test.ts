import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParseHost, parseNatsConfig } from "./parse.ts";
import { ConfigError, type ConfigNode, isMap, placeText } from "./tree.ts";

const files: Record<string, string> = {
  "/etc/a.conf": "include 'sub/b.conf'\nx: 1",
  "/etc/sub/b.conf": "y: 2, include ../c.conf",
  "/etc/c.conf": "z: 3",
  "/etc/self.conf": "include ./self.conf",
  "/etc/broken.conf": "a: 1\n b: [",
};
const host: ParseHost = {
  environment: { PORT: "4333", LIST: "[a, b]", SELF: "$SELF", EMPTY: "" },
  readFile: (path) => {
    const text = files[path];
    if (text === undefined) throw new Error("there is no such file");
    return text;
  },
};

function plain({ value }: Pick<ConfigNode, "value">): unknown {
  if (isMap(value)) return Object.fromEntries([...value].map(([key, node]) => [key, plain(node)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

function read(text: string, file = "/etc/server.conf"): unknown {
  return plain({ value: parseNatsConfig(text, file, host) });
}

function problem(text: string, file = "/etc/server.conf"): string {
  try {
    read(text, file);
  } catch (error) {
    if (error instanceof ConfigError) return `${placeText(error.place)} ${error.message}`;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the NATS dialect", () => {
  it.each([
    ["a: 1", { a: 1 }],
    ["a = 1; b 2, c {d: 3}", { a: 1, b: 2, c: { d: 3 } }],
    ['{"a": [1, "two", {"b": false}]}', { a: [1, "two", { b: false }] }],
    ["a [\n x # one\n 'y z', // two\n \"\\x41\\t\"\n]", { a: ["x", "y z", "A\t"] }],
    ["a: 1k, b: 1kb, c: 2MiB, d: -3, e: 1.5", { a: 1000, b: 1024, c: 2097152, d: -3, e: 1.5 }],
    ["a: on, b: No, c: TRUE", { a: true, b: false, c: true }],
    ["a: 127.0.0.1:4222, b: foo.>, c: 2m30s", { a: "127.0.0.1:4222", b: "foo.>", c: "2m30s" }],
    ["a: 2026-11-20T10:00:00Z", { a: new Date("2026-11-20T10:00:00Z") }],
    ["a: (\n one )\n two\n)\nb: 1", { a: "\n one )\n two\n", b: 1 }],
    ["a: 1\na: 2", { a: 2 }],
    ["a: x#y//z", { a: "x#y//z" }],
  ])("reads %j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it("takes variables from the blocks around, then from the environment", () => {
    expect(read("p: 1\na {p: 2, b {c: $p}}\nd: $p\ne: $PORT\nf: $LIST")).toEqual({
      p: 1,
      a: { p: 2, b: { c: 2 } },
      d: 1,
      e: 4333,
      f: ["a", "b"],
    });
    expect(read("a: $2a$11$hash")).toEqual({ a: "$2a$11$hash" });
    expect(problem("a: 1\nb: $NOPE")).toBe(
      "/etc/server.conf:2:4 $NOPE is neither set above nor in the environment; put text in quotes",
    );
    expect(problem("a: $SELF")).toContain("refers to itself");
  });

  it("includes files relative to the one that includes them", () => {
    expect(read("include a.conf\nport: 1")).toEqual({ y: 2, z: 3, x: 1, port: 1 });
    expect(read("a { include c.conf }")).toEqual({ a: { z: 3 } });
    expect(problem("include self.conf")).toContain(
      "/etc/self.conf:1:9 ./self.conf includes itself",
    );
    expect(problem("include nope.conf")).toContain("nope.conf can not be included");
    expect(problem("include broken.conf")).toBe("/etc/broken.conf:2:5 this list never ends");
  });

  it.each([
    ["a: 1 b: 2", "1:6 a new line, a comma or } has to follow a value"],
    ['a: 1\nb: "x', "2:4 this quoted text never ends"],
    ["a {\n b: 1", "1:3 this block never ends"],
    ["a: [1,\n  ,2]", "2:3 a value is missing before this comma"],
    [": 1", "1:1 a key is missing before :"],
    ["a:\n1", "1:3 a value is missing before the end of the line"],
    ['a: "\\q"', "1:5 only"],
    ["a: 99999999999999999999", "1:4 this number is too large"],
    ["a: 12-34", "1:4 this is neither a number nor a date"],
    ["a: -x", "1:4 a digit has to follow the minus sign"],
    [`a: ${"[".repeat(70)}`, "too deep"],
  ])("says where %j breaks", (text, expected) => {
    expect(problem(text)).toContain(expected);
  });

  it.each(["password: $ecret-word", "password: 12-ecret", "password: $2y$10$ecret.hash"])(
    "does not repeat what may be a password in %j",
    (text) => {
      expect(problem(text)).toContain("put text in quotes");
      expect(problem(text)).not.toContain("ecret");
    },
  );

  it("answers with a tree or a place for whatever it is given", () => {
    const piece = fc.constantFrom(
      ..."a b 1 1k -1 1.5 { } [ ] ( ) \n : = , ; # // \" ' \\ $a include on 2m x.y \t".split(" "),
      " ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const text = pieces.join("");
        try {
          read(text);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.place.line).toBeLessThanOrEqual(text.split("\n").length);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads every JSON object as what it is", () => {
    const key = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(..."abcXYZ_-.0 ") });
    const leaf = fc.oneof(
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.string({ maxLength: 12, unit: fc.constantFrom(...'abc "\\\n\t{}[],:#$') }),
    );
    const tree = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, leaf, tie("list"), tie("map")),
      list: fc.array(tie("any"), { maxLength: 4 }),
      map: fc.dictionary(key, tie("any"), { maxKeys: 4 }),
    })).map;
    fc.assert(
      fc.property(tree, (value) => {
        expect(read(JSON.stringify(value))).toEqual({ ...(value as object) });
      }),
      { numRuns: 500 },
    );
  });
});
