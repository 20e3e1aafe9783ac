// Runs the client programs beside the tests in Python, Go and JavaScript, and reads the JSON line
// they end with.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { findPeer, type Peer, type ProgramResult, peersDir, runProgram } from "@mq9/testkit";

export const testsDir: string = import.meta.dirname.replace(/support$/, "");

/** How to start a program of one kind. */
export interface Launcher {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A Python program below tests/; `pythonPath` comes before what is installed. */
export function python(file: string, pythonPath?: string): Launcher {
  const { path: command = "python3" } = findPeer("python");
  const env = { PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: pythonPath ?? "" };
  return { command, args: [path.join(testsDir, file)], env };
}

/** A program of Node.js below tests/. */
export function node(file: string): Launcher {
  return { command: process.execPath, args: [path.join(testsDir, file)] };
}

/** A Go program built by `buildGo`, by the name of its folder. */
export function go(name: string): Launcher {
  return { command: path.join(goBinaries, name), args: [] };
}

const goBinaries = path.join(peersDir, "go");

/** The program on the stock Rust client, as built by tests/clients/journeys.mjs. */
export function stockRust(): Launcher {
  return { command: path.join(peersDir, "bin/stock-rust"), args: [] };
}

/** The program on the stock Java client, as built by tests/clients/journeys.mjs. */
export function stockJava(): Launcher {
  const folder = path.join(peersDir, "stock-java");
  const libraries = readFileSync(path.join(folder, "classpath"), "utf8").trim();
  const classPath = `${path.join(folder, "classes")}${path.delimiter}${libraries}`;
  return { command: "java", args: ["-cp", classPath, "Stock"] };
}

/** Why the program of a language is not there: tests/clients/journeys.mjs alone builds it, for minutes the first time. */
export function onJourneys(language: string): string {
  const isBuilt = process.env["JOURNEYS"]?.split(",").includes(language) === true;
  return isBuilt ? "" : "is part of: npm run journeys";
}

/** Compiles the Go programs below a folder of tests/. The Go build cache makes repeats cheap. */
export async function buildGo(folder: string): Promise<void> {
  const { path: command = "go" } = findPeer("go");
  const args = ["build", "-o", `${goBinaries}/`, `./${folder}/...`];
  const result = await runProgram(command, args, { cwd: testsDir, timeoutMs: 120_000 });
  if (result.code !== 0) throw new Error(result.stderr);
}

/** Runs a program; it must end with exit code 0. */
export async function run(launcher: Launcher, ...args: string[]): Promise<ProgramResult> {
  const { command, env } = launcher;
  const all = [...launcher.args, ...args];
  const result = await runProgram(command, all, { env: { ...process.env, ...env } });
  if (result.code !== 0) {
    throw new Error(`${all.join(" ")} ended with ${result.code}\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** Runs a program and parses the last line it printed. */
export async function runForResult(launcher: Launcher, ...args: string[]): Promise<unknown> {
  const { stdout } = await run(launcher, ...args);
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(line);
}

/** The release of the Python client before the installed one, or why it can not be used. */
export function olderPythonSdk(): Peer {
  const folder = path.join(peersDir, "robustmq-0.3.5");
  if (existsSync(folder)) return { path: folder, reason: "" };
  const reason = "robustmq 0.3.5 is not installed; run: npm run peers";
  if (process.env["MQ9_REQUIRE_PEERS"]) throw new Error(reason);
  return { path: undefined, reason };
}

/** Whether the Python environment holds the published mq9 packages. */
export function pythonSdk(): Peer {
  const peer = findPeer("python");
  if (peer.path === undefined || existsSync(path.join(peersDir, "venv/bin/pip"))) {
    return peer;
  }
  return {
    path: undefined,
    reason: "the published mq9 packages are not installed; run: npm run peers",
  };
}

/** The program on the published Rust client that scripts/peers.sh builds, or why it is not there. */
export function rustSdk(): Peer {
  const program = path.join(peersDir, "bin/sdk-rust");
  if (existsSync(program)) return { path: program, reason: "" };
  const reason = "the Rust client is not built; run: npm run peers";
  if (process.env["MQ9_REQUIRE_PEERS"]) throw new Error(reason);
  return { path: undefined, reason };
}
