import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { hookAnswer, isEnd, isSleeper, readHookCall, ringAtMs, rungFor } from "./wait-hook.ts";
import { openWakeMemory } from "./wait-memory.ts";

const bell = "You have mail.";
const call = (event: string) => ({ event, session: "s" });

describe("a hook's input", () => {
  it("tells the event and the session", () => {
    const input = '{"session_id":"abc","hook_event_name":"Stop","stop_hook_active":false}';
    expect(readHookCall(input)).toEqual({ event: "Stop", session: "abc" });
  });

  it("is another one at Codex's notify", () => {
    const input = '{"type":"agent-turn-complete","thread-id":"t-1","turn-id":"2"}';
    expect(readHookCall(input)).toEqual({ event: "agent-turn-complete", session: "t-1" });
  });

  it.each(["", "no JSON", "null", "[]", '{"session_id":7,"hook_event_name":{}}'])(
    "may be anything: %j",
    (input) => {
      expect(readHookCall(input)).toEqual({ event: "", session: "" });
    },
  );
});

describe("a hook's answer", () => {
  it("wakes an idle session of Claude Code by exit code 2 and standard error", () => {
    expect(hookAnswer("claude", call("Stop"), bell)).toEqual({
      stdout: "",
      stderr: bell,
      exitCode: 2,
    });
  });

  it("is silence where Claude Code needs no waking", () => {
    for (const event of ["Stop", "SessionStart", "PostToolUse"]) {
      expect(hookAnswer("claude", call(event), undefined)).toEqual({
        stdout: "",
        stderr: "",
        exitCode: 0,
      });
    }
  });

  it.each(["SessionStart", "UserPromptSubmit", "PostToolUse"] as const)(
    "is context for the model at %s of both",
    (event) => {
      for (const agent of ["claude", "codex"] as const) {
        const { stdout, exitCode } = hookAnswer(agent, call(event), bell);
        expect(exitCode).toBe(0);
        expect(JSON.parse(stdout)).toEqual({
          hookSpecificOutput: { hookEventName: event, additionalContext: bell },
        });
      }
    },
  );

  it("lets Codex go on instead of stopping, and is JSON in any case", () => {
    const rung = hookAnswer("codex", call("Stop"), bell);
    expect(JSON.parse(rung.stdout)).toEqual({ decision: "block", reason: bell });
    expect(hookAnswer("codex", call("Stop"), undefined).stdout).toBe("{}");
  });

  it("is a line for the script that Codex's notify calls", () => {
    expect(hookAnswer("codex", call("agent-turn-complete"), bell)).toEqual({
      stdout: bell,
      stderr: "",
      exitCode: 0,
    });
    expect(hookAnswer("codex", call("agent-turn-complete"), undefined).exitCode).toBe(4);
  });

  it("ends with the session, without a word", () => {
    expect([isEnd(call("SessionEnd")), isEnd(call("Stop"))]).toEqual([true, false]);
    expect(hookAnswer("claude", call("SessionEnd"), undefined).stdout).toBe("");
  });

  it("sleeps only where that holds nobody up", () => {
    expect(isSleeper("claude", call("Stop"))).toBe(true);
    expect(isSleeper("claude", call("PostToolUse"))).toBe(false);
    expect(isSleeper("codex", call("Stop"))).toBe(false);
    expect(isSleeper("codex", call("agent-turn-complete"))).toBe(true);
  });
});

describe("the bell", () => {
  const mail = { waiting: 2, nextId: 7 };

  it("does not ring for nothing", () => {
    expect(ringAtMs({ waiting: 0, nextId: 7 }, undefined)).toBeUndefined();
  });

  it("rings at once for the first mail and for newer mail", () => {
    expect(ringAtMs(mail, undefined)).toBe(0);
    expect(ringAtMs({ waiting: 3, nextId: 8 }, { nextId: 7, times: 5, atMs: 1000 })).toBe(0);
  });

  it("waits longer and longer before it rings again for mail that was left lying", () => {
    let last = rungFor(mail, undefined, 1_000);
    const pauses: number[] = [];
    for (let ring = 0; ring < 8; ring += 1) {
      const at = ringAtMs(mail, last) ?? 0;
      pauses.push((at - last.atMs) / 1000);
      last = rungFor(mail, last, at);
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
  });
});

describe("the memory of a session", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "mq9-wake-"));
  const env = { XDG_STATE_HOME: folder };
  const memory = (session = "s") => openWakeMemory(["claude", session, "inbox"], env);
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("outlives the process that rang", () => {
    memory().remember({ nextId: 3, times: 1, atMs: 5 });
    expect(memory().last()).toEqual({ nextId: 3, times: 1, atMs: 5 });
    expect(memory("another session").last()).toBeUndefined();
  });

  it("knows one sleeper: the one that came last", () => {
    const [first, second] = [memory(), memory()];
    first.takeOver();
    expect(first.isRelieved()).toBe(false);
    second.takeOver();
    expect([first.isRelieved(), second.isRelieved()]).toEqual([true, false]);
  });

  it("keeps what was rung for when another takes over", () => {
    memory().remember({ nextId: 3, times: 2, atMs: 5 });
    const next = memory();
    next.takeOver();
    expect(next.last()?.times).toBe(2);
  });

  it("is empty when its file is damaged or can not be written", () => {
    memory().remember({ nextId: 3, times: 1, atMs: 5 });
    const [file] = readdirSync(path.join(folder, "mq9/wake"));
    writeFileSync(path.join(folder, "mq9/wake", file ?? ""), '{"rung":{"nextId":"x"}}');
    expect(memory().last()).toBeUndefined();
    const nowhere = openWakeMemory(["a"], { XDG_STATE_HOME: "/dev/null" });
    nowhere.takeOver();
    nowhere.remember({ nextId: 3, times: 1, atMs: 5 });
    expect([nowhere.isRelieved(), nowhere.last()]).toEqual([false, undefined]);
  });
});
