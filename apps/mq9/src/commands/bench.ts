// `mq9 bench`: how fast this broker is, on this machine, with this disk. Sends real mail to mailboxes of
// its own and drops them afterwards; the loads are ../bench/loads.ts.
import path from "node:path";
import type { Measured } from "../bench/meter.ts";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { type ConnectionFlags, connectionFacts } from "../cli/connection.ts";
import { misuse } from "../cli/exit-codes.ts";
import type { BenchJson, BenchLoadJson } from "../cli/schemas/bench.ts";
import { oneLine } from "../cli/text.ts";
import { milliseconds, wholeNumber } from "../cli/values.ts";
import { closest } from "../config/closest.ts";
import { approximateBytes } from "../config/units.ts";

interface Flags extends ConnectionFlags {
  readonly size?: number;
  readonly inFlight?: number;
  readonly time?: number;
  readonly warmup?: number;
  readonly mailboxes?: number;
  readonly data?: string;
}

const loadNames = ["send", "fetch", "push", "core", "request"] as const;

export const benchCommands: readonly CommandSpec[] = [
  defineCommand<Flags>({
    path: "bench",
    summary: "measure how fast the broker is",
    description: `Measures how fast the broker is, in up to five loads. \`send\`: mail that is answered,
each after it was synced to the disk. \`fetch\`: mail that a group fetches and acknowledges, up to 100
at once. \`push\`: from a send to its delivery to a reader, synced in between. \`core\`: plain NATS
publishes to a subscriber, nothing stored. \`request\`: plain NATS requests and replies. So many
messages are on the way at a time, and the next is sent when one is done: with more on the way the
rate grows, and each one takes longer. Mailboxes are made for the run and dropped after it. Other
users of the broker feel it.`,
    args: [["[loads...]", `of ${loadNames.join(", ")}; default all`]],
    options: [
      flag("--size <bytes>", "bytes of a payload [256]", wholeNumber(1, 1_000_000)),
      flag("--in-flight <n>", "messages on the way [64]", wholeNumber(1, 4096)),
      flag("--time <time>", "measured time of each load [2s]", milliseconds),
      flag("--warmup <time>", "time before it [300ms]", milliseconds),
      flag("--mailboxes <n>", "mailboxes to spread mail over [8]", wholeNumber(1, 1000)),
      flag("--data <folder>", "the broker's data, to tell its disk [MQ9_DATA, ./mq9-data]"),
    ],
    examples: [
      ["Everything, ten seconds", "mq9 bench"],
      ["Sends alone, for a machine", "mq9 bench send --in-flight 256 --time 10s --json"],
    ],
    output: "one",
    // So that Ctrl-C leaves no mailbox behind.
    stoppable: true,
    run: async ({ args, options, out, env, signal }) => {
      const names = args.length === 0 ? [...loadNames] : args;
      for (const name of names) if (!isLoad(name)) throw noSuchLoad(name);
      const { size = 256, inFlight = 64, time = 2_000, warmup = 300, mailboxes = 8 } = options;
      const facts = connectionFacts(options, env);
      const { connectWire } = await import("../bench/wire-client.ts");
      const { createMailboxes, dropMailboxes, loads } = await import("../bench/loads.ts");
      const { diskFacts, hostFacts, isHere } = await import("../bench/surroundings.ts");
      const probe = await connectWire(facts);
      const { info } = probe;
      probe.close();
      if (size > (info.max_payload ?? size)) {
        throw misuse(`the broker takes payloads of at most ${info.max_payload} bytes`);
      }
      const results: BenchLoadJson[] = [];
      for (const [at, name] of names.entries()) {
        const load = loads[name];
        if (load === undefined) continue;
        out.progress(`${at + 1} of ${names.length}: ${load.title}`);
        const targets = load.stored ? await createMailboxes(facts, mailboxes) : [];
        try {
          const measured = await load.run({
            facts,
            size,
            inFlight,
            seconds: time / 1000,
            warmMs: warmup,
            mailboxes: targets,
            signal,
          });
          results.push(loadJson(name, measured, { size, inFlight }));
        } finally {
          if (targets.length > 0) await dropMailboxes(facts, targets);
        }
      }
      const folder = path.resolve(options.data ?? (env["MQ9_DATA"] || "mq9-data"));
      const here = isHere(facts.url);
      const disk = here ? diskFacts(folder) : undefined;
      const product = typeof info["mq9"] === "string" ? `mq9 ${info["mq9"]}` : undefined;
      const value: BenchJson = {
        broker: {
          url: facts.url.replace(/\/\/[^@/]*@/g, "//"),
          name: String(info.server_name ?? ""),
          version: product ?? String(info.version ?? ""),
          same_host: here,
        },
        fsync: product !== undefined ? "before each answer" : "unknown",
        host: hostFacts(),
        ...(disk === undefined ? {} : { disk }),
        loads: results,
      };
      await out.result(value, () => textOf(value, out));
    },
  }),
];

function isLoad(name: string): boolean {
  return (loadNames as readonly string[]).includes(name);
}

function noSuchLoad(name: string): Error {
  const near = closest(name, loadNames);
  const hint = near === undefined ? `There are ${loadNames.join(", ")}.` : `Did you mean ${near}?`;
  return misuse(`there is no load ${name}`, hint);
}

function loadJson(
  load: string,
  measured: Measured,
  { size, inFlight }: { size: number; inFlight: number },
): BenchLoadJson {
  const { perSecond, p50Ms, p99Ms, messages, seconds, clientCores } = measured;
  return {
    load,
    per_second: Math.round(perSecond),
    ...(p50Ms === undefined ? {} : { p50_ms: rounded(p50Ms) }),
    ...(p99Ms === undefined ? {} : { p99_ms: rounded(p99Ms) }),
    messages,
    seconds: rounded(seconds),
    size_bytes: size,
    in_flight: inFlight,
    client_cores: rounded(clientCores),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function textOf(
  value: BenchJson,
  out: { table: (columns: { head: string; align?: "right" }[], rows: string[][]) => string },
): string {
  const rows = value.loads.map((one) => [
    one.load,
    one.per_second.toLocaleString("en"),
    one.p50_ms?.toFixed(2) ?? "",
    one.p99_ms?.toFixed(2) ?? "",
    one.client_cores.toFixed(1),
  ]);
  const [first] = value.loads;
  const { host, disk, broker } = value;
  const right = "right" as const;
  const table = out.table(
    [
      { head: "LOAD" },
      { head: "A SECOND", align: right },
      { head: "P50 MS", align: right },
      { head: "P99 MS", align: right },
      { head: "CLIENT CORES", align: right },
    ],
    rows,
  );
  const facts = [
    `${first?.size_bytes} B each, ${first?.in_flight} on the way, ${first?.seconds.toFixed(1)} s each; fsync ${value.fsync}`,
    `broker  ${oneLine(`${broker.version}, ${broker.name.slice(0, 12)}`)} at ${broker.url}${broker.same_host ? ", on this machine" : ""}`,
    `host    ${host.cores} cores, ${oneLine(host.cpu)}, ${approximateBytes(host.memory_bytes)}, Node ${host.node}`,
    disk === undefined
      ? "disk    not known; name the broker's data folder with --data"
      : `disk    ${oneLine(disk.mount ?? disk.folder)}, one fdatasync ${disk.fdatasync_p50_ms.toFixed(2)} ms`,
  ];
  return `${table}\n\n${facts.join("\n")}`;
}
