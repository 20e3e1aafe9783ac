import { describe, expect, it, vi } from "vitest";
import { runProgram, startChild } from "./child.ts";

const node = process.execPath;

// Longer than the helpers wait, so that they say what they waited for.
vi.setConfig({ testTimeout: 90_000 });

describe("child processes", () => {
  it("are waited for by what they print", async () => {
    const child = startChild(node, ["-e", "console.log('port 17'); setInterval(() => {}, 1e6)"]);
    const [, port] = await child.waitFor(/port (\d+)/);
    expect(port).toBe("17");
    child.process.kill("SIGKILL");
    expect((await child.ended).signal).toBe("SIGKILL");
  });

  it("that end without saying it are reported with their output", async () => {
    const child = startChild(node, ["-e", "console.error('no such thing'); process.exit(3)"]);
    await expect(child.waitFor(/ready/)).rejects.toThrow(/ended \(3\)[\s\S]*no such thing/);
  });

  it("run to their end and give back exit code and output", async () => {
    const result = await runProgram(node, ["-e", "console.log(1); process.exitCode = 2"]);
    expect(result).toEqual({ code: 2, stdout: "1\n", stderr: "" });
  });

  it("that hang are killed and reported", async () => {
    const endless = runProgram(node, ["-e", "setInterval(() => {}, 1e6)"], { timeoutMs: 300 });
    await expect(endless).rejects.toThrow("did not end in 300 ms");
    await expect(runProgram("/nowhere/at-all", [])).rejects.toThrow("could not be started");
  });
});
