// What hooks of coding agents hand to `mq9 wait --hook` and want back from it. Called by wait.ts; knows
// no broker. Nothing that came with a message is an argument of anything here: an agent reads what
// is said here as its user's word.

/** The agents whose hooks are known. */
export type HookAgent = "claude" | "codex";

export const hookAgents: readonly HookAgent[] = ["claude", "codex"];

/** What a hook says of itself, on standard input. */
export interface HookCall {
  /** `Stop`, `SessionStart`, …; `agent-turn-complete` of Codex's `notify`; "" when the input says nothing. */
  readonly event: string;
  /** Tells the sessions of one machine apart; "" = unknown. */
  readonly session: string;
}

/** How a hook ends. */
export interface HookAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** 2 wakes a session of Claude Code; 4 is for scripts: nothing to ring for. */
  readonly exitCode: 0 | 2 | 4;
}

const turnComplete = "agent-turn-complete";

/** Reads the JSON of a hook; whatever is missing or no JSON is "". Never throws: a hook must not fail for it. */
export function readHookCall(input: string): HookCall {
  try {
    const fields = JSON.parse(input) as Record<string, unknown> | null;
    const text = (name: string) => (typeof fields?.[name] === "string" ? fields[name] : "");
    return {
      event: text("hook_event_name") || text("type"),
      session: text("session_id") || text("thread-id"),
    };
  } catch {
    return { event: "", session: "" };
  }
}

/**
 * Whether this hook sleeps until mail comes. Claude Code's `Stop` runs in the background (`asyncRewake`), and
 * so does what Codex's `notify` leaves behind; every other hook holds its agent up and so only looks.
 */
export function isSleeper(agent: HookAgent, { event }: HookCall): boolean {
  return agent === "claude" ? event === "Stop" || event === "" : event === turnComplete;
}

/** Whether the session is over: then its sleeper has to leave, and nobody is left to ring for. */
export function isEnd({ event }: HookCall): boolean {
  return event === "SessionEnd";
}

/**
 * What the hook says.
 * @param doorbell the line that rings; undefined = there is nothing to ring for
 */
export function hookAnswer(
  agent: HookAgent,
  call: HookCall,
  doorbell: string | undefined,
): HookAnswer {
  if (call.event === turnComplete) {
    return doorbell === undefined ? { ...silent, exitCode: 4 } : { ...silent, stdout: doorbell };
  }
  if (isSleeper(agent, call)) {
    return doorbell === undefined ? silent : { ...silent, stderr: doorbell, exitCode: 2 };
  }
  if (agent === "codex" && (call.event === "Stop" || call.event === "")) {
    // Codex reads JSON from this hook, also when it has nothing to say.
    return json(doorbell === undefined ? {} : { decision: "block", reason: doorbell });
  }
  if (doorbell === undefined) return silent;
  return json({
    hookSpecificOutput: { hookEventName: call.event, additionalContext: doorbell },
  });
}

const silent: HookAnswer = { stdout: "", stderr: "", exitCode: 0 };

function json(value: object): HookAnswer {
  return { ...silent, stdout: JSON.stringify(value) };
}

/** What is known of the mail of a group without looking at any of it. */
export interface Waiting {
  /** Messages that the group has not been handed. */
  readonly waiting: number;
  /** The number that the mailbox's next message will get. */
  readonly nextId: number;
}

/** What a session remembers of the last time it was rung for. */
export interface Rung {
  readonly nextId: number;
  /** How often for the same mail; 1 = once. */
  readonly times: number;
  readonly atMs: number;
}

/** The same mail is rung for again after this, doubled each time, up to the bound. */
const reminderMs = { first: 30_000, most: 900_000 } as const;

/**
 * When to ring: now for mail that the session was not rung for, later for mail that it left lying, and
 * never (undefined) where there is none. An agent that does not read is not woken in a circle.
 */
export function ringAtMs({ waiting, nextId }: Waiting, last: Rung | undefined): number | undefined {
  if (waiting === 0) return undefined;
  if (last === undefined || nextId !== last.nextId) return 0;
  return last.atMs + Math.min(reminderMs.first * 2 ** (last.times - 1), reminderMs.most);
}

/** What is remembered of a ring. */
export function rungFor({ nextId }: Waiting, last: Rung | undefined, nowMs: number): Rung {
  const times = last?.nextId === nextId ? last.times + 1 : 1;
  return { nextId, times, atMs: nowMs };
}
