// The soak of the SDK: programs that use it as anybody would, behind a network and beside a broker that
// fail at random, and a checker over what they saw. `npm run soak -- --seconds 3600 [--seed N] [--keep FOLDER]`
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startBroker } from "@mq9/testkit";
import { check } from "./check.mjs";
import { FaultProxy } from "./fault-proxy.mjs";
import { pause, randomFrom } from "./random.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    keep: { type: "string" },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
const random = randomFrom(seed);
const folder = values.keep ?? fs.mkdtempSync(path.join(os.tmpdir(), "mq9-soak-"));
fs.mkdirSync(folder, { recursive: true });
const groups = ["g", "h"];
const roles = [
  "producer",
  "producer",
  "consumer:g",
  "consumer:g",
  "consumer:h",
  "replier",
  "replier",
  "asker:agent",
  "asker",
];
/** How long the programs get to finish what is open when all faults are over. */
const drainMs = 90_000;

const driver = fs.openSync(path.join(folder, "driver.jsonl"), "a");
const faults = {};
function note(what, fields = {}) {
  faults[what] = (faults[what] ?? 0) + 1;
  fs.writeSync(driver, `${JSON.stringify({ at: Date.now(), what, name: "driver", ...fields })}\n`);
}

const many = "10000000";
const broker = await startBroker({
  args: [
    "--max-messages-per-mailbox",
    many,
    "--max-messages",
    many,
    "--max-bytes-per-mailbox",
    "10737418240",
  ],
});
const proxy = await FaultProxy.start(broker.port);
await makeMailboxes();
const programs = roles.map((role, place) => startProgram(role, place));
console.log(`soak of ${seconds} s, seed ${seed}, histories in ${folder}`);

const endMs = Date.now() + seconds * 1000;
let toldMs = Date.now();
while (Date.now() < endMs) {
  await pause(300 + random() * 2_000);
  await fault(random());
  if (Date.now() - toldMs > 30_000) {
    toldMs = Date.now();
    const { counts, violations } = check(readAll(), groups);
    console.log(
      `${Math.round((endMs - Date.now()) / 1000)} s left: ${counts.sent} sent, ${counts.answered} answered, ${violations.length} violations`,
    );
  }
}

proxy.heal();
const result = await drained();
for (const program of programs) program.stop();
await Promise.all(programs.map(({ ended }) => ended()));
const { violations, missing, counts } = check(readAll(), groups);
await proxy.stop();
await broker[Symbol.asyncDispose]();

console.log(
  JSON.stringify({ seed, seconds, faults, counts, missing, violations: violations.length }),
);
for (const each of violations.slice(0, 20)) console.log(`VIOLATION ${each}`);
if (missing > 0) console.log(`VIOLATION lost or unanswered: ${missing} (${result})`);
const isGood = violations.length === 0 && missing === 0;
console.log(isGood ? "0 violations" : `failed; histories in ${folder}`);
if (isGood && values.keep === undefined) fs.rmSync(folder, { recursive: true, force: true });
process.exit(isGood ? 0 : 1);

async function fault(chance) {
  if (chance < 0.28) {
    note("cut");
    proxy.cut(() => random() < 0.5);
  } else if (chance < 0.4) {
    note("refused");
    proxy.refuse(true);
    await pause(200 + random() * 1_800);
    proxy.refuse(false);
  } else if (chance < 0.5) {
    note("silent");
    proxy.silence(() => random() < 0.3);
  } else if (chance < 0.62) {
    note("slow");
    proxy.delay(20 + random() * 200);
    await pause(500 + random() * 1_500);
    proxy.delay(0);
  } else if (chance < 0.77) {
    note("broker-killed");
    await broker.kill();
    await pause(random() * 1_000);
    await broker.restart();
  } else if (chance < 0.82) {
    note("broker-stopped");
    await broker.restart();
  } else {
    note("program-killed");
    programs[Math.floor(random() * programs.length)].kill();
  }
}

function startProgram(role, place) {
  const name = `${role.replace(":", "-")}-${place}`;
  const file = path.join(folder, `${name}.jsonl`);
  let lives = 0;
  let isStopping = false;
  let child;
  let exited;
  const start = () => {
    lives += 1;
    fs.closeSync(fs.openSync(file, "a"));
    const words = [
      "tests/sdk-soak/client.mjs",
      role,
      name,
      proxy.url,
      file,
      String(seed * 1_000 + place * 100 + lives),
    ];
    child = spawn(process.execPath, words, {
      stdio: ["ignore", "inherit", "inherit"],
      cwd: path.join(import.meta.dirname, "../.."),
    });
    const self = child;
    exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        if (code !== 0 && code !== null) note("program-failed", { program: name, code });
        resolve();
        if (!isStopping && self === child && signal !== "SIGTERM") start();
      });
    });
  };
  start();
  return {
    kill: () => child.kill("SIGKILL"),
    stop: () => {
      isStopping = true;
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 30_000).unref();
    },
    ended: () => exited,
    role,
    finish: () => child.kill("SIGTERM"),
  };
}

/** Nothing new comes from now on; what is open is finished. */
async function drained() {
  // Producers and askers stop by themselves; their exit with SIGTERM's wish is an end.
  for (const program of programs) if (/^producer|^asker/.test(program.role)) program.stop();
  await Promise.all(
    programs.filter(({ role }) => /^producer|^asker/.test(role)).map(({ ended }) => ended()),
  );
  const untilMs = Date.now() + drainMs;
  for (;;) {
    const { missing } = check(readAll(), groups);
    if (missing === 0) return "drained";
    if (Date.now() > untilMs) return `still open after ${drainMs} ms`;
    await pause(1_000);
  }
}

function readAll() {
  const records = [];
  for (const file of fs.readdirSync(folder)) {
    if (!file.endsWith(".jsonl")) continue;
    for (const line of fs.readFileSync(path.join(folder, file), "utf8").split("\n")) {
      if (line === "") continue;
      try {
        records.push(JSON.parse(line));
      } catch {
        // the last line of a life that was killed while it wrote
      }
    }
  }
  return records;
}

async function makeMailboxes() {
  const { connect } = await import("@mq9/sdk");
  const mq9 = await connect(broker.url);
  await mq9.createMailbox({ name: "soak.jobs" });
  await mq9.createMailbox({ name: "soak.questions" });
  await mq9.close();
}
