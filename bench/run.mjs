// `npm run bench`: runs the parts asked for against every contender, prints one Markdown report and
// may keep it in bench/results. README.md beside this file says what is measured and how to read it.
import fs from "node:fs";
import path from "node:path";
import { optionsFrom } from "./options.mjs";
import { parts } from "./parts.mjs";
import { profileReport } from "./profile.mjs";
import { amount, heading, quietness } from "./report.mjs";
import { startServer, stopServers } from "./servers.mjs";

const options = optionsFrom(process.argv.slice(2));
const progress = (text) => process.stderr.write(`${text}\n`);

/** Every result of the run, for what is said about the run as a whole. */
const measured = [];

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await stopServers();
    process.exit(130);
  });
}

try {
  const sections = [heading(options)];
  for (const name of options.parts) sections.push(await runPart(name));
  sections.splice(1, 0, quietness(measured));
  const report = `${sections.join("\n").trimEnd()}\n`;
  process.stdout.write(report);
  keep(report);
} catch (error) {
  process.exitCode = 1;
  progress(`bench: ${error.message}`);
} finally {
  await stopServers();
}

function keep(report) {
  if (options.name === undefined) return;
  const folder = path.join(import.meta.dirname, "results");
  const file = path.join(folder, `${options.name}.md`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(file, report);
  progress(`kept in ${path.relative(process.cwd(), file)}`);
}

/** All repetitions of one part; returns its section of the report. */
async function runPart(name) {
  const part = parts[name];
  const contenders = part.contenders.filter((kind) => options.contenders.includes(kind));
  const cases = part.cases(options);
  const samples = new Map(
    cases.map(({ label }) => [label, Object.fromEntries(contenders.map((kind) => [kind, []]))]),
  );
  const reps = name === "memory" ? Math.min(options.reps, options.memoryReps) : options.reps;
  let servers;
  for (let rep = 0; rep < reps; rep++) {
    servers ??= await startServers(part, contenders, cases[0]);
    for (const one of cases) {
      for (const kind of inTurn(contenders, rep)) {
        const result = await step(part, servers[kind], one, kind);
        samples.get(one.label)[kind].push(result);
        // The responder of `request` would count as something else.
        if (name !== "request") measured.push(result);
        progress(`${name} ${rep + 1}/${reps} ${one.label} ${kind}: ${amount(result.perSecond)}/s`);
      }
    }
    if (part.serversLive === "part" && rep + 1 < reps) continue;
    for (const kind of contenders) await servers[kind].stop();
    servers = undefined;
  }
  const profiled = options.profile === undefined ? "" : profileReport(options.profile, samples);
  return part.table(part, samples, contenders) + profiled;
}

/** Starts what the part needs and runs its first case once unrecorded, so that nobody starts cold. */
async function startServers(part, contenders, firstCase) {
  const servers = {};
  for (const kind of contenders) {
    servers[kind] = await startServer(kind, options);
    await part.prepare?.(kind, servers[kind]);
  }
  if (part.warm === false) return servers;
  for (const kind of contenders) await step(part, servers[kind], firstCase, kind);
  return servers;
}

async function step(part, server, one, kind) {
  try {
    return await part.step(server, one, options, kind);
  } catch (error) {
    throw new Error(`${one.label}, ${kind}: ${error.message}\n${server.lastWords()}`, {
      cause: error,
    });
  }
}

/** The order of one repetition: rotated by its number, every second one backwards. */
function inTurn(contenders, rep) {
  const from = rep % contenders.length;
  const turned = [...contenders.slice(from), ...contenders.slice(0, from)];
  return rep % 2 === 1 ? turned.reverse() : turned;
}
