// `mq9 wait`: sleeps until there is mail, and says so by its exit code and one fixed line. Nothing of the
// mail is ever printed: whoever is woken by the line may take it for a word of its user.
import type { PriorityLabel } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import {
  type CommandContext,
  type CommandSpec,
  choice,
  defineCommand,
  flag,
} from "../cli/command.ts";
import type { CliExitName } from "../cli/exit-codes.ts";
import { groupOf } from "../cli/group.ts";
import type { WaitedJson } from "../cli/schemas/mail.ts";
import { roughly } from "../cli/text.ts";
import { milliseconds } from "../cli/values.ts";
import {
  type HookAgent,
  type HookCall,
  hookAgents,
  hookAnswer,
  isEnd,
  isSleeper,
  readHookCall,
  ringAtMs,
  rungFor,
  type Waiting,
} from "./wait-hook.ts";
import { waitForMail } from "./wait-mail.ts";
import { openWakeMemory, type WakeMemory } from "./wait-memory.ts";

interface WaitFlags {
  readonly group?: string;
  readonly priority?: PriorityLabel;
  readonly timeout?: number;
  readonly debounce: number;
  readonly hook?: HookAgent;
}

/** What is waited for, in each of some mailboxes. */
interface Vigil {
  readonly mailboxes: readonly string[];
  readonly group: string;
  readonly deadlineMs: number;
  /** When to ring for mail of that mailbox. Default: at once. */
  readonly ringAtMs?: (mailbox: string, found: Waiting) => number | undefined;
  readonly signal?: AbortSignal;
}

const priorities = ["critical", "urgent", "normal", "low"];
/** A sleeper that was relieved leaves so soon. */
const relievedCheckMs = 500;

export const wait: CommandSpec = defineCommand<WaitFlags>({
  path: "wait",
  summary: "sleep until there is mail",
  description:
    "Sleeps until there is mail that none of the group holds, prints one line and ends. Takes nothing, marks nothing as read, and prints nothing of the mail. Lives through restarts of the broker. With --hook it is the hook of a coding agent: it reads what the agent says on standard input and answers in its way.",
  args: [["<mailboxes...>", "mail in any of these"]],
  options: [
    flag("-g, --group <name>", "whose mail [MQ9_AGENT, default]"),
    choice("-p, --priority <word>", "only mail this urgent, or more", priorities),
    flag("--timeout <time>", "give up after so long; 0 only looks [never]", milliseconds),
    flag("--debounce <time>", "a burst rings once: so long is quiet", milliseconds).default(
      250,
      "250ms",
    ),
    choice("--hook <agent>", "answer as a hook of that agent", hookAgents),
  ],
  examples: [
    ["Start a worker when there is mail", "mq9 wait inbox && ./worker.sh"],
    ["For a minute, and only if it can not wait", "mq9 wait inbox --priority urgent --timeout 1m"],
    ["Wake an idle session of Claude Code", "mq9 wait inbox --hook claude"],
  ],
  output: "one",
  exits: ["notFound", "timeout"],
  exitNotes: { timeout: "no mail within --timeout" },
  async run(context) {
    const { args: mailboxes, options, out, agent } = context;
    const group = groupOf(options, agent);
    if (options.hook !== undefined) return await runHook(context, options.hook, group);
    const { mq9 } = await context.connect();
    const deadlineMs = deadlineOf(options.timeout);
    const found = await keepVigil(mq9, { mailboxes, group, deadlineMs }, options);
    const mail = found !== undefined;
    const value: WaitedJson = { mailbox: found?.mailbox ?? mailboxes[0] ?? "", group, mail };
    if (mail || out.form !== "text") {
      await out.result(value, () => bellOf(value.mailbox, options.group));
    }
    if (mail) return "done";
    out.note(`no mail in ${mailboxes.join(", ")} within ${roughly(options.timeout ?? 0)}`);
    return "timeout";
  },
});

/** The line that rings: fixed, but for what stands on the command line itself. */
function bellOf(mailbox: string, group: string | undefined): string {
  const member = group === undefined ? "" : ` --group ${group}`;
  return `You have mail. Read it with: mq9 fetch ${mailbox}${member}`;
}

