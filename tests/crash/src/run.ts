// Starts a broker and drivers, kills the broker again and again while they work, drains what is left
// and has the checker judge. Called by ../run.mjs with the words of the command line.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type RunningBroker, startBroker } from "@mq9/testkit";
import { readHistory as readRecords } from "../../history/src/record.ts";
import type { DriverOptions, RoleName } from "./driver.ts";
import { HistoryWriter, nowMicros, readHistory } from "./history.ts";
import { RecordWriter } from "./pull-roles.ts";
import { createRandom, type Random } from "./random.ts";

/** Ends of the broker between two changes of mailboxes; bounds how much each subscriber replays. */
const endsPerEpoch = 5;

/** A driver that has not ended by then never will. */
const finishMsMax = 300_000;

const drivers: Readonly<Record<string, readonly RoleName[]>> = {
  A: ["request1", "request0"],
  B: ["flush1", "flush0", "administrator"],
  C: ["subscribe1", "subscribe0", "subscribe1"],
  P: ["send2", "send2", "pull2", "pull2", "pull2"],
};

interface Settings {
  readonly kills: number;
  readonly seed: number;
  /** Where data and histories go and stay; undefined = a temporary folder, kept on failure. */
  readonly keep: string | undefined;
}

const settings = readArguments();
const folder = settings.keep ?? mkdtempSync(join(tmpdir(), "mq9-crash-"));
const historyFolder = join(folder, "history");
mkdirSync(historyFolder, { recursive: true });
const history = new HistoryWriter(historyFolder, "run");
const pullFolder = join(folder, "pulls");
mkdirSync(pullFolder, { recursive: true });
const records = new RecordWriter(pullFolder, "run");
const random = createRandom(settings.seed);
console.log(`seed ${settings.seed}, ${settings.kills} kills, in ${folder}`);

try {
  await run();
  if (settings.keep === undefined) rmSync(folder, { recursive: true, force: true });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(
    `histories and data are in ${folder}\nthe same choices again: npm run crash -- --kills ${settings.kills} --seed ${settings.seed}`,
  );
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const broker = await startBroker({ dataDir: join(folder, "data") });
  const running = Object.entries(drivers).map(([name, roles]) =>
    startDriver({ ...driverDefaults(broker.port), name, roles }),
  );
  try {
    await torment(broker, running);
    // A while of peace: whatever is wrong with the last start shows as a missing answer.
    await sleep(500);
    await Promise.all(running.map(async (driver) => await finish(driver)));
    await killAndRestart(broker);
    await drainAll(broker);
  } finally {
    for (const driver of running) driver.kill("SIGKILL");
    const code = await broker.stop();
    console.log(`the broker stopped with code ${code}`);
  }
  judge();
}

/** Ends the broker `kills` times: mostly at once, sometimes twice in a row, sometimes politely. */
async function torment(broker: RunningBroker, running: readonly ChildProcess[]): Promise<void> {
  for (let end = 1; end <= settings.kills; end += 1) {
    await sleep(random.between(50, 400));
    assertRunning(broker, running);
    if (random.chance(0.1)) await stopAndRestart(broker);
    else await killAndRestart(broker);
    if (random.chance(0.15)) await killWhileStarting(broker, random);
    if (end % endsPerEpoch === 0) {
      for (const driver of running) driver.stdin?.write(`epoch e${settings.seed}-${end}\n`);
    }
  }
}

async function killAndRestart(broker: RunningBroker): Promise<void> {
  note("killed");
  await broker.kill();
  await broker.restart();
  note("started");
}

async function stopAndRestart(broker: RunningBroker): Promise<void> {
  note("stopped");
  const code = await broker.stop();
  if (code !== 0) throw new Error(`the broker stopped with code ${code}\n${broker.logs}`);
  await broker.restart();
  note("started");
}

