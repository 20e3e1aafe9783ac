// `mq9 agent …`: the registry of agents: being found, finding others, and seeing who comes and goes.
import type { Agent, AgentState, FoundAgent } from "@mq9/protocol";
import {
  type CommandContext,
  type CommandSpec,
  choice,
  defineCommand,
  flag,
} from "../cli/command.ts";
import { missingMailbox } from "../cli/errors.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import { isoTime, prune } from "../cli/message-view.ts";
import type { AgentEventJson, AgentJson } from "../cli/schemas/agents.ts";
import type { Session } from "../cli/session.ts";
import { oneLine, printable, roughly } from "../cli/text.ts";
import { milliseconds, readFileOrFail, wholeNumber, words } from "../cli/values.ts";
import { closest } from "../config/closest.ts";

const states = ["active", "stale", "gone"] as const;

const register = defineCommand<{
  mailbox?: string;
  description?: string;
  skill?: readonly string[];
  tag?: readonly string[];
  card?: string;
}>({
  path: "agent register",
  summary: "register an agent, to be found",
  description:
    "Registers an agent under a name, or updates its registration. With --card a whole A2A agent card can be given; flags add to it.",
  args: [["[name]", "its name [MQ9_AGENT]"]],
  options: [
    flag("-m, --mailbox <mailbox>", "where it takes mail"),
    flag("-d, --description <text>", "what it does; searched"),
    flag("--skill <words>", "what it can do; may come again", words),
    flag("-t, --tag <words>", "words to find it by; may come again", words),
    flag("--card <file>", "an agent card as JSON"),
  ],
  examples: [
    ["A translator", "mq9 agent register ann -m inbox -d 'French to English' --skill translate"],
  ],
  output: "one",
  async run({ args, options, out, connect, agent }) {
    const name = args[0] ?? agent;
    if (name === undefined) {
      throw misuse("the agent needs a name", "Type: mq9 agent register <name>    or set MQ9_AGENT");
    }
    const { mailbox, description, skill = [], tag: tags } = options;
    const card = options.card === undefined ? {} : cardOf(options.card);
    const skills = [
      ...(Array.isArray(card["skills"]) ? (card["skills"] as unknown[]) : []),
      ...skill.map((id) => ({ id, name: id, description: "" })),
    ];
    const body = prune({
      ...card,
      description: description ?? card["description"],
      skills: skills.length === 0 ? undefined : skills,
      tags: tags ?? card["tags"],
    });
    const { mq9 } = await connect();
    const { created } = await mq9.api.register({
      name,
      mailbox,
      body: Buffer.from(JSON.stringify(body)),
      facts: { description: "", skills: [], tags: [] },
    });
    await out.result(prune({ name, mailbox, created }), () =>
      created ? `registered ${printable(name)}` : `updated ${printable(name)}`,
    );
    if (mailbox === undefined) return;
    // best effort: who may not look into it has registered all the same.
    const absent = await mq9.api.inspect(mailbox).then(() => undefined, missingMailbox);
    if (absent === mailbox) {
      out.note(`its mailbox is not there yet; make it with: mq9 mailbox create ${mailbox}`);
    }
  },
});

const unregister = defineCommand({
  path: "agent unregister",
  summary: "take an agent out of the registry",
  args: [["[name]", "its name [MQ9_AGENT]"]],
  examples: [["One that is done", "mq9 agent unregister translator"]],
  output: "one",
  exits: ["notFound"],
  async run({ args, out, connect, agent }) {
    const name = args[0] ?? agent;
    if (name === undefined) throw misuse("say which agent", "Type: mq9 agent unregister <name>");
    const { mq9 } = await connect();
    const { found } = await mq9.api.unregister({ name });
    if (!found && out.form === "text") throw notRegistered(name, []);
    await out.result({ name, found }, () => `unregistered ${printable(name)}`);
    return found ? "done" : "notFound";
  },
});

