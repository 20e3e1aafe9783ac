// What is measured: each part names its contenders, its cases and how one step is done.
// Walked by run.mjs, which rotates the order and repeats. Loads themselves are in load-*.mjs.
import { generate, start } from "./generator.mjs";
import { residentBytes, sleep } from "./meter.mjs";
import { memoryTable, ratioTable } from "./report.mjs";

/** Mailboxes (or subjects of one stream) that the case `spread` spreads its sends over. */
const spreadTargets = 1000;
const streamName = "BENCH";
/** How often everything that is on the way has to turn over before a rate is believed. */
const turnsMin = 4;

function timing(options, server) {
  return {
    port: server.port,
    serverPid: server.pid,
    warmMs: options.warmMs,
    measureMs: options.seconds * 1000,
  };
}

/** One request to a server; its reply must carry no error. */
function ask(server, subject, body, field) {
  return generate({
    load: "durable.requests",
    port: server.port,
    subject,
    body,
    field,
    requests: 1,
    inFlight: 1,
  });
}

const core = {
  title: "Core PUB → MSG: messages delivered per second",
  contenders: ["nats", "mq9"],
  ratios: [["mq9", "nats"]],
  serversLive: "part",
  table: ratioTable,
  cases: (options) =>
    options.shapes.flatMap((shape) =>
      options.sizes.map((size) => ({ label: `${shape}, ${size} B`, shape, size })),
    ),
  step: (server, one, options) => {
    const [left, right] = one.shape.split("-").map(Number);
    const publishers = left === right ? left : 1;
    return generate({
      load: "core.publish",
      ...timing(options, server),
      publishers,
      fanOut: left === right ? 1 : right,
      size: one.size,
      window: options.window,
    });
  },
};

const request = {
  title: "Request/reply through the core: round trips per second, 128 B each way",
  contenders: ["nats", "mq9"],
  ratios: [["mq9", "nats"]],
  serversLive: "part",
  table: ratioTable,
  cases: (options) =>
    options.pairs.map((pairs) => ({ label: pairs === 1 ? "1 pair" : `${pairs} pairs`, pairs })),
  step: async (server, one, options) => {
    const size = 128;
    const responder = start({ load: "core.respond", port: server.port, pairs: one.pairs, size });
    try {
      await responder.result;
      return await generate({
        load: "core.request",
        ...timing(options, server),
        pairs: one.pairs,
        size,
      });
    } finally {
      responder.stop();
    }
  },
};

const durableContenders = ["log", "js-always", "js-default", "mq9"];
const durableRatios = [
  ["mq9", "js-always"],
  ["mq9", "js-default"],
  ["mq9", "log"],
];

/** What tells a mailbox broker from a JetStream: where to send and which number an answer holds. */
async function targetsOf(kind, server, where) {
  if (kind === "mq9") {
    const mailboxes = where === "spread" ? server.mailboxes : await createMailboxes(server, 1);
    return { targets: mailboxes.map((id) => `$mq9.AI.INBOX.${id}.normal`), numberField: "msg_id" };
  }
  await ask(server, `$JS.API.STREAM.PURGE.${streamName}`, "");
  const count = where === "spread" ? spreadTargets : 1;
  return {
    targets: Array.from({ length: count }, (_, i) => `bench.mail.${i}`),
    numberField: "seq",
  };
}

async function createMailboxes(server, count) {
  const created = await generate({
    load: "durable.requests",
    port: server.port,
    subject: "$mq9.AI.MAILBOX.CREATE",
    body: '{"ttl":86400}',
    field: "mail_id",
    requests: count,
    inFlight: Math.min(count, 256),
  });
  if (created.values.some((id) => typeof id !== "string"))
    throw new Error("CREATE gave no mail_id");
  return created.values;
}

async function prepareDurable(kind, server) {
  if (kind === "mq9") server.mailboxes = await createMailboxes(server, spreadTargets);
  if (kind.startsWith("js-")) {
    const config = {
      name: streamName,
      subjects: ["bench.mail.*"],
      storage: "file",
      retention: "limits",
    };
    await ask(server, `$JS.API.STREAM.CREATE.${streamName}`, JSON.stringify(config));
  }
}

