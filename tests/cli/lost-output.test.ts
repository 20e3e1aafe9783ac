// What a command could not print it does not settle: a disk that is full, a command that is killed.
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { connect, type Mq9 } from "@mq9/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { cleanEnvironment, executable, fitting, mq9 as run } from "./mq9.ts";

const broker = useBroker();
let mq9: Mq9;
let count = 0;

beforeAll(async () => {
  mq9 = await connect(broker().url);
});
afterAll(async () => await mq9.close());

async function mailboxOf(messages: number): Promise<string> {
  count += 1;
  const box = await mq9.createMailbox({ name: `lost-${count}` });
  await Promise.all(Array.from({ length: messages }, (_, n) => box.send(`message ${n}`)));
  return box.name;
}

/** How many messages the group has not settled. Leases of who has just gone end a moment later. */
async function open(mailbox: string, atLeast: number): Promise<number> {
  const box = mq9.mailbox(mailbox);
  const look = { group: "default", limit: 1_000, waitMs: 0, look: true };
  for (let tries = 0; tries < 100; tries += 1) {
    const { length } = await box.fetch(look);
    if (length >= atLeast) return length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return (await box.fetch(look)).length;
}

const forms: string[][][] = [[[]], [["--json"]], [["--jsonl"]], [["--raw"]]];

describe.skipIf(!existsSync("/dev/full"))("standard output on a full disk", () => {
  it.each(forms)("ends drain and fetch --ack before anything is settled: %j", async (form) => {
    for (const command of [["drain"], ["fetch", "--ack", "-n", "5"]]) {
      const mailbox = await mailboxOf(20);
      const full = openSync("/dev/full", "w");
      const [verb = "", ...flags] = command;
      const args = [executable, verb, mailbox, ...flags, ...form, "--url", broker().url];
      const child = spawn(process.execPath, args, {
        env: cleanEnvironment(),
        stdio: ["ignore", full, "pipe"],
      });
      closeSync(full);
      let told = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        told += text;
      });
      const code = await new Promise((resolve) => child.once("close", resolve));
      expect(told).toMatch(/^error: standard output can not be written: ENOSPC.*\n$/);
      expect(code).toBe(6);
      expect(await open(mailbox, 20)).toBe(20);
    }
  });
});

describe("a command that is killed", () => {
  it.each([["--json"], ["--jsonl"]])("has printed what it settled: drain %s", async (form) => {
    const mailbox = await mailboxOf(900);
    const args = [executable, "drain", mailbox, form, "--url", broker().url];
    const child = spawn(process.execPath, args, { env: cleanEnvironment() });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.length > 10_000) child.kill("SIGKILL");
    });
    await new Promise((resolve) => child.once("close", resolve));
    const shown = printed.match(/"msg_id":\d+/g)?.length ?? 0;
    expect((await open(mailbox, 900 - shown)) + shown).toBeGreaterThanOrEqual(900);
  });
});

it("drain --json prints one object, also of nothing", async () => {
  const mailbox = await mailboxOf(250);
  const first = await run(["drain", mailbox, "--json", "--url", broker().url]);
  const { messages } = fitting<{ messages: { msg_id: number }[] }>("drain", first.stdout);
  expect(messages.map(({ msg_id }) => msg_id)).toEqual(Array.from({ length: 250 }, (_, n) => n));
  const again = await run(["drain", mailbox, "--json", "--url", broker().url]);
  expect(fitting("drain", again.stdout)).toEqual({ messages: [] });
});
