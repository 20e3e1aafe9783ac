import { describe, expect, it } from "vitest";
import { cleanText, openLog } from "./log.ts";

function capture(format: "json" | "pretty", level: "debug" | "info" | "warn" | "error" = "info") {
  const lines: string[] = [];
  const log = openLog({ format, level, colors: false, write: (line) => lines.push(line) });
  return { lines, log };
}

const event = (line: string | undefined) => JSON.parse(line ?? "") as Record<string, unknown>;

describe("the JSON log", () => {
  it("writes one line per event with time, level, component and message", () => {
    const { lines, log } = capture("json");
    log.log.info("listening", { host: "127.0.0.1", port: 4222 });
    log.log.child("router").warn("slow reader");
    expect(lines).toHaveLength(2);
    expect(event(lines[0])).toMatchObject({
      level: "info",
      component: "mq9",
      msg: "listening",
      host: "127.0.0.1",
      port: 4222,
    });
    expect(event(lines[0])["time"]).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(event(lines[1])).toMatchObject({ level: "warn", component: "router" });
    expect(
      lines.every((line) => line.endsWith("\n") && line.indexOf("\n") === line.length - 1),
    ).toBe(true);
  });

  it("leaves out what is below the level, but never what ends the process", () => {
    const { lines, log } = capture("json", "error");
    log.log.debug("a");
    log.log.info("b");
    log.log.warn("c");
    log.log.error("d");
    log.fatal("e");
    expect(lines.map((line) => event(line)["msg"])).toEqual(["d", "e"]);
  });

  it("tells an error's message, code and causes", () => {
    const { lines, log } = capture("json");
    const cause = Object.assign(new Error("no space"), { code: "ENOSPC" });
    log.log.error("commit failed", { err: new TypeError("outer", { cause }) });
    expect(event(lines[0])["err"]).toMatchObject({
      type: "TypeError",
      message: "outer",
      cause: { message: "no space", code: "ENOSPC" },
    });
  });

  it("survives an error that is its own cause", () => {
    const { lines, log } = capture("json");
    const error = new Error("round");
    error.cause = error;
    log.log.error("odd", { err: error });
    expect(lines).toHaveLength(1);
  });
});

describe("the pretty log", () => {
  it("shows level, component, message and fields on one line", () => {
    const { lines, log } = capture("pretty");
    log.log.child("router").info("client gone", { cid: 7 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/INFO.*\[router\] client gone.*"cid":7/);
    expect(lines[0]?.trimEnd()).not.toContain("\n");
  });
});

describe("text from outside", () => {
  const hostile = 'a\n{"level":"fatal"}\u001b[2J\u2028b\u202ec\u{e0041}d\u200be';

  it.each(["json", "pretty"] as const)("can not forge or hide a line of the %s log", (format) => {
    const { lines, log } = capture(format);
    log.log.info("client", { name: hostile });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it("is cut when it is long", () => {
    expect(cleanText("x".repeat(10_000)).length).toBeLessThan(600);
    expect(cleanText("plain text, ümläüt, 邮箱")).toBe("plain text, ümläüt, 邮箱");
  });
});
