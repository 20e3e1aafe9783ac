// npm run demo
// Two agents, one of them away; three priorities; a kill -9 of the broker between send and receive.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connect } from "@nats-io/transport-node";

const executable = fileURLToPath(new URL("../apps/mq9/bin/mq9.js", import.meta.url));
const data = await mkdtemp(join(tmpdir(), "mq9-demo-"));
const say = (who, text) => console.log(`${who.padEnd(9)} ${text}`);

/** Starts the broker on the demo's data folder; resolves once it listens. */
function startBroker(port) {
  const args = ["serve", "--port", String(port), "--data", data, "--log-format", "json"];
  // The demo stores a few kilobytes: it runs on a nearly full disk too.
  const anyDisk = ["--disk-soft-mark", "0", "--disk-hard-mark", "0", "--disk-reserve", "0"];
  const child = spawn(process.execPath, [executable, ...args, ...anyDisk], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the broker ended with code ${code}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.msg === "listening") resolve({ child, port: event.port });
    });
  });
}

const killed = (child) =>
  new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.once("exit", resolve);
    child.kill("SIGKILL");
  });

const request = async (nc, subject, body) =>
  (await nc.request(subject, JSON.stringify(body))).json();

let broker = await startBroker(-1);
say("broker", `listening on 127.0.0.1:${broker.port}, data in ${data}`);

// The planner is here; the reviewer is not running.
let planner = await connect({ servers: `127.0.0.1:${broker.port}` });
const inbox = (await request(planner, "$mq9.AI.MAILBOX.CREATE", { ttl: 3600 })).mail_id;
await request(planner, "$mq9.AI.MAILBOX.CREATE", {
  ttl: 3600,
  public: true,
  name: "reviewer",
  desc: "reviews pull requests",
});
say("planner", "the reviewer is away; sending three messages to its mailbox");
for (const [priority, text] of [
  ["", "tidy the changelog"],
  [".urgent", "review pull request 12"],
  [".critical", "stop the deployment of pull request 11"],
]) {
  planner.publish(
    `$mq9.AI.MAILBOX.MSG.reviewer${priority}`,
    JSON.stringify({ text, reply_to: inbox }),
  );
  say("planner", `  sent ${(priority.slice(1) || "normal").padEnd(8)} ${text}`);
}
await planner.flush();
say("planner", "flushed: all three are on disk");
await planner.close();

await killed(broker.child);
say("broker", "killed with kill -9");
broker = await startBroker(broker.port);
say("broker", "started again on the same data");

// Now the reviewer starts, and finds its mail in priority order.
const reviewer = await connect({ servers: `127.0.0.1:${broker.port}` });
const mail = reviewer.subscribe("$mq9.AI.MAILBOX.MSG.reviewer.*", { max: 3 });
for await (const message of mail) {
  const { text, reply_to } = message.json();
  say("reviewer", `got ${message.headers.get("mq9-priority").padEnd(8)} ${text}`);
  reviewer.publish(`$mq9.AI.MAILBOX.MSG.${reply_to}`, `done: ${text}`);
}
await reviewer.flush();
await reviewer.close();

// And the planner, back later, finds the answers.
planner = await connect({ servers: `127.0.0.1:${broker.port}` });
for await (const answer of planner.subscribe(`$mq9.AI.MAILBOX.MSG.${inbox}.*`, { max: 3 })) {
  say("planner", `got answer: ${answer.string()}`);
}
await planner.close();

broker.child.removeAllListeners("exit");
broker.child.kill("SIGTERM");
await new Promise((resolve) => broker.child.once("exit", resolve));
await rm(data, { recursive: true });
say("demo", "nothing was lost, and the urgent mail came first");
