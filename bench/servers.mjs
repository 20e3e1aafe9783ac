// Starts and stops the servers under load, each a process of its own with a data folder of its own.
// Called by the part-*.mjs files. It measures nothing.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const startTimeoutMs = 20_000;
const running = new Set();

/** What each server is called in options and tables. */
export const serverTitles = {
  nats: "nats-server",
  "js-default": "JetStream default (no fsync before ack)",
  "js-always": "JetStream sync_interval: always",
  log: "append-only log",
  mq9: "mq9",
};

/** The reference server: named by an option, installed by `npm run peers`, or on PATH. */
export function findNatsServer(option) {
  const candidates = [option, path.join(root, ".peers/bin/nats-server"), "nats-server"];
  for (const candidate of candidates.filter(Boolean)) {
    const { status, stdout } = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    if (status === 0)
      return { file: candidate, version: stdout.trim().replace("nats-server: ", "") };
  }
  throw new Error("no nats-server found: run `npm run peers`, or name one with --nats-server");
}

/**
 * Starts a server.
 * @param {string} kind a key of `serverTitles`
 * @returns {Promise<{ port?: number, pid?: number, folder: string, lastWords(): string, stop(): Promise<void> }>}
 */
export async function startServer(kind, options) {
  const folder = fs.mkdtempSync(path.join(options.data, `bench-${kind}-`));
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  try {
    const program = await startProgram(kind, folder, options);
    const server = {
      ...program,
      folder,
      stop: async () => {
        await program.end();
        remove();
        running.delete(server);
      },
    };
    running.add(server);
    return server;
  } catch (error) {
    remove();
    throw error;
  }
}

/** Ends whatever still runs and removes its data: for the end of a run, however it comes. */
export async function stopServers() {
  await Promise.all([...running].map((server) => server.stop()));
}

function startProgram(kind, folder, options) {
  if (kind === "log") return { end: async () => {}, lastWords: () => "" };
  return kind === "mq9" ? startMq9(folder, options) : startNats(kind, folder, options);
}

async function startNats(kind, folder, options) {
  const config = ["listen: 127.0.0.1:-1"];
  if (kind !== "nats") {
    const sync = kind === "js-always" ? ", sync_interval: always" : "";
    config.push(`jetstream { store_dir: ${JSON.stringify(folder)}${sync} }`);
  }
  const file = path.join(folder, "nats.conf");
  fs.writeFileSync(file, `${config.join("\n")}\n`);
  return run(options.natsServer.file, ["-c", file], (line) => {
    return /Listening for client connections on [^ ]*:(\d+)/.exec(line)?.[1];
  });
}

async function startMq9(folder, options) {
  const args = [
    "apps/mq9/bin/mq9.js",
    "serve",
    "--port",
    "-1",
    "--data",
    path.join(folder, "data"),
  ];
  const flags =
    options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`];
  return run(
    process.execPath,
    [...flags, ...args, "--log-format", "json", ...options.mq9Args],
    (line) => {
      if (!line.startsWith("{")) return undefined;
      const entry = JSON.parse(line);
      return entry.msg === "listening" ? entry.port : undefined;
    },
  );
}

/** Runs a program until one line of its stderr tells the port. */
function run(file, args, portOf) {
  const child = spawn(file, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = async () => {
    child.kill("SIGTERM");
    const impatient = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(impatient);
  };
  return new Promise((resolve, reject) => {
    let text = "";
    let ready = false;
    const fail = (reason) => {
      child.kill("SIGKILL");
      reject(new Error(`${path.basename(file)} ${args.join(" ")}: ${reason}\n${text}`));
    };
    const late = setTimeout(() => fail("said no port in time"), startTimeoutMs);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code) => {
      clearTimeout(late);
      if (!ready) fail(`ended with ${code}`);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk) => {
      text = (text + chunk).slice(-8192);
      if (ready) return;
      for (const line of text.split("\n").slice(0, -1)) {
        const port = portOf(line);
        if (port === undefined) continue;
        ready = true;
        clearTimeout(late);
        resolve({ port: Number(port), pid: child.pid, end, lastWords: () => text.slice(-1000) });
        return;
      }
    });
  });
}
