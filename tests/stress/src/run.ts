// The long forms: npm run stress -- [storm] [idle] [sessions] [stuck] [fanout] [attacks] [--idle 100000] …
// Each prints one table. The witness runs in a process of its own, so that its times are the broker's.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { attack, attacks } from "./attacks.ts";
import { idle, storm, stuck } from "./connections.ts";
import { type Held, type Server, startServer } from "./server.ts";
import { sessions } from "./sessions.ts";
import type { Seen } from "./witness.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    idle: { type: "string", default: "100000" },
    sessions: { type: "string", default: "100000" },
    storm: { type: "string", default: "10000" },
    rounds: { type: "string", default: "20" },
    stuck: { type: "string", default: "2000" },
    fanout: { type: "string", default: "10000" },
    attack: { type: "string" },
    seconds: { type: "string", default: "5" },
  },
});

const parts: Readonly<Record<string, () => Promise<void>>> = {
  storm: async () => {
    await using server = await startServer();
    const end = await witnessOf(server);
    const result = await storm(server, Number(values.storm), Number(values.rounds));
    table("connection storms", {
      "connections per storm": result.perRound,
      storms: result.rounds,
      "seconds per storm": result.secondsPerRound.toFixed(1),
      ...heldRow("before", result.base),
      ...heldRow("after", result.after),
      ...seenRow(await end()),
    });
  },
  idle: async () => {
    await using server = await startServer(["--max-connections", "200000"]);
    const end = await witnessOf(server);
    const result = await idle(server, Number(values.idle));
    table("idle connections", {
      connections: result.count,
      "seconds to open": result.seconds.toFixed(1),
      "resident KiB each": (result.rssBytesEach / 1_024).toFixed(1),
      "heap and buffers KiB each": (result.heldBytesEach / 1_024).toFixed(1),
      ...heldRow("before", result.base),
      ...heldRow("after", result.after),
      ...seenRow(await end()),
    });
  },
  sessions: async () => {
    const result = await sessions(Number(values.sessions));
    table("connections without their sockets", {
      connections: values.sessions,
      "heap and buffers KiB each": (result.heldBytesEach / 1_024).toFixed(1),
      "held MiB before": mebibytes(result.before),
      "held MiB after": mebibytes(result.after),
      "got one message to all": result.reached,
    });
  },
  stuck: async () => await readers("readers that never read", Number(values.stuck), 2_000, 2_000),
  fanout: async () => {
    await readers(
      "one message of 1 KiB to readers that never read",
      Number(values.fanout),
      1_024,
      1,
    );
    await readers("1,000 of 12 KiB", Number(values.fanout), 12_288, 1_000);
    await readers("50 of 1 MiB", Number(values.fanout), 1_048_576, 50);
  },
  attacks: async () => {
    const rows: Record<string, Record<string, string | number>> = {};
    const names = values.attack === undefined ? Object.keys(attacks) : [values.attack];
    for (const name of names) {
      await using server = await startServer();
      const base = await server.held();
      const end = await witnessOf(server);
      const bytes = await attack(server.port, name, 4, Number(values.seconds) * 1_000);
      const seen = await end();
      const after = await server.heldWhen(({ heldBytes }) => heldBytes < base.heldBytes * 1.5);
      rows[name] = {
        "MB/s": (bytes / 1e6 / Number(values.seconds)).toFixed(1),
        "PING p50 ms": seen.p50Ms,
        "p99 ms": seen.p99Ms,
        "max ms": seen.maxMs,
        "held MiB before": mebibytes(base.heldBytes),
        after: mebibytes(after.heldBytes),
      };
    }
    console.log("\nattacks, four connections each");
    console.table(rows);
  },
};

async function readers(
  title: string,
  count: number,
  payloadBytes: number,
  messages: number,
): Promise<void> {
  await using server = await startServer();
  const end = await witnessOf(server);
  const result = await stuck(server, { count, payloadBytes, messages });
  table(title, {
    readers: count,
    messages,
    "payload bytes": payloadBytes,
    "resident MiB, peak": mebibytes(result.peakRssBytes),
    ...heldRow("before", result.base),
    ...heldRow("after", result.after),
    ...seenRow(await end()),
  });
}

/** @returns what ends it and tells what it saw */
async function witnessOf(server: Server): Promise<() => Promise<Seen>> {
  const program = fileURLToPath(new URL("./witness-process.js", import.meta.url));
  const child = fork(program, [String(server.port)]);
  await once(child, "message");
  const answer = new Promise<Seen>((resolve, reject) => {
    child.once("message", (seen) => resolve(seen as Seen));
    child.once("exit", (code) => reject(new Error(`the witness ended with ${code}`)));
  });
  answer.catch(() => undefined); // told to whoever ends it
  return async () => {
    if (child.connected) child.send("end");
    return await answer;
  };
}

function heldRow(when: string, held: Held): Record<string, string | number> {
  return {
    [`resident MiB ${when}`]: mebibytes(held.rssBytes),
    [`heap and buffers MiB ${when}`]: mebibytes(held.heldBytes),
    [`sockets, timers ${when}`]: `${held.sockets}, ${held.timers}`,
  };
}

function seenRow(seen: Seen): Record<string, string | number> {
  return {
    "witness: PING p50 / p99 / max ms": `${seen.p50Ms} / ${seen.p99Ms} / ${seen.maxMs}`,
    "witness: answered requests, mails": `${seen.requests}, ${seen.mails}`,
  };
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 104_857.6) / 10;
}

function table(title: string, rows: Readonly<Record<string, string | number>>): void {
  console.log(`\n${title}`);
  for (const [name, value] of Object.entries(rows)) console.log(`  ${name.padEnd(38)} ${value}`);
}

const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
for (const name of chosen) {
  const part = parts[name];
  if (part === undefined)
    throw new Error(`there is no ${name}; there are ${Object.keys(parts).join(", ")}`);
  await part();
}
