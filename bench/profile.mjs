// Sums up the CPU profiles that mq9 wrote while it was measured. Called by run.mjs for --profile.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const functionsShown = 18;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * For every case the functions with most self time within the measured windows, over all
 * repetitions. Profiles and windows share the monotonic clock of the machine (Linux).
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
    sections.push(`### CPU of mq9: ${label}\n\n${table(selfUs)}\n`);
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

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || "(anonymous)";
  if (url === "") return name;
  const file = url.startsWith("file:") ? path.relative(root, fileURLToPath(url)) : url;
  return `${name} ${file}:${lineNumber + 1}`;
}

function table(selfUs) {
  const total = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  const rows = [...selfUs]
    .sort((a, b) => b[1] - a[1])
    .slice(0, functionsShown)
    .map(([name, us]) => `| ${((us / total) * 100).toFixed(1)} % | ${name} |`);
  return ["| self time | function |", "| --- | --- |", ...rows].join("\n");
}
