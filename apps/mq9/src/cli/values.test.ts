import { describe, expect, it } from "vitest";
import { startOf } from "./start.ts";
import {
  headerLines,
  lifetime,
  messageNumber,
  milliseconds,
  readBody,
  seconds,
  wholeNumber,
  words,
} from "./values.ts";

describe("values", () => {
  it.each<[text: string, value: number]>([
    ["90", 90],
    ["90s", 90],
    ["15m", 900],
    ["2h", 7_200],
    ["1d", 86_400],
    ["1h30m", 5_400],
  ])("%s are %d seconds", (text, value) => {
    expect(seconds(text)).toBe(value);
    expect(milliseconds(text)).toBe(value * 1_000);
    expect(lifetime(text)).toBe(value);
  });

  it("know a life without an end", () => {
    expect([lifetime("never"), lifetime("Never"), lifetime("0")]).toEqual([0, 0, 0]);
  });

  it.each<[name: string, parse: () => unknown]>([
    ["a word for a time", () => seconds("soon")],
    ["half a second", () => seconds("500ms")],
    ["never, where there is no such life", () => seconds("never")],
    ["too few", () => wholeNumber(1, 10)("0")],
    ["too many", () => wholeNumber(1, 10)("11")],
    ["a fraction", () => wholeNumber(1, 10)("1.5")],
    ["a header without a name", () => headerLines(": x", undefined)],
    ["a header that holds another", () => headerLines("a: b\r\nc: d", undefined)],
    ["no number", () => messageNumber("x")],
    ["a negative number", () => messageNumber("-1")],
    ["a day of the week", () => startOf("monday")],
  ])("refuse %s", (_name, parse) => {
    expect(parse).toThrow(Error);
  });

  it("gather lists and headers", () => {
    expect(words("a, b,,c", ["z"])).toEqual(["z", "a", "b", "c"]);
    expect(headerLines("X-A: 1: 2", [["B", "0"]])).toEqual([
      ["B", "0"],
      ["X-A", "1: 2"],
    ]);
    expect(headerLines("X-A=1", undefined)).toEqual([["X-A", "1"]]);
    expect(messageNumber("#7")).toBe(7);
  });

  it("say where to begin", () => {
    expect(startOf("earliest")).toEqual({ at: "earliest" });
    expect(startOf("#7")).toEqual({ at: "id", msgId: 7 });
    expect(startOf("2026-11-21T07:00:00Z")).toEqual({ at: "time", ms: 1_795_244_400_000 });
    const { ms } = startOf("2h") as { ms: number };
    expect(Math.abs(Date.now() - 7_200_000 - ms)).toBeLessThan(60_000);
  });

  it("read bodies", async () => {
    const text = async (body: string) => Buffer.from(await readBody(body, "")).toString();
    expect([await text("plain"), await text("@@home"), await text("")]).toEqual([
      "plain",
      "@home",
      "",
    ]);
    await expect(readBody("@/nonexistent", "")).rejects.toThrow("there is no file /nonexistent");
    await expect(readBody("@/", "")).rejects.toThrow("/ can not be read");
    await expect(readBody(undefined, "mq9 send x")).rejects.toMatchObject({ exit: "usage" });
  });
});
