// Sums up the CPU profiles that mq9 wrote while it was measured. Called by run.mjs for --profile.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const functionsShown = 15;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * For every case the self time within the measured windows, over all repetitions: by package, and
 * the functions with the most. Profiles and windows share the monotonic clock of the machine (Linux).
 */
export function profileReport(folder, samples) {
  const profiles = fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".cpuprofile"))
    .map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")));
  const sections = [];
  for (const [label, results] of samples) {
    const windows = (results.mq9 ?? []).flatMap((one) => (one.windowUs ? [one.windowUs] : []));
    if (windows.length === 0) continue;
    const selfUs = new Map();
    for (const profile of profiles) addSelfTimes(profile, windows, selfUs);
    sections.push(`### CPU of mq9's main thread: ${label}\n\n${shares(selfUs)}\n`);
  }
  return sections.length === 0 ? "" : `\n${sections.join("\n")}`;
}

function addSelfTimes(profile, windows, selfUs) {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  let atUs = profile.startTime;
  for (let i = 0; i < profile.samples.length; i++) {
    atUs += profile.timeDeltas[i];
    if (!windows.some(([fromUs, toUs]) => atUs >= fromUs && atUs < toUs)) continue;
    const name = names.get(profile.samples[i]);
    // A sample stands for the time until the next one.
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas[i + 1] ?? 0));
  }
}

/** `function file:line`; builtins have no file. */
function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || "(anonymous)";
  if (url === "") return name;
  const file = url.startsWith("file:") ? path.relative(root, fileURLToPath(url)) : url;
  return `${name} ${file}:${lineNumber + 1}`;
}

function packageOf(name) {
  const file = / (\S+):\d+$/.exec(name)?.[1];
  if (file === undefined) return name.startsWith("(") ? name : "native functions";
  if (file.startsWith("node:")) return "node's own JavaScript";
  return file.split("/").slice(0, 2).join("/");
}

function shares(selfUs) {
  const total = sum(selfUs.values());
  const idle = selfUs.get("(idle)") ?? 0;
  const percent = (us, of) => `${((us / of) * 100).toFixed(1)} %`;
  const busy = [...selfUs].filter(([name]) => name !== "(idle)").sort((a, b) => b[1] - a[1]);
  const packages = new Map();
  for (const [name, us] of busy) {
    packages.set(packageOf(name), (packages.get(packageOf(name)) ?? 0) + us);
  }
  const byPackage = [...packages]
    .sort((a, b) => b[1] - a[1])
    .map(([name, us]) => `${name} ${percent(us, total - idle)}`);
  const rows = busy
    .slice(0, functionsShown)
    .map(([name, us]) => `| ${percent(us, total - idle)} | ${name} |`);
  return [
    `Waiting (idle) ${percent(idle, total)} of the time. Of the rest: ${byPackage.join(" · ")}.`,
    "",
    "| self time | function |",
    "| --- | --- |",
    ...rows,
  ].join("\n");
}

function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
