// Turns the samples of a run into Markdown. Called by parts.mjs and run.mjs.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { serverTitles } from "./servers.mjs";

/** What the numbers depend on: machine, versions, commit, date, and how busy the machine was. */
export function heading(options) {
  const memoryGib = Math.round(os.totalmem() / 2 ** 30);
  const load = os.loadavg()[0].toFixed(1);
  return [
    `# Benchmark ${options.name ?? ""}`.trimEnd(),
    "",
    `- Date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC; commit ${commit()}`,
    `- Machine: ${os.cpus().length} × ${os.cpus()[0].model.trim()}, ${memoryGib} GiB, ${os.type()} ${os.release()}, load average at the start ${load}`,
    `- Node ${process.version}; reference nats-server ${options.natsServer?.version ?? "not used"}; data on ${fileSystem(options.data)}`,
    `- ${options.reps} repetition(s) of ${options.seconds} s per step, contenders in rotated order; servers and generators share the machine`,
    "",
    "Ratios are medians with [min–max] of the ratio within one repetition. Read ratios, not absolute",
    "numbers; bench/README.md says what else not to conclude.",
    "",
  ].join("\n");
}

function commit() {
  try {
    const git = (...args) =>
      execFileSync("git", args, { encoding: "utf8", cwd: import.meta.dirname }).trim();
    const changed =
      git("status", "--porcelain", "--", "../core", "../stores", "../apps") === ""
        ? ""
        : " with changes";
    return `${git("rev-parse", "--short", "HEAD")}${changed}`;
  } catch {
    return "unknown"; // best effort: not a checkout
  }
}

const memoryFileSystems = new Set([0x01021994, 0x858458f6]); // tmpfs, ramfs

function fileSystem(folder) {
  const type = fs.statfsSync(folder).type;
  if (memoryFileSystems.has(type))
    return "**a file system in memory: durable numbers mean nothing**";
  return type === 0xef53 ? "ext4" : `a file system of type 0x${type.toString(16)}`;
}

/**
 * A row per case: throughput, latency and processor use of every contender, then the ratios.
 * @param {Map<string, Record<string, object[]>>} samples results by case label, contender, repetition
 */
export function ratioTable(part, samples, contenders) {
  const ratios = part.ratios.filter((pair) => pair.every((kind) => contenders.includes(kind)));
  const columns = [
    "",
    ...contenders.map((kind) => serverTitles[kind]),
    ...ratios.map(([above, below]) => `${above} ÷ ${below}`),
  ];
  const rows = [...samples].map(([label, results]) => [
    label,
    ...contenders.map((kind) => cell(results[kind])),
    ...ratios.map(([above, below]) => ratioCell(results[above], results[below])),
  ]);
  const cores = [...samples].map(([label, results]) => [
    label,
    ...contenders.map((kind) => coresCell(results[kind])),
  ]);
  const busy = cores.some((row) => row.slice(1).some((text) => text !== ""));
  return [
    `## ${part.title}`,
    "",
    ...(part.note === undefined ? [] : [part.note, ""]),
    markdownTable(columns, rows),
    ...(busy
      ? [
          "",
          "Processor cores used, generator + server:",
          "",
          markdownTable(["", ...contenders], cores),
        ]
      : []),
    "",
  ].join("\n");
}

function cell(results) {
  const parts = [`${amount(median(results.map((one) => one.perSecond)))}/s`];
  if (results[0].seconds !== undefined) {
    parts.push(`${median(results.map((one) => one.seconds)).toFixed(2)} s`);
  }
  if (results[0].p50Ms !== undefined) {
    parts.push(`p50 ${ms(median(results.map((one) => one.p50Ms)))}`);
    parts.push(`p99 ${ms(median(results.map((one) => one.p99Ms)))}`);
  }
  return parts.join(" · ");
}

function ratioCell(above, below) {
  const ratios = above.map((one, i) => one.perSecond / below[i].perSecond);
  if (!ratios.every(Number.isFinite)) return "–"; // a window too short for a single answer
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  return `**${ratio(median(ratios))}** [${ratio(low)}–${ratio(high)}]`;
}

function coresCell(results) {
  if (results[0].generatorCores === undefined) return "";
  const generator = median(results.map((one) => one.generatorCores)).toFixed(2);
  if (!Number.isFinite(results[0].serverCores)) return generator; // IPC turns NaN into null
  return `${generator} + ${median(results.map((one) => one.serverCores)).toFixed(2)}`;
}

/** How busy the machine was with other things; the reader's first question about a strange number. */
export function quietness(samples) {
  const others = samples.map((one) => one.otherCores).filter(Number.isFinite);
  if (others.length === 0) return "";
  const worst = Math.max(...others).toFixed(2);
  return `Cores used by anything but generator and server while measuring: median ${median(others).toFixed(2)}, at most ${worst}.\n`;
}

/** One row per server: resident memory before and after, and what one mailbox costs. */
export function memoryTable(part, samples, contenders) {
  const columns = [
    "",
    "created",
    "per second",
    "p50",
    "p99",
    "RSS before",
    "RSS after",
    "RSS later, idle",
    "RSS per piece",
  ];
  const results = samples.get("create");
  const rows = contenders.map((kind) => {
    const of = (name) => median(results[kind].map((one) => one[name]));
    const piece = kind === "mq9" ? "mailboxes" : "streams, one per mailbox";
    return [
      kind === "mq9" ? "mq9" : "JetStream default",
      `${of("count")} ${piece}`,
      amount(of("perSecond")),
      ms(of("p50Ms")),
      ms(of("p99Ms")),
      mebibytes(of("before")),
      mebibytes(of("after")),
      mebibytes(of("settled")),
      `${Math.round((of("settled") - of("before")) / of("count"))} B`,
    ];
  });
  return [`## ${part.title}`, "", markdownTable(columns, rows), ""].join("\n");
}

function markdownTable(columns, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function amount(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 10_000) return `${Math.round(value / 1000)} k`;
  if (value >= 1000) return `${(value / 1000).toFixed(1)} k`;
  return value.toFixed(0);
}

function ratio(value) {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function ms(value) {
  return value >= 100 ? `${value.toFixed(0)} ms` : `${value.toFixed(2)} ms`;
}

function mebibytes(bytes) {
  return Number.isNaN(bytes) ? "unknown" : `${Math.round(bytes / 2 ** 20)} MiB`;
}
