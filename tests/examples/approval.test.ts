// A person approves: with nothing but the command line, by the lines of the guide as they stand there, and
// at the prompt of the example in a real terminal.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { connect } from "@mq9/sdk";
import { findPeer, repositoryRoot, runProgram, startBroker } from "@mq9/testkit";
import { describe, expect, it, vi } from "vitest";
import { until } from "../support/until.ts";
import { shellWith } from "./shell.ts";

vi.setConfig({ testTimeout: 60_000 });

describe("an approval", () => {
  it("is waited for, looked at, given and taken off the list in a shell", async () => {
    await using broker = await startBroker();
    await using agent = await connect({ url: broker.url });
    const approvals = await agent.createMailbox({ name: "approvals", ttlSeconds: 3600 });
    const asked = approvals.request({ what: "call the fraud API", costUsd: 50 });

    const page = readFileSync(path.join(repositoryRoot, "docs/guide/patterns.md"), "utf8");
    const [, lines = ""] = /```sh\n(mq9 wait approvals[\s\S]*?)```/.exec(page) ?? [];
    await using shell = await shellWith({ MQ9_URL: broker.url });
    const { code, stdout, stderr } = await shell.run(`set -e\n${lines}`);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain("call the fraud API");

    expect((await asked).json()).toEqual({ approved: true });
    expect(await approvals.fetch({ group: "default", look: true, waitMs: 1 })).toEqual([]);
  });

  const tmux = findPeer("tmux");
  it.skipIf(tmux.path === undefined)(
    `is asked for at a terminal, and the example ends ${tmux.reason}`,
    async () => {
      await using broker = await startBroker();
      const socket = `mq9-approval-${randomUUID()}`;
      const inTmux = async (...args: readonly string[]) =>
        (await runProgram(tmux.path ?? "", ["-L", socket, "-f", "/dev/null", ...args])).stdout;
      const shows = (text: string) =>
        until(async () => ((await inTmux("capture-pane", "-p")).includes(text) ? true : undefined));
      const tsx = path.join(repositoryRoot, "node_modules/.bin/tsx");
      const line = `cd '${repositoryRoot}'; ${tsx} examples/human-in-the-loop.ts; echo ended; sleep 60`;
      const size = ["-x", "80", "-y", "24"];
      await inTmux("new-session", "-d", ...size, "-e", `MQ9_URL=${broker.url}`, line);
      try {
        await shows("[yes/no]");
        await inTmux("send-keys", "no", "Enter");
        await shows("agent: looking for another way\nended");
      } finally {
        await inTmux("kill-server");
      }
    },
  );
});
