// Fills one broker with many mailboxes and messages, and tells what that costs: memory, the time to
// start on such a store, and how long CREATE, SEND and FETCH take with all that in it.
//
//   node bench/scale.mjs --mailboxes 1000000 --messages 10000000
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { nowUs, ownBytes, residentBytes, sleep } from "./meter.mjs";
import { Latencies, Requester } from "./requests.mjs";
import { startBroker } from "./scale-broker.mjs";

const { values } = parseArgs({
  options: {
    mailboxes: { type: "string", default: "1000000" },
    messages: { type: "string", default: "10000000" },
    bytes: { type: "string", default: "100" },
    data: { type: "string", default: "." },
  },
});
const mailboxes = Number(values.mailboxes);
const messages = Number(values.messages);
const folder = mkdtempSync(path.join(values.data, "bench-scale-"));
const rows = [];
const say = (what, value) => {
  rows.push([what, value]);
  process.stderr.write(`${what}: ${value}\n`);
};
const mebibytes = (bytes) => `${Math.round(bytes / 1048576)} MiB`;
const memory = (pid) =>
  `${mebibytes(residentBytes(pid))}, of which ${mebibytes(ownBytes(pid))} its own, the rest mapped files`;
const seconds = (us) => `${(us / 1e6).toFixed(2)} s`;

try {
  const empty = await startBroker(folder);
  say("start on an empty folder", seconds(empty.startUs));
  say("resident, empty", memory(empty.pid));
  const filler = await Requester.open(empty.port, "filler");
  await fill(filler, "mailboxes created", mailboxes, 256, (i, done) =>
    filler.request("$mq9.AI.MAILBOX.CREATE", `{"name":"m.${i}","ttl":0}`, done),
  );
  say("resident after that", memory(empty.pid));
  const payload = Buffer.alloc(Number(values.bytes), "x");
  await fill(filler, "messages sent", messages, 2048, (i, done) =>
    filler.request(`$mq9.AI.MSG.SEND.m.${(i * 7919) % mailboxes}`, payload, done),
  );
  say("resident after that", memory(empty.pid));
  await sleep(5000);
  say("resident, idle", memory(empty.pid));
  await lookAround(filler, "in the process that wrote it");
  filler.close();
  await empty.stop();

  const again = await startBroker(folder);
  say("start on the full folder, after a clean stop", seconds(again.startUs));
  say("resident then", memory(again.pid));
  const reader = await Requester.open(again.port, "reader");
  await lookAround(reader, "after the start");
  say("resident after that", memory(again.pid));
  reader.close();
  await again.kill();

  const killed = await startBroker(folder);
  say("start on the full folder, after kill -9", seconds(killed.startUs));
  await killed.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(
  `\n${mailboxes} mailboxes, ${messages} messages of ${values.bytes} B\n\n| | |\n|---|---|\n${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`,
);

/** Runs `count` requests, `most` of them under way at a time. */
async function fill(requester, what, count, most, one) {
  const startedUs = nowUs();
  let [begun, ended, refused] = [0, 0, 0];
  await new Promise((resolve) => {
    const more = () => {
      while (begun < count && begun - ended < most) one(begun++, finish);
    };
    const finish = (reply) => {
      if (!reply.includes('"error":""')) refused++;
      ended++;
      if (ended % 500_000 === 0) process.stderr.write(`  ${ended} of ${count}\n`);
      if (ended === count) resolve();
      else if (begun - ended < most / 2) more();
    };
    more();
  });
  const us = nowUs() - startedUs;
  say(what, `${count} in ${seconds(us)}, ${Math.round((count / us) * 1e6)} a second`);
  if (refused > 0) throw new Error(`${refused} requests were refused`);
}

/** Latencies of single requests to mailboxes that nobody touched lately. */
async function lookAround(requester, when) {
  const cases = {
    CREATE: (i) => ["$mq9.AI.MAILBOX.CREATE", { name: `new.${when.length}.${i}`, ttl: 60 }],
    SEND: (i) => [`$mq9.AI.MSG.SEND.m.${pick(i)}`, { some: "body" }],
    "FETCH in a group": (i) => [
      `$mq9.AI.MSG.FETCH.m.${pick(i + 5000)}`,
      { group_name: "g", deliver: "earliest", config: { num_msgs: 10, max_wait_ms: 0 } },
    ],
    QUERY: (i) => [`$mq9.AI.MSG.QUERY.m.${pick(i + 9000)}`, { limit: 10 }],
  };
  for (const [name, make] of Object.entries(cases)) {
    const latencies = new Latencies();
    for (let i = 0; i < 2000; i++) {
      const [subject, body] = make(i);
      const startedUs = nowUs();
      const reply = await requester.ask(subject, body);
      latencies.add((nowUs() - startedUs) / 1000);
      if (reply.error !== undefined && reply.error !== "") throw new Error(reply.error);
    }
    say(
      `${name}, one at a time, ${when}`,
      `p50 ${latencies.at(0.5).toFixed(2)} ms, p99 ${latencies.at(0.99).toFixed(2)} ms`,
    );
  }
}

function pick(i) {
  return (i * 104_729 + 17) % mailboxes;
}