const ls = defineCommand<{ state?: readonly AgentState[]; all?: true; public?: true }>({
  path: "agent ls",
  summary: "list agents",
  options: [
    choice("--state <state>", "only these; may come again", states).argParser(
      (text: string, before: readonly string[] | undefined) => {
        if (!states.includes(text as AgentState)) {
          throw misuse(`${text} is no state`, `States are ${states.join(", ")}.`);
        }
        return [...(before ?? []), text];
      },
    ),
    flag("-a, --all", "those that are gone, too"),
    flag("--public", "public mailboxes that describe an agent, too"),
  ],
  examples: [["Who is there", "mq9 agent ls"]],
  output: "items",
  async run({ options, out, connect }) {
    const { mq9 } = await connect();
    const rows: AgentJson[] = [];
    for (let page = 1; ; page += 1) {
      const result = await mq9.api.discover({
        limit: pageSize,
        page,
        states: options.state ?? (options.all === true ? states : undefined),
        includePublic: options.public,
      });
      rows.push(...result.agents.map(agentJson));
      if (!result.more || result.agents.length === 0) break;
    }
    await listAgents(out, rows, "no agents; register one with: mq9 agent register <name>");
  },
});

const find = defineCommand<{
  skill?: string;
  tag?: readonly string[];
  meaning?: true;
  limit: number;
}>({
  path: "agent find",
  summary: "search agents by what they can do",
  description:
    "Searches names, descriptions, skills and tags; beginnings of words and small typos count. The best comes first.",
  args: [["[words...]", "what to look for"]],
  options: [
    flag("--skill <name>", "only agents with this skill"),
    flag("-t, --tag <words>", "only agents that carry all of these", words),
    flag("--meaning", "by meaning too, where the broker has a model"),
    flag("-n, --limit <count>", "agents at most", wholeNumber(1, 1000)).default(20, "20"),
  ],
  examples: [["Somebody who translates", "mq9 agent find translate french"]],
  output: "items",
  exits: ["notFound"],
  exitNotes: { notFound: "nobody was found" },
  async run({ args, options, out, connect }) {
    const text = args.join(" ");
    if (text === "" && options.skill === undefined && options.tag === undefined) {
      throw misuse("say what to look for", "Type: mq9 agent find <words>    or: mq9 agent ls");
    }
    const { mq9 } = await connect();
    const asked = text === "" ? undefined : text;
    const { agents, note } = await mq9.api.discover({
      ...(options.meaning === true ? { semantic: asked } : { text: asked }),
      skill: options.skill,
      tags: options.tag,
      limit: options.limit,
      page: 1,
    });
    if (note !== undefined) out.note(note);
    await listAgents(
      out,
      agents.map(agentJson),
      "nobody was found; see who there is: mq9 agent ls",
    );
    return agents.length === 0 ? "notFound" : "done";
  },
});

const card = defineCommand({
  path: "agent card",
  summary: "show all that an agent registered",
  args: [["<name>", "its name"]],
  examples: [["Where it takes mail", "mq9 agent card translator --json | jq -r .mailbox"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [name = ""], out, connect }) {
    const session = await connect();
    const { items } = await session.mq9.api.discover({
      name,
      states,
      includePublic: true,
      limit: 1,
      page: 1,
    });
    const [item] = items;
    if (item === undefined) throw notRegistered(name, await namesOf(session));
    // People get the same as JSON with line breaks: it is whatever the agent sent.
    await out.result(item, () => printable(JSON.stringify(item, null, 2)));
  },
});

const watch = defineCommand<{ limit?: number; timeout?: number; new?: true }>({
  path: "agent watch",
  summary: "show agents as they come and go",
  description: "Shows who is there and then every change, until it is stopped.",
  options: [
    flag("-n, --limit <count>", "end after so many lines", wholeNumber(1, 2 ** 48)),
    flag("--new", "only changes from now on"),
    flag("--timeout <time>", "end after so long", milliseconds),
  ],
  examples: [["Who comes and goes", "mq9 agent watch --new"]],
  output: "items",
  stoppable: true,
  async run({ options, out, connect, signal }) {
    const { limit = Number.POSITIVE_INFINITY, timeout } = options;
    if (out.form === "json" && limit === Number.POSITIVE_INFINITY && timeout === undefined) {
      throw misuse(
        "--json is printed at the end, and this has none",
        "Use --jsonl, or give it an end with --limit or --timeout.",
      );
    }
    const { mq9 } = await connect();
    let lines = 0;
    let written: Promise<void> = Promise.resolve();
    let stop: () => void = () => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      if (timeout !== undefined) timer = setTimeout(resolve, timeout);
      signal.addEventListener("abort", () => resolve(), { once: true });
      stop = mq9.api.watchItems(
        ({ event, replayed }) => {
          if (lines >= limit || (options.new === true && (replayed || event.kind === "listed"))) {
            return;
          }
          lines += 1;
          const value = eventJson(event, replayed);
          written = written.then(() => out.item(value, () => eventLine(value)));
          if (lines >= limit) resolve();
        },
        (error) => (error === undefined ? resolve() : reject(error)),
      );
    }).finally(() => {
      clearTimeout(timer);
      stop();
    });
    await written;
    await out.endItems("events");
  },
});

