// The command line of `npm run bench`. Called by run.mjs.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { parts } from "./parts.mjs";
import { findNatsServer, serverTitles } from "./servers.mjs";

const usage = `npm run bench -- [part …] [options]

parts          ${Object.keys(parts).join(" ")}   (default: all)

--quick            one short repetition of everything: does it run, is it in the right region
--reps N           repetitions (5)
--seconds S        measured time of a step (0.8)
--contenders LIST  of ${Object.keys(serverTitles).join(",")} (all)
--sizes LIST       core: payload bytes (16,128,1024)
--shapes LIST      core: publishers-subscribers (1-1,4-4,1-16)
--window N         core: messages in flight per publisher (4096)
--pairs LIST       request: pairs at once (1,64)
--in-flight LIST   durable: sends on the way (1,64,1024)
--connections N    durable: connections that share the sends on the way (1)
--mail-sizes LIST  durable: payload bytes (256,1024)
--targets LIST     durable: spread,single
--batches LIST     flush: sends per PING (100,1000)
--messages N       replay: messages stored (100000)
--mailboxes N      memory: mailboxes created (100000)
--streams N        memory: JetStream streams created for comparison (1000)
--data DIR         where servers keep their data (the system's folder for temporary files)
--nats-server FILE the reference server (.peers/bin/nats-server, then PATH)
--mq9-arg ARG      one more argument for \`mq9 serve\`; may be repeated
--profile DIR      write CPU profiles of mq9 there and add the functions with most self time
--name NAME        keep the report as bench/results/NAME.md; a whole run is kept under its date anyway
`;

/** @returns what a run needs to know; ends the process on a wrong command line. */
export function optionsFrom(args) {
  try {
    return read(args);
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(2);
  }
}

function read(args) {
  const text = { type: "string" };
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: "boolean" },
      quick: { type: "boolean" },
      reps: text,
      seconds: text,
      contenders: text,
      sizes: text,
      shapes: text,
      window: text,
      pairs: text,
      "in-flight": text,
      connections: text,
      "mail-sizes": text,
      targets: text,
      batches: text,
      messages: text,
      mailboxes: text,
      streams: text,
      data: text,
      "nats-server": text,
      "mq9-arg": { type: "string", multiple: true },
      profile: text,
      name: text,
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const quick = values.quick ?? false;
  const chosen = known("part", positionals.length === 0 ? Object.keys(parts) : positionals, parts);
  const contenders = known(
    "contender",
    values.contenders?.split(",") ?? Object.keys(serverTitles),
    serverTitles,
  );
  const needsNats = contenders.some((kind) => kind !== "mq9" && kind !== "log");
  const date = new Date().toISOString().slice(0, 10);
  const whole = positionals.length === 0 && !quick && values.contenders === undefined;
  return {
    parts: chosen,
    contenders,
    reps: number(values.reps, quick ? 1 : 5),
    seconds: number(values.seconds, quick ? 0.4 : 0.8),
    warmMs: quick ? 150 : 200,
    settleMs: quick ? 500 : 3000,
    memoryReps: 2,
    sizes: numbers(values.sizes, "16,128,1024"),
    shapes: known("shape", (values.shapes ?? "1-1,4-4,1-16").split(","), undefined, /^(\d+-\d+)$/),
    window: number(values.window, 4096),
    pairs: numbers(values.pairs, "1,64"),
    inFlight: numbers(values["in-flight"], "1,64,1024"),
    connections: number(values.connections, 1),
    mailSizes: numbers(values["mail-sizes"], "256,1024"),
    targets: known("target", (values.targets ?? "spread,single").split(","), {
      spread: 1,
      single: 1,
    }),
    batches: numbers(values.batches, "100,1000"),
    messages: number(values.messages, quick ? 20_000 : 100_000),
    mailboxes: number(values.mailboxes, quick ? 10_000 : 100_000),
    streams: number(values.streams, quick ? 200 : 1000),
    data: path.resolve(values.data ?? os.tmpdir()),
    natsServer: needsNats ? findNatsServer(values["nats-server"]) : undefined,
    mq9Args: values["mq9-arg"] ?? [],
    profile: values.profile === undefined ? undefined : madeFolder(values.profile),
    name: values.name ?? (whole ? date : undefined),
  };
}

function number(text, otherwise) {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`not a positive number: ${text}`);
  return value;
}

function numbers(text, otherwise) {
  return (text ?? otherwise).split(",").map((one) => number(one));
}

function known(what, names, table, pattern) {
  for (const name of names) {
    if (pattern === undefined ? !Object.hasOwn(table, name) : !pattern.test(name)) {
      throw new Error(`no such ${what}: ${name} (--help says which there are)`);
    }
  }
  return names;
}

function madeFolder(folder) {
  fs.mkdirSync(folder, { recursive: true });
  return path.resolve(folder);
}
