// The recipes of examples/waking as they stand there, against a real broker: what wakes, when, how often,
// and that the bell carries nothing of the mail. Agents are stood in for by small commands.
import { readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { repositoryRoot, runProgram } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { until } from "../support/until.ts";
import { endGroup } from "./shell.ts";
import { orders, type Rig, sendOrders, wakingRig } from "./waking-rig.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let rig: Rig;
beforeAll(async () => {
  rig = await wakingRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const recipe = (file: string) => path.join("examples/waking", file);
const bell = (mailbox: string) => `You have mail. Read it with: mq9 fetch ${mailbox}`;
const hookInput = (event: string, session: string) =>
  JSON.stringify({
    hook_event_name: event,
    session_id: session,
    cwd: "/",
    stop_hook_active: false,
  });

async function mailbox(name: string): Promise<string> {
  await rig.owner.ask("MAILBOX.CREATE", JSON.stringify({ name, ttl: 3600 }));
  return name;
}

/** Runs something and waits until as many sleepers as it shall bring have gone to sleep. */
async function withNewSleepers<T>(count: number, start: () => T): Promise<T> {
  const before = new Set(await rig.sleepers());
  const result = start();
  await until(async () => {
    const now = await rig.sleepers();
    return now.filter((id) => !before.has(id)).length >= count ? true : undefined;
  });
  return result;
}

const send = (to: string) => rig.owner.ask(`MSG.SEND.${to}`, "hello");

async function takeAll(from: string): Promise<void> {
  const { stdout } = await rig.shell.run(`mq9 drain ${from} --jsonl --quiet`);
  expect(stdout).not.toBe("");
}

describe("the bell", () => {
  it("is the same line for any mail, whoever sent it and whatever it says", async () => {
    const box = await mailbox("ordered");
    await send(box);
    const plain = await rig.shell.run(`mq9 wait ${box}`);
    expect(plain).toEqual({ code: 0, stdout: `${bell(box)}\n`, stderr: "" });
    const asJson = await rig.shell.run(`mq9 wait ${box} --json`);
    const asLine = await rig.shell.run(`mq9 wait ${box} --jsonl`);
    await takeAll(box);

    const named = { name: orders, public: true, desc: orders };
    await rig.stranger.ask("MAILBOX.CREATE", JSON.stringify(named));
    await sendOrders(rig.stranger, box);
    expect(await rig.shell.run(`mq9 wait ${box}`)).toEqual(plain);
    expect(await rig.shell.run(`mq9 wait ${box} --json`)).toEqual(asJson);
    expect(await rig.shell.run(`mq9 wait ${box} --jsonl`)).toEqual(asLine);
  });

  it("is the same in every hook of every agent", async () => {
    const box = await mailbox("hooked");
    await sendOrders(rig.stranger, box, "critical");
    const calls = ["Stop", "SessionStart", "PostToolUse", "UserPromptSubmit", ""].flatMap((event) =>
      ["claude", "codex"].map((agent) => ({ agent, event, input: hookInput(event, `s-${event}`) })),
    );
    const notify = '{"type":"agent-turn-complete","thread-id":"s"}';
    calls.push({ agent: "codex", event: "agent-turn-complete", input: notify });
    for (const { agent, event, input } of calls) {
      const { stdout, stderr } = await rig.shell.run(`mq9 wait ${box} --hook ${agent}`, input);
      expect(`${stdout}${stderr}`, `${agent} ${event}`).toContain(bell(box));
      expect(`${stdout}${stderr}`, `${agent} ${event}`).not.toContain(orders);
      expect(`${stdout}${stderr}`, `${agent} ${event}`).not.toContain("system-reminder");
    }
  });

  it("rings once for a burst, and not for mail that was taken", async () => {
    const box = await mailbox("burst");
    const sleeper = rig.shell.start(`mq9 wait ${box}`);
    for (let count = 0; count < 20; count += 1) await send(box);
    await sleeper.ended;
    expect(sleeper.stdout).toBe(`${bell(box)}\n`);
    await takeAll(box);
    expect((await rig.shell.run(`mq9 wait ${box} --timeout 0`)).code).toBe(4);
  });

  it("rings for the first of several mailboxes, and for what is urgent enough", async () => {
    const [one, two] = [await mailbox("one"), await mailbox("two")];
    await rig.owner.ask(`MSG.SEND.${one}`, "routine");
    const vigil = rig.shell.start(`mq9 wait ${one} ${two} --priority urgent`);
    await sendOrders(rig.stranger, two, "low");
    await sendOrders(rig.stranger, two, "critical");
    expect((await vigil.ended).code).toBe(0);
    expect(vigil.stdout).toBe(`${bell(two)}\n`);
    expect((await rig.shell.run(`mq9 wait ${one} -p urgent --timeout 300ms`)).code).toBe(4);
    expect((await rig.shell.run(`mq9 wait nowhere ${await mailbox("three")}`)).code).toBe(3);
  });

  it("names the group that was asked for, and rings for that group alone", async () => {
    const box = await mailbox("grouped");
    await send(box);
    await rig.shell.run(`mq9 drain ${box} --group a -q`);
    expect((await rig.shell.run(`mq9 wait ${box} --group a --timeout 0`)).code).toBe(4);
    const { stdout } = await rig.shell.run(`mq9 wait ${box} --group b`);
    expect(stdout).toBe(`${bell(box)} --group b\n`);
  });

  it("takes nothing and is no delivery", async () => {
    const box = await mailbox("untouched");
    await send(box);
    await rig.shell.run(`mq9 wait ${box}`);
    await rig.shell.run(`mq9 wait ${box} --hook claude`, hookInput("Stop", "untouched"));
    const info = await rig.owner.ask(`MAILBOX.INFO.${box}`, "");
    expect([info["messages"], info["groups"]]).toEqual([1, []]);
  });

  it("says by its exit code why it did not ring", async () => {
    expect((await rig.shell.run("mq9 wait nowhere --timeout 1s")).code).toBe(3);
    expect((await rig.shell.run(`mq9 wait ${await mailbox("empty")} --timeout 100ms`)).code).toBe(
      4,
    );
    expect((await rig.shell.run("mq9 wait")).code).toBe(2);
    expect((await rig.shell.run("mq9 wait empty --url nats://127.0.0.1:1")).code).toBe(5);
  });
});

describe("the loop in the shell", () => {
  it("runs the command for each cohort of mail, and lives through a broker that dies", async () => {
    const box = await mailbox("looped");
    await rig.shell.command(
      "work",
      `echo "$MQ9_BELL" >>"$FOLDER/looped"; mq9 drain ${box} --jsonl -q >>"$FOLDER/taken"`,
    );
    const loop = rig.shell.start(`exec ${recipe("loop.sh")} ${box} work`);
    await send(box);
    await until(async () => ((await rig.lines("taken")).length === 1 ? true : undefined));
    await rig.killBroker();
    await rig.restartBroker();
    await until(async () => await rig.owner.ask(`MSG.SEND.${box}`, "again").catch(() => undefined));
    await until(async () => ((await rig.lines("taken")).length >= 2 ? true : undefined));
    await endGroup(loop);
    expect(new Set(await rig.lines("looped"))).toEqual(new Set([bell(box)]));
  });

  it("tries again when the command fails, and ends when there is no such mailbox", async () => {
    const box = await mailbox("failing");
    await send(box);
    await rig.shell.command(
      "fail-first",
      `echo x >>"$FOLDER/failed"; [ "$(wc -l <"$FOLDER/failed")" -gt 1 ]`,
    );
    const loop = rig.shell.start(`exec ${recipe("loop.sh")} ${box} fail-first`);
    await until(async () => ((await rig.lines("failed")).length >= 2 ? true : undefined));
    await endGroup(loop);
    expect((await rig.shell.run(`${recipe("loop.sh")} nowhere true`)).code).toBe(3);
  });
});

describe("the doorman in Node", () => {
  it("starts the command with each message, and again when it failed", async () => {
    const box = await mailbox("doorman");
    await rig.shell.command(
      "agent",
      `cat >>"$FOLDER/spawned"; echo >>"$FOLDER/spawned"; [ "$(wc -l <"$FOLDER/spawned")" -ne 1 ]`,
    );
    const doorman = rig.shell.start(`exec npx tsx ${recipe("spawn-agent.ts")} ${box} agent`);
    await doorman.waitFor(/waiting for mail/);
    await send(box);
    await until(async () => ((await rig.lines("spawned")).length === 2 ? true : undefined)).catch(
      (error: unknown) => {
        throw new Error(doorman.stdout + doorman.stderr, { cause: error });
      },
    );
    expect(await rig.lines("spawned")).toEqual(["hello", "hello"]);
    await endGroup(doorman);
  });
});

describe("the systemd unit", () => {
  const unit = readFileSync(
    path.join(repositoryRoot, recipe("systemd/mq9-agent@.service")),
    "utf8",
  );
  const analyze = "systemd-analyze";

  it("is one that systemd takes", async (context) => {
    const file = path.join(rig.shell.folder, "mq9-agent@.service");
    await copyFile(path.join(repositoryRoot, recipe("systemd/mq9-agent@.service")), file);
    const result = await runProgram(analyze, ["verify", file]).catch(() => undefined);
    if (result === undefined) return context.skip("systemd-analyze is not installed");
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("becomes the worker when the bell rings", async () => {
    const box = await mailbox("unit");
    const [, start = ""] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    await rig.shell.command("agent-worker", `echo "worker of $1"`);
    // What systemd does to the line: specifiers and dollars. The worker lies elsewhere here.
    const line = start
      .replaceAll("%i", box)
      .replaceAll("$$", "$")
      .replace("/usr/local/bin/agent-worker", path.join(rig.shell.bin, "agent-worker"));
    const running = rig.shell.start(`exec ${line}`);
    await send(box);
    expect((await running.ended).code).toBe(0);
    expect(running.stdout).toContain("worker of unit");
  });

  it("does not try for ever what can not work", async () => {
    const codes = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(" ");
    expect(codes).toEqual(["2", "3"]);
  });
});

type HookFile = Record<string, readonly { hooks: readonly HookEntry[] }[]>;
interface HookEntry {
  readonly type: string;
  readonly command: string;
  readonly timeout: number;
  readonly asyncRewake?: boolean;
}

/** The one hook of an event in a recipe. */
function hookOf(file: string, event: string): HookEntry {
  const text = readFileSync(path.join(repositoryRoot, recipe(file)), "utf8");
  const { hooks } = JSON.parse(text) as { hooks: HookFile };
  const entry = hooks[event]?.[0]?.hooks[0];
  if (entry === undefined) throw new Error(`${file} has no ${event}`);
  return entry;
}

describe("the hooks of Claude Code", () => {
  const file = "claude-code/settings.json";
  const line = (event: string, box: string) => hookOf(file, event).command.replace("reviewer", box);

  it("are in the background where they sleep, and short where they hold the agent up", () => {
    expect(hookOf(file, "Stop")).toMatchObject({ type: "command", asyncRewake: true });
    for (const event of ["SessionStart", "PostToolUse"]) {
      expect(hookOf(file, event)).toMatchObject({ type: "command", timeout: 10 });
      expect(hookOf(file, event)).not.toHaveProperty("asyncRewake");
    }
  });

  it("wake an idle session, once for mail that it leaves lying, again for newer mail", async () => {
    const box = await mailbox("claude");
    const input = hookInput("Stop", "c1");
    const first = rig.shell.start(line("Stop", box), input);
    await send(box);
    expect((await first.ended).code).toBe(2);
    expect([first.stdout, first.stderr]).toEqual(["", `${bell(box)}\n`]);

    // The session ends its turn without having read: the next sleeper sleeps on …
    const second = rig.shell.start(line("Stop", box), input);
    const looked = await rig.shell.run(line("PostToolUse", box), hookInput("PostToolUse", "c1"));
    expect(looked).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(second.process.exitCode).toBeNull();
    // … until there is something new.
    await send(box);
    expect((await second.ended).code).toBe(2);
  });

  it("relieve each other: one sleeper per session, and a session each for itself", async () => {
    const box = await mailbox("relieved");
    const [first] = await withNewSleepers(1, () => [
      rig.shell.start(line("Stop", box), hookInput("Stop", "r1")),
    ]);
    const [other] = await withNewSleepers(1, () => [
      rig.shell.start(line("Stop", box), hookInput("Stop", "r2")),
    ]);
    const second = rig.shell.start(line("Stop", box), hookInput("Stop", "r1"));
    expect((await first.ended).code).toBe(0);
    await send(box);
    expect((await second.ended).code).toBe(2);
    expect((await other.ended).code).toBe(2);
    expect(first.stderr).toBe("");
  });

  it("leave when the session ends", async () => {
    const box = await mailbox("over");
    const [sleeper] = await withNewSleepers(1, () => [
      rig.shell.start(line("Stop", box), hookInput("Stop", "o1")),
    ]);
    const end = await rig.shell.run(line("SessionEnd", box), hookInput("SessionEnd", "o1"));
    expect(end).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await sleeper.ended).code).toBe(0);
  });

  it("tell a session at its start and in the middle of its work", async () => {
    const box = await mailbox("context");
    const before = await rig.shell.run(line("SessionStart", box), hookInput("SessionStart", "x"));
    expect(before).toEqual({ code: 0, stdout: "", stderr: "" });
    await send(box);
    for (const event of ["SessionStart", "PostToolUse"]) {
      const { code, stdout } = await rig.shell.run(
        line(event, box),
        hookInput(event, `x-${event}`),
      );
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({
        hookSpecificOutput: { hookEventName: event, additionalContext: bell(box) },
      });
    }
  });

  it("leave the agent alone when the broker is away", async () => {
    const input = hookInput("PostToolUse", "away");
    const { code, stdout } = await rig.shell.run(
      "mq9 wait any --hook claude --url nats://127.0.0.1:1",
      input,
    );
    expect([code, stdout]).toEqual([0, ""]);
  });
});

describe("the hooks of Codex", () => {
  const line = (event: string, box: string) =>
    hookOf("codex/hooks.json", event).command.replace("reviewer", box);

  it("let it go on once for the same mail, and answer in JSON always", async () => {
    const box = await mailbox("codex");
    const stop = () => rig.shell.run(line("Stop", box), hookInput("Stop", "k1"));
    expect(JSON.parse((await stop()).stdout)).toEqual({});
    await send(box);
    expect(JSON.parse((await stop()).stdout)).toEqual({ decision: "block", reason: bell(box) });
    expect(JSON.parse((await stop()).stdout)).toEqual({});
  });

  it("put the bell into the queue of an idle thread, once", async () => {
    const box = await mailbox("queued");
    await rig.shell.command("codex", `printf '%s\\n' "$*" >>"$FOLDER/queue"`);
    const turn =
      '{"type":"agent-turn-complete","thread-id":"0199-ab","last-assistant-message":"x"}';
    const notify = `${recipe("codex/notify.sh")} ${box} '${turn}'`;
    await withNewSleepers(1, () => rig.shell.start(notify));
    await withNewSleepers(1, () => rig.shell.start(notify));
    await sendOrders(rig.stranger, box);
    await until(async () => ((await rig.lines("queue")).length > 0 ? true : undefined));
    // Both would have rung by now, had the first not been relieved.
    await rig.shell.run(`mq9 wait ${box}`);
    expect(await rig.lines("queue")).toEqual([`queue --thread 0199-ab --message ${bell(box)}`]);
  });
});
