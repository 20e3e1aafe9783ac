// How fast a consumer of the SDK empties a mailbox: the broker a process of its own, the consumer this one,
// an empty handler, automatic acknowledgements. `node bench/consume.mjs [--messages N] [--reps N]
// [--size BYTES] [--concurrency N] [--profile DIR]`. Messages are counted when the broker has confirmed
// that they are settled; the processor time per message is the figure that other load cannot spoil.
import { readFileSync } from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { connect } from "@mq9/sdk";
import { startServer, stopServers } from "./servers.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: { messages: text, reps: text, size: text, concurrency: text, profile: text },
});
const messages = Number(values.messages ?? 90_000);
const reps = Number(values.reps ?? 5);
const size = Number(values.size ?? 100);
const concurrency = Number(values.concurrency ?? 1);
/** A mailbox holds so many; more are read again by further groups. */
const mailboxMost = 100_000;
const atOnce = 1_000;

if (!(messages > 0 && messages <= mailboxMost && reps > 0)) {
  process.stderr.write(`bench: --messages is 1 to ${mailboxMost}, --reps at least 1\n`);
  process.exit(2);
}
const server = await startServer("mq9", {
  data: os.tmpdir(),
  mq9Args: ["--disk-soft-mark", "0", "--disk-hard-mark", "0", "--disk-reserve", "0"],
  profile: values.profile,
});
try {
  const mq9 = await connect(`nats://127.0.0.1:${server.port}`);
  const box = await mq9.createMailbox({ name: "bench" });
  const payload = new Uint8Array(size).fill(0x61);
  for (let sent = 0; sent < messages; sent += atOnce) {
    const many = Math.min(atOnce, messages - sent);
    await Promise.all(Array.from({ length: many }, () => box.send(payload)));
  }
  const rows = [];
  for (let rep = 0; rep < reps; rep += 1) rows.push(await empty(box, rep));
  report(rows);
  await mq9.close();
} finally {
  await stopServers();
}

/** A group that is new begins with the oldest message, so that each repetition reads all of them. */
async function empty(box, rep) {
  const serverBefore = processorMs(server.pid);
  const ownBefore = process.cpuUsage();
  const beganMs = performance.now();
  let handled = 0;
  let finished;
  const all = new Promise((resolve) => {
    finished = resolve;
  });
  const consumer = box.consume(
    async () => {
      handled += 1;
      if (handled === messages) finished();
    },
    { group: `bench-${rep}`, concurrency },
  );
  await Promise.race([all, consumer.done]);
  await consumer.stop();
  const { acked, repeats } = consumer.stats;
  if (acked !== messages || repeats !== 0) throw new Error(`acked ${acked}, repeats ${repeats}`);
  const seconds = (performance.now() - beganMs) / 1000;
  const own = process.cpuUsage(ownBefore);
  return {
    perSecond: messages / seconds,
    brokerUs: ((processorMs(server.pid) - serverBefore) * 1000) / messages,
    consumerUs: (own.user + own.system) / messages,
  };
}

function report(rows) {
  const { version } = process;
  console.log(
    `${messages} messages of ${size} B, concurrency ${concurrency}, ${reps} times, Node ${version}\n`,
  );
  console.log("| | median | min–max |\n|---|---|---|");
  for (const [name, title, digits] of [
    ["perSecond", "messages a second, handled and acknowledged", 0],
    ["brokerUs", "broker, µs of processor per message", 1],
    ["consumerUs", "consumer, µs of processor per message", 1],
  ]) {
    const sorted = rows.map((row) => row[name]).sort((a, b) => a - b);
    const [least, middle, most] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
      sorted[at].toFixed(digits),
    );
    console.log(`| ${title} | ${middle} | ${least}–${most} |`);
  }
}

/** Clock ticks of /proc/<pid>/stat are 10 ms on every Linux that Node supports; elsewhere nothing is told. */
function processorMs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(" ");
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return Number.NaN;
  }
}
