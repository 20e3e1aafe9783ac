// A shell in which `mq9` is a command, with a home of its own: what people type is run as it stands.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Child, type ProgramResult, repositoryRoot, startChild, tempDir } from "@mq9/testkit";

export interface Shell extends AsyncDisposable {
  /** Everything of it lies here; in the environment as `FOLDER`. */
  readonly folder: string;
  /** A folder in front of PATH; whatever is put there is a command. */
  readonly bin: string;
  /** Runs lines to their end. */
  run(lines: string, input?: string): Promise<ProgramResult>;
  /** Starts lines that run until they are ended or end by themselves. */
  start(lines: string, input?: string): Child;
  /** Puts a command into PATH. */
  command(name: string, script: string): Promise<void>;
}

/** @param extra environment on top of this process's own, without what names a broker or an agent */
export async function shellWith(extra: Readonly<Record<string, string>>): Promise<Shell> {
  const folder = await tempDir("mq9-shell");
  const bin = path.join(folder.path, "bin");
  await mkdir(bin);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
    MQ9_AGENT: undefined,
    MQ9_CONTEXT: undefined,
    XDG_STATE_HOME: path.join(folder.path, "state"),
    XDG_CONFIG_HOME: path.join(folder.path, "config"),
    FOLDER: folder.path,
    ...extra,
  };
  const command = async (name: string, script: string) => {
    const file = path.join(bin, name);
    await writeFile(file, `#!/usr/bin/env bash\n${script}\n`);
    await chmod(file, 0o755);
  };
  const executable = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");
  await command("mq9", `exec "${process.execPath}" "${executable}" "$@"`);
  const start = (lines: string, input = ""): Child => {
    const child = startChild("bash", ["-c", lines], {
      cwd: repositoryRoot,
      env,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    child.process.stdin?.on("error", () => {}).end(input);
    return child;
  };
  return {
    folder: folder.path,
    bin,
    start,
    command,
    run: async (lines, input) => {
      const child = start(lines, input);
      const { code } = await child.ended;
      return { code, stdout: child.stdout, stderr: child.stderr };
    },
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

/** Ends a child of `start` with everything that it started. */
export async function endGroup(child: Child): Promise<void> {
  const { pid } = child.process;
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
  await child.ended;
}