function deadlineOf(timeoutMs: number | undefined): number {
  return timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
}

/** @returns the first mailbox with mail to ring for; undefined when there was none in time */
async function keepVigil(
  mq9: Mq9,
  { mailboxes, group, deadlineMs, ringAtMs: ringAt, signal }: Vigil,
  { priority, debounce }: WaitFlags,
): Promise<{ mailbox: string; found: Waiting } | undefined> {
  const others = new AbortController();
  const either = signal === undefined ? others.signal : AbortSignal.any([signal, others.signal]);
  const vigils = mailboxes.map(async (mailbox) => {
    const found = await waitForMail(mq9, {
      mailbox,
      group,
      priority,
      deadlineMs,
      debounceMs: debounce,
      ringAtMs: ringAt === undefined ? undefined : (waiting) => ringAt(mailbox, waiting),
      signal: either,
    });
    if (found === undefined) throw new NothingCame();
    return { mailbox, found };
  });
  // A mailbox that is not there ends the vigil; one in which nothing came leaves it to the others.
  const failures = vigils.map((each) =>
    each.catch((error: unknown) => {
      if (error instanceof NothingCame) return new Promise<never>(() => {});
      throw error;
    }),
  );
  try {
    return await Promise.race([Promise.any(vigils), ...failures]);
  } catch (error) {
    if (error instanceof AggregateError) return undefined;
    throw error;
  } finally {
    others.abort();
  }
}

class NothingCame extends Error {}

/** Never fails the agent that called it: without an answer from the broker there is nothing to say. */
async function runHook(
  context: CommandContext<WaitFlags>,
  agent: HookAgent,
  group: string,
): Promise<CliExitName> {
  const call = readHookCall(await standardInput());
  const ringing = await mailToRingFor(context, agent, call, group).catch((error: unknown) => {
    context.out.note(`mq9 wait: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  const bell = ringing === undefined ? undefined : bellOf(ringing, context.options.group);
  const { stdout, stderr, exitCode } = hookAnswer(agent, call, bell);
  if (stdout !== "") await context.out.raw(`${stdout}\n`);
  // Not talk, which --quiet silences: the agent reads the bell here.
  if (stderr !== "") process.stderr.write(`${stderr}\n`);
  return exitNames[exitCode];
}

/** Agents give these numbers a meaning of their own. */
const exitNames = { 0: "done", 2: "usage", 4: "timeout" } as const;

/** @returns the mailbox; undefined when there is nothing that the session has to hear now */
async function mailToRingFor(
  context: CommandContext<WaitFlags>,
  agent: HookAgent,
  call: HookCall,
  group: string,
): Promise<string | undefined> {
  const { args: mailboxes, options, env } = context;
  const memoryOf = (...about: string[]): WakeMemory =>
    openWakeMemory([agent, call.session, group, ...about], env);
  const duty = memoryOf(...mailboxes);
  const sleeps = isSleeper(agent, call);
  if (sleeps || isEnd(call)) duty.takeOver();
  if (isEnd(call)) return undefined;
  const { mq9 } = await context.connect();
  const relieved = new AbortController();
  const watch = setInterval(() => {
    if (duty.isRelieved()) relieved.abort();
  }, relievedCheckMs);
  const vigil: Vigil = {
    mailboxes,
    group,
    deadlineMs: sleeps ? deadlineOf(options.timeout) : 0,
    ringAtMs: (mailbox, found) => ringAtMs(found, memoryOf(mailbox).last()),
    signal: relieved.signal,
  };
  try {
    const heard = await keepVigil(mq9, vigil, options);
    if (heard === undefined || duty.isRelieved()) return undefined;
    const memory = memoryOf(heard.mailbox);
    memory.remember(rungFor(heard.found, memory.last(), Date.now()));
    return heard.mailbox;
  } finally {
    clearInterval(watch);
  }
}

/** What a hook is told; nothing when somebody tries it in a terminal. */
async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) return "";
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
  return text;
}