export const agentCommands: readonly CommandSpec[] = [register, unregister, ls, find, card, watch];

const pageSize = 500;

type WatchEvent = Parameters<Parameters<Session["mq9"]["api"]["watchItems"]>[0]>[0]["event"];

function agentJson(found: FoundAgent): AgentJson {
  const { agent, score, why } = found;
  const matched = Object.keys(why?.words ?? {});
  return prune({
    ...factsOf(agent),
    score,
    matched: matched.length === 0 ? undefined : matched,
  });
}

function factsOf({ name, mailbox, owner, state, facts, ...times }: Agent): AgentJson {
  return prune({
    name,
    mailbox: mailbox === "" ? undefined : mailbox,
    owner,
    state,
    description: facts.description === "" ? undefined : facts.description,
    skills: facts.skills.map((skill) => skill.name || skill.id),
    tags: facts.tags,
    registered_at: isoTime(times.registeredAtMs),
    last_seen_at: isoTime(times.lastSeenAtMs),
  });
}

function eventJson(event: WatchEvent, replayed: boolean): AgentEventJson {
  if (event.kind === "listed") return { event: "listed", count: event.agents };
  if (event.kind === "dropped") return { event: "dropped", count: event.events };
  return prune({
    event: event.kind,
    agent: factsOf(event.agent),
    replayed: replayed ? true : undefined,
  });
}

function eventLine({ event, agent, count, replayed }: AgentEventJson): string {
  if (event === "listed") return `${count} there; now what changes`;
  if (event === "dropped") return `${count} changes were missed; list them anew: mq9 agent ls`;
  const name = oneLine(agent?.name ?? "");
  const where = agent?.mailbox === undefined ? "" : ` at ${oneLine(agent.mailbox)}`;
  return `${replayed === true ? "is there" : event.padEnd(8)}  ${name}${where}`;
}

async function listAgents(
  out: CommandContext["out"],
  rows: readonly AgentJson[],
  none: string,
): Promise<void> {
  await out.list("agents", rows, () => {
    if (rows.length === 0) {
      out.note(none);
      return "";
    }
    const nowMs = Date.now();
    return out.table(
      [
        { head: "NAME", flexible: true },
        { head: "STATE" },
        { head: "SEEN", align: "right" },
        { head: "MAILBOX", flexible: true },
        { head: "SKILLS", flexible: true },
        { head: "DESCRIPTION", flexible: true },
      ],
      rows.map((row) => [
        row.name,
        row.state,
        roughly(nowMs - Date.parse(row.last_seen_at)),
        row.mailbox ?? "",
        row.skills.join(", "),
        row.description ?? "",
      ]),
    );
  });
}

function cardOf(file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(readFileOrFail(file.replace(/^@/, "")).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
  }
  throw new CliError("error", `${file} holds no JSON object`);
}

/** @param known names to suggest from */
function notRegistered(name: string, known: readonly string[]): CliError {
  const near = closest(name, known);
  return new CliError("notFound", `there is no agent ${name}`, {
    reason: "not_found",
    hint: near === undefined ? "See who there is: mq9 agent ls" : `Did you mean ${near}?`,
  });
}

async function namesOf({ mq9 }: Session): Promise<readonly string[]> {
  const { agents } = await mq9.api.discover({ limit: pageSize, page: 1 });
  return agents.map(({ agent }) => agent.name);
}
