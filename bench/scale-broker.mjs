// Starts the broker on a folder that outlives it, and times the start.
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { nowUs } from "./meter.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const unlimited = ["--max-mailboxes", "--max-messages", "--max-bytes"].flatMap((flag) => [
  flag,
  "0",
]);

/** @returns {Promise<{ port: number, pid: number, startUs: number, stop(): Promise<void>, kill(): Promise<void> }>} */
export async function startBroker(folder) {
  const startedUs = nowUs();
  const child = spawn(
    process.execPath,
    [
      "apps/mq9/bin/mq9.js",
      "serve",
      "--port",
      "-1",
      "--data",
      path.resolve(folder, "data"),
      "--log-format",
      "json",
      ...unlimited,
    ],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const end = async (signal) => {
    child.kill(signal);
    await ended;
  };
  const port = await new Promise((resolve, reject) => {
    let text = "";
    child.once("exit", (code) => reject(new Error(`the broker ended with ${code}\n${text}`)));
    child.stderr.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      for (const line of text.split("\n").slice(0, -1)) {
        if (!line.startsWith("{")) continue;
        const entry = JSON.parse(line);
        if (entry.msg === "listening") resolve(entry.port);
      }
      text = text.slice(text.lastIndexOf("\n") + 1);
    });
  });
  return {
    port,
    pid: child.pid,
    startUs: nowUs() - startedUs,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}
