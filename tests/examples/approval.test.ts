// A person approves with nothing but the command line: the lines of the guide, as they stand there, answer
// a request that an agent waits for.
import { readFileSync } from "node:fs";
import path from "node:path";
import { connect } from "@mq9/sdk";
import { repositoryRoot, startBroker } from "@mq9/testkit";
import { describe, expect, it, vi } from "vitest";
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
});