/** Kills it again before it listens, so that recovery itself is interrupted. */
async function killWhileStarting(broker: RunningBroker, choose: Random): Promise<void> {
  note("killed");
  await broker.kill();
  const starting = broker.restart().catch(() => undefined);
  await sleep(choose.between(0, 250));
  await broker.kill();
  await starting;
  await broker.restart();
  note("started");
}

/** Reads every accepted mailbox to its end. */
async function drainAll(broker: RunningBroker): Promise<void> {
  const created = readHistory(historyFolder).flatMap((event) =>
    event.op === "create" && event.phase === "ok" ? [event.mailbox] : [],
  );
  const mailboxes = [...new Set(created)];
  const options = { ...driverDefaults(broker.port), name: "D", mailboxes };
  await finish(startDriver({ ...options, roles: ["drain"] }), { stop: false });
  const pulled = readRecords(pullFolder).flatMap((record) =>
    record.op === "create" && record.res === "ok" ? [record.mailbox] : [],
  );
  const others = { ...options, name: "E", mailboxes: [...new Set(pulled)] };
  await finish(startDriver({ ...others, roles: ["drain2"] }), { stop: false });
}

function judge(): void {
  const program = fileURLToPath(new URL("./check.js", import.meta.url));
  const verdict = spawnSync(process.execPath, [program, historyFolder], { stdio: "inherit" });
  if (verdict.status !== 0) throw new Error("the promise was broken");
  const checkers = fileURLToPath(new URL("../../history/src/check.js", import.meta.url));
  const pulls = spawnSync(process.execPath, [checkers, pullFolder], { stdio: "inherit" });
  if (pulls.status !== 0) throw new Error("a promise to those who pull was broken");
  const answered = readHistory(historyFolder).filter(
    (event) => event.op === "send" && event.phase === "ok",
  );
  // A run in which hardly anything was accepted proves nothing.
  if (answered.length < 20 * settings.kills) {
    throw new Error(`only ${answered.length} sends were accepted: the load was too small`);
  }
}

function driverDefaults(port: number): DriverOptions {
  const epoch = `e${settings.seed}-0`;
  return {
    port,
    folder: historyFolder,
    pullFolder,
    name: "",
    seed: settings.seed,
    epoch,
    roles: [],
    mailboxes: [],
  };
}

function startDriver(options: DriverOptions): ChildProcess {
  const program = fileURLToPath(new URL("./driver.js", import.meta.url));
  const seed = options.seed + options.name.charCodeAt(0);
  const words = [program, JSON.stringify({ ...options, seed })];
  return spawn(process.execPath, words, { stdio: ["pipe", "inherit", "inherit"] });
}

/** Waits for a driver to end by itself; a drain of many mailboxes takes its time. */
async function finish(driver: ChildProcess, { stop = true } = {}): Promise<void> {
  if (stop) driver.stdin?.write("stop\n");
  const late = setTimeout(() => driver.kill("SIGKILL"), finishMsMax);
  if (driver.exitCode === null) await once(driver, "exit");
  clearTimeout(late);
  const { exitCode, signalCode } = driver;
  if (exitCode !== 0) throw new Error(`a driver ended with ${exitCode ?? signalCode}`);
}

function assertRunning(broker: RunningBroker, running: readonly ChildProcess[]): void {
  const { exitCode, signalCode } = broker.process;
  if (exitCode !== null || signalCode !== null) {
    throw new Error(`the broker ended by itself: ${exitCode ?? signalCode}\n${broker.logs}`);
  }
  const dead = running.find((driver) => driver.exitCode !== null);
  if (dead !== undefined) throw new Error(`a driver gave up with ${dead.exitCode}\n${broker.logs}`);
}

function note(what: "killed" | "stopped" | "started"): void {
  records.life(what === "started" ? "started" : "ended");
  history.write({ op: "process", t: nowMicros(), what });
}

function readArguments(): Settings {
  const { values } = parseArgs({
    options: { kills: { type: "string" }, seed: { type: "string" }, keep: { type: "string" } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
  return { kills: Number(values.kills ?? 20), seed, keep: values.keep };
}
