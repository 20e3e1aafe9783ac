// Holds a rate of sends and acknowledgements for a while, and tells how long each took: senders at a
// fixed pace to many mailboxes, and workers that fetch in groups, or are pushed to, and acknowledge every
// message with a request.
//
//   node bench/work.mjs --seconds 120 --rate 20000 --mailboxes 100 --way push
import { parseArgs } from "node:util";
import { nowUs, residentBytes, sleep } from "./meter.mjs";
import { Latencies, Requester } from "./requests.mjs";
import { startServer, stopServers } from "./servers.mjs";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    warmup: { type: "string", default: "5" },
    rate: { type: "string", default: "20000" },
    mailboxes: { type: "string", default: "100" },
    bytes: { type: "string", default: "256" },
    way: { type: "string", default: "pull" },
    fetch: { type: "string", default: "100" },
    data: { type: "string", default: "." },
  },
});
const [seconds, warmup, rate, mailboxes, bytes, fetchCount] = [
  values.seconds,
  values.warmup,
  values.rate,
  values.mailboxes,
  values.bytes,
  values.fetch,
].map(Number);

/** Fetches that wait on one connection at the same time; the broker's limit is a little higher. */
const fetchesPerConnection = 50;

const server = await startServer("mq9", {
  data: values.data,
  mq9Args: ["--max-messages", "0", "--max-messages-per-mailbox", "0"],
});
try {
  await run();
} finally {
  await stopServers();
}

async function run() {
  const sender = await Requester.open(server.port, "sender");
  const workers = [];
  while (workers.length * fetchesPerConnection < mailboxes) {
    workers.push(await Requester.open(server.port, `worker${workers.length}`));
  }
  for (let i = 0; i < mailboxes; i++) {
    await sender.ask("$mq9.AI.MAILBOX.CREATE", { name: `work.${i}`, idempotent: true, ttl: 3600 });
  }
  const sends = new Latencies();
  const acks = new Latencies();
  const fetches = new Latencies();
  let [sent, acked, refused, stopped] = [0, 0, 0, false];
  const payload = Buffer.alloc(bytes, "x");

  const acknowledge = (worker, subject, body, done) => {
    const askedUs = nowUs();
    worker.request(subject, body, (answer) => {
      acks.add((nowUs() - askedUs) / 1000);
      if (answer.includes('"error":""')) acked++;
      else refused++;
      done();
    });
  };
  const consume = (mailbox) => {
    if (stopped) return;
    const worker = workers[mailbox % workers.length];
    const startedUs = nowUs();
    const body = `{"group_name":"g","deliver":"earliest","force_deliver":false,"config":{"num_msgs":${fetchCount},"max_wait_ms":1000}}`;
    worker.request(`$mq9.AI.MSG.FETCH.work.${mailbox}`, body, (reply) => {
      const { error, messages = [] } = JSON.parse(String(reply));
      if (error !== undefined && error !== "") refused++;
      if (messages.length > 0) fetches.add((nowUs() - startedUs) / 1000);
      let open = messages.length;
      const done = () => {
        open--;
        if (open === 0) consume(mailbox);
      };
      if (open === 0) consume(mailbox);
      for (const { msg_id } of messages) {
        const settled = `{"group_name":"g","ack_mode":"one","msg_id":${msg_id}}`;
        acknowledge(worker, `$mq9.AI.MSG.ACK.work.${mailbox}`, settled, done);
      }
    });
  };
  if (values.way === "push") {
    for (const [at, worker] of workers.entries()) {
      const own = Array.from({ length: mailboxes }, (_, i) => i).filter(
        (i) => i % workers.length === at,
      );
      const subjects = own.map((i) => `$mq9.AI.MSG.PUSH.work.${i}`);
      await worker.subscribe(subjects, "g", (reply) => acknowledge(worker, reply, "", () => {}));
    }
  } else {
    for (let i = 0; i < mailboxes; i++) consume(i);
  }

  const startedUs = nowUs();
  let atWarmth;
  while (nowUs() - startedUs < (warmup + seconds) * 1e6) {
    if (atWarmth === undefined && nowUs() - startedUs >= warmup * 1e6) {
      for (const latencies of [sends, acks, fetches]) latencies.clear();
      atWarmth = { atUs: nowUs(), acked };
    }
    const due = Math.floor(((nowUs() - startedUs) / 1e6) * rate);
    for (; sent < due; sent++) {
      const askedUs = nowUs();
      sender.request(`$mq9.AI.MSG.SEND.work.${sent % mailboxes}`, payload, (answer) => {
        sends.add((nowUs() - askedUs) / 1000);
        if (!answer.includes('"error":""')) refused++;
      });
    }
    await sleep(1);
  }
  const elapsed = (nowUs() - atWarmth.atUs) / 1e6;
  const [sentInTime, ackedInTime] = [sends.count, acked - atWarmth.acked];
  for (let i = 0; i < 2000 && (acked < sent || sender.waiting > 0); i++) await sleep(5);
  stopped = true;
  const row = (name, latencies, count) =>
    `| ${name} | ${Math.round(count / elapsed)} | ${[0.5, 0.99, 0.999, 1].map((share) => latencies.at(share).toFixed(1)).join(" | ")} |\n`;
  process.stdout.write(
    `\n${rate} sends of ${bytes} B a second to ${mailboxes} mailboxes for ${seconds} s after ${warmup} s of warming up; a group of one worker each, ${values.way === "push" ? "pushed with leases" : `at most ${fetchCount} a fetch`}\n\n` +
      "| | per second | p50 ms | p99 ms | p99.9 ms | max ms |\n|---|---|---|---|---|---|\n" +
      row("send", sends, sentInTime) +
      row("ack", acks, ackedInTime) +
      (fetches.count > 0 ? row("fetch that found mail", fetches, fetches.count) : "") +
      `\nsent ${sent}, acknowledged ${acked}, refused ${refused}; resident ${Math.round(residentBytes(server.pid) / 1048576)} MiB\n`,
  );
  sender.close();
  for (const worker of workers) worker.close();
  if (acked !== sent || refused > 0) process.exitCode = 1;
}
