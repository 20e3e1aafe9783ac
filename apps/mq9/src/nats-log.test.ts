import { mkdtempSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openLog } from "./log.ts";
import { natsLine } from "./nats-log.ts";

const moment = new Date(2026, 10, 21, 9, 5, 7, 42).getTime() + 0.25;

describe("a line as nats-server writes it", () => {
  it("has process, time in microseconds, level, text and fields", () => {
    const event = { level: "warn", time: "x", component: "mq9", msg: "stopping", signal: "SIGINT" };
    expect(natsLine(JSON.stringify(event), true, moment)).toBe(
      `[${process.pid}] 2026/11/21 09:05:07.042250 [WRN] stopping signal=SIGINT\n`,
    );
  });

  it("may go without the time, and without fields", () => {
    const event = { level: "trace", component: "mq9", plain: true, msg: "Server is ready", a: 1 };
    expect(natsLine(JSON.stringify(event), false, moment)).toBe(
      `[${process.pid}] [TRC] Server is ready\n`,
    );
  });
});

describe("a log in that format", () => {
  it("writes what programs wait for at every level, and nothing that could forge a line", () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const log = openLog({ format: "nats", level: "error", colors: false, time: false, write });
    log.line("Server is ready");
    log.log.info("not at this level");
    log.log.error("refused", { name: "a\n[1] [INF] forged" });
    expect(lines).toEqual([
      `[${process.pid}] [INF] Server is ready\n`,
      `[${process.pid}] [ERR] refused name=a\\u{a}[1] [INF] forged\n`,
    ]);
  });

  it("goes on in a new file after the old one was moved away, and elsewhere when told", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "mq9-log-"));
    const [first, second] = [path.join(folder, "a.log"), path.join(folder, "b.log")];
    const log = openLog({ format: "nats", level: "info", colors: false, time: false, file: first });
    log.line("one");
    renameSync(first, `${first}.1`);
    log.line("two");
    log.reopen();
    log.line("three");
    log.change({ level: "warn", file: second });
    log.log.info("hidden");
    log.log.warn("four");
    const texts = [`${first}.1`, first, second].map((file) => readFileSync(file, "utf8"));
    expect(texts.map((text) => text.match(/\[\w{3}\] .*/g))).toEqual([
      ["[INF] one", "[INF] two"],
      ["[INF] three"],
      ["[WRN] four"],
    ]);
    const missing = { level: "info", file: path.join(folder, "no/such.log") } as const;
    expect(() => log.change(missing)).toThrow("can not be written");
    log.log.warn("five");
    expect(readFileSync(second, "utf8")).toContain("five");
  });
});