const durable = {
  title:
    "Durable send: messages answered per second (answer after fsync, except JetStream default)",
  contenders: durableContenders,
  ratios: durableRatios,
  serversLive: "repetition",
  table: ratioTable,
  prepare: prepareDurable,
  cases: (options) =>
    options.targets.flatMap((where) =>
      options.inFlight.flatMap((inFlight) =>
        options.mailSizes.map((size) => ({
          label: `${inFlight} in flight, ${size} B, ${where === "spread" ? `${spreadTargets} mailboxes` : "1 mailbox"}`,
          where,
          inFlight,
          size,
        })),
      ),
    ),
  step: async (server, one, options, kind) => {
    if (kind === "log") return append(server, one.inFlight, one.size, options);
    return generate({
      load: "durable.send",
      ...timing(options, server),
      ...(await targetsOf(kind, server, one.where)),
      connections: Math.min(options.connections, one.inFlight),
      inFlight: one.inFlight,
      size: one.size,
      countMin: one.inFlight * turnsMin,
    });
  },
};

function append(server, inFlight, size, options) {
  return generate({
    load: "log.append",
    ...timing(options, server),
    folder: server.folder,
    inFlight,
    size,
  });
}

const flush = {
  title: "Sends confirmed by the batch: messages per second",
  note: "p50 and p99 are of a whole batch. mq9: no replies, one PING after the batch, its PONG. JetStream, whose PONG says nothing about storage: the last send of the batch is answered. Log: one write and fdatasync per batch.",
  contenders: durableContenders,
  ratios: durableRatios,
  serversLive: "repetition",
  table: ratioTable,
  prepare: prepareDurable,
  cases: (options) =>
    options.batches.map((batch) => ({
      label: `batches of ${batch}, 256 B, ${spreadTargets} mailboxes`,
      batch,
    })),
  step: async (server, one, options, kind) => {
    const size = 256;
    if (kind === "log") return append(server, one.batch, size, options);
    return generate({
      load: "durable.flush",
      ...timing(options, server),
      ...(await targetsOf(kind, server, "spread")),
      batch: one.batch,
      size,
      countMin: one.batch * turnsMin,
      roundEnd: kind === "mq9" ? "pong" : "answer",
    });
  },
};

const replay = {
  title: "Replay of one mailbox to one new subscriber: messages per second",
  note: "JetStream: a push consumer without acknowledgement over a stream of as many messages.",
  contenders: ["js-default", "mq9"],
  ratios: [["mq9", "js-default"]],
  serversLive: "repetition",
  table: ratioTable,
  prepare: prepareDurable,
  cases: (options) => [
    { label: `${options.messages} messages, 256 B`, messages: options.messages },
  ],
  step: async (server, one, _options, kind) => {
    const size = 256;
    const { targets } = await targetsOf(kind, server, "single");
    const common = { port: server.port, messages: one.messages, size };
    await generate({ load: "durable.fill", ...common, targets, inFlight: 1024 });
    return generate({ load: "durable.replay", ...common, open: readerOf(kind, targets[0]) });
  },
};

/** What a new reader writes; `<inbox>` stands for a subject that takes the answer. */
function readerOf(kind, target) {
  if (kind === "mq9") return `SUB ${target.replace(/normal$/, "*")} 2\r\n`;
  // A subject of its own each time: an earlier reader's consumer may still be there.
  const deliver = `bench.delivered.${Date.now()}`;
  const body = JSON.stringify({
    stream_name: streamName,
    config: { deliver_subject: deliver, deliver_policy: "all", ack_policy: "none" },
  });
  return `SUB ${deliver} 2\r\nPUB $JS.API.CONSUMER.CREATE.${streamName} <inbox> ${body.length}\r\n${body}\r\n`;
}

const memory = {
  title: "Memory of empty mailboxes and speed of creation",
  contenders: ["js-default", "mq9"],
  ratios: [],
  serversLive: "repetition",
  warm: false,
  table: memoryTable,
  cases: () => [{ label: "create" }],
  step: async (server, _one, options, kind) => {
    const count = kind === "mq9" ? options.mailboxes : options.streams;
    const create =
      kind === "mq9"
        ? { subject: "$mq9.AI.MAILBOX.CREATE", body: '{"ttl":86400}', inFlight: 256 }
        : {
            subject: "$JS.API.STREAM.CREATE.S<n>",
            body: '{"name":"S<n>","subjects":["bench.s.<n>"],"storage":"file"}',
            inFlight: 16,
          };
    const before = residentBytes(server.pid);
    const result = await generate({
      load: "durable.requests",
      port: server.port,
      ...create,
      requests: count,
    });
    const after = residentBytes(server.pid);
    await sleep(options.settleMs);
    const settled = residentBytes(server.pid);
    return { ...result, count, before, after, settled };
  },
};

/** Every part by the name it has on the command line, in the order of a whole run. */
export const parts = { core, request, durable, flush, replay, memory };
