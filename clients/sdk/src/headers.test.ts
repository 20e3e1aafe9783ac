import { expect, it } from "vitest";
import {
  blockOfLines,
  hdrsOfLines,
  linesOfBlock,
  linesOfHdrs,
  linesOfInit,
  MessageHeaders,
} from "./headers.ts";

it("finds names in any case and keeps the order of values", () => {
  const headers = new MessageHeaders([
    ["X-One", "a"],
    ["x-one", "b"],
    ["Two", ""],
  ]);
  expect(headers.get("x-ONE")).toBe("a");
  expect(headers.values("X-one")).toEqual(["a", "b"]);
  expect(headers.has("two")).toBe(true);
  expect(headers.get("three")).toBeUndefined();
  expect(headers.keys()).toEqual(["x-one", "Two"]);
  expect([...headers]).toHaveLength(3);
});

it("reads and writes blocks of bytes", () => {
  const lines: [string, string][] = [
    ["a", "1"],
    ["B", "grüß: x"],
    ["a", "2"],
  ];
  expect(linesOfBlock(blockOfLines(lines))).toEqual(lines);
  expect(linesOfBlock(undefined)).toEqual([]);
  expect(blockOfLines([])).toBeUndefined();
});

it("takes objects, lists of values and pairs", () => {
  expect(linesOfInit({ a: "1", b: ["2", "3"] })).toEqual([
    ["a", "1"],
    ["b", "2"],
    ["b", "3"],
  ]);
  expect(linesOfInit(new Map([["a", "1"]]))).toEqual([["a", "1"]]);
  expect(linesOfInit(undefined)).toEqual([]);
});

it("hands them to the NATS library as they are, and says which cannot be sent", () => {
  const lines: [string, string][] = [
    ["mq9-key", "k"],
    ["X-a", "1"],
    ["X-a", "2"],
  ];
  expect(linesOfHdrs(hdrsOfLines(lines))).toEqual(lines);
  expect(hdrsOfLines([])).toBeUndefined();
  for (const bad of [
    ["a:b", "x"],
    ["a", "x\r\nforged: y"],
    ["", "x"],
  ] as const) {
    expect(() => hdrsOfLines([bad])).toThrow(/invalid header/);
  }
});
