// What is to be known of a mailbox by whoever waits for its mail: whether it is there, what lies in it,
// who takes from it, and what never will be taken. Called by ../commands/explain.ts.
import { type MailboxDetail, Mq9Error, neverMs } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import type { Finding } from "../cli/findings.ts";
import { counted } from "../cli/text.ts";
import { closest } from "../config/closest.ts";
import { clockTime, span } from "./times.ts";

export interface Explained {
  readonly findings: readonly Finding[];
  /** What was asked about is there. */
  readonly found: boolean;
}

/** A life that ends this soon is worth a word. */
const soonMs = 600_000;
/** How far into the queue of a group is looked. */
const lookMax = 1_000;

/** A mailbox, or what stands in its place. */
export async function inspectMailbox(
  mq9: Mq9,
  name: string,
): Promise<{ detail: MailboxDetail } | Explained> {
  try {
    return { detail: await mq9.mailbox(name).info() };
  } catch (error) {
    if (!(error instanceof Mq9Error)) throw error;
    if (error.code === "expired") {
      const next = `mq9 mailbox create ${name}`;
      const text = `mailbox ${name} has ended, and everything in it with it: its time to live was over, or somebody dropped it`;
      return missing({ code: "mailbox_ended", level: "fail", text, next });
    }
    if (error.code === "not_found") return await explainMissing(mq9, name);
    if (error.code === "forbidden") {
      const text = `you may not look into ${name}: ${error.message}`;
      const next = "Ask its owner for the right `query`, or show a token: --mailbox-token";
      return missing({ code: "mailbox_forbidden", level: "fail", text, next });
    }
    throw error;
  }
}

function missing(...findings: Finding[]): Explained {
  return { findings, found: false };
}

async function explainMissing(mq9: Mq9, name: string): Promise<Explained> {
  const text = `there is no mailbox ${name}: a send with a reply is refused, one without is dropped silently`;
  const names: string[] = [];
  try {
    for await (const one of mq9.mailboxes()) if (names.push(one.name) >= 10_000) break;
  } catch {
    // best effort: who may not list mailboxes gets no suggestion.
  }
  const near = closest(name, names);
  const next = near === undefined ? `mq9 mailbox create ${name}` : `mq9 explain ${near}`;
  const findings: Finding[] = [{ code: "mailbox_missing", level: "fail", text, next }];
  if (near !== undefined) {
    findings.push({ code: "name_similar", level: "note", text: `there is a mailbox ${near}` });
  }
  const agent = await mq9.agents.get(name).catch(() => undefined);
  if (agent !== undefined) {
    findings.push({
      code: "name_of_agent",
      level: "note",
      text: `an agent has that name; its mailbox is ${agent.mailbox ?? "not told"}`,
      next: `mq9 explain agent:${name}`,
    });
  }
  return { findings, found: false };
}

/** Everything about a mailbox that is there. */
export async function explainMailbox(mq9: Mq9, detail: MailboxDetail): Promise<Finding[]> {
  return [
    aboutLife(detail),
    ...aboutContent(detail),
    ...(await aboutScheduled(mq9, detail)),
    ...(await aboutGroups(mq9, detail)),
    ...(await aboutDead(mq9, detail.name)),
  ];
}

export function aboutLife({ name, expiresAtMs }: MailboxDetail): Finding {
  if (expiresAtMs === neverMs) {
    return { code: "mailbox_there", level: "ok", text: `mailbox ${name} is there, and never ends` };
  }
  const leftMs = expiresAtMs - Date.now();
  const ends = `ends in ${span(leftMs)} with everything in it`;
  if (leftMs > soonMs) {
    return { code: "mailbox_there", level: "ok", text: `mailbox ${name} is there, and ${ends}` };
  }
  return {
    code: "mailbox_ends_soon",
    level: "warn",
    text: `mailbox ${name} ${ends}`,
    next: `mq9 mailbox renew ${name} --ttl 1d`,
  };
}

function aboutContent({ name, messages, nextId, scheduled, kind }: MailboxDetail): Finding[] {
  const findings: Finding[] = [];
  if (nextId === 0 && scheduled === 0) {
    const text = "nothing was ever sent here";
    findings.push({ code: "never_sent", level: "note", text, next: `mq9 send ${name} hello` });
  } else if (messages === 0) {
    const text = `nothing lies here now; ${counted(nextId, "message")} did, and ended, ${nextId === 1 ? "was" : "were"} deleted or replaced`;
    findings.push({ code: "empty", level: "note", text });
  } else {
    const text = `${counted(messages, "message")} ${messages === 1 ? "lies" : "lie"} here of ${nextId} that ever did`;
    findings.push({ code: "holds", level: "ok", text, next: `mq9 peek ${name}` });
  }
  if (kind === "latest") {
    const text = "it keeps the newest message alone: each send removes the one before";
    findings.push({ code: "keeps_latest", level: "note", text });
  }
  return findings;
}

export async function aboutScheduled(mq9: Mq9, detail: MailboxDetail): Promise<Finding[]> {
  if (detail.scheduled === 0) return [];
  const [first] = await mq9.mailbox(detail.name).scheduled({ limit: 1 });
  const when =
    first === undefined
      ? ""
      : `; the next becomes visible in ${span(first.visibleAtMs - Date.now())} (${clockTime(first.visibleAtMs)})`;
  const text = `${counted(detail.scheduled, "message")} ${detail.scheduled === 1 ? "is" : "are"} delayed, and nobody sees ${detail.scheduled === 1 ? "it" : "them"} yet${when}`;
  return [{ code: "delayed", level: "note", text }];
}

async function aboutGroups(mq9: Mq9, detail: MailboxDetail): Promise<Finding[]> {
  const { name, groups, messages } = detail;
  if (groups.length === 0) {
    if (messages === 0) return [];
    const text =
      "no group has ever fetched here: mail waits until a worker comes, or is read by subscriptions";
    return [{ code: "no_group", level: "note", text, next: `mq9 fetch ${name} --group workers` }];
  }
  const findings: Finding[] = [];
  for (const group of groups) {
    const waiting = await placeInLine(mq9, name, group.group);
    findings.push(...aboutGroup(name, group, waiting.length));
  }
  return findings;
}

function aboutGroup(
  name: string,
  { group, leased, deferred, waiting, unsettled }: MailboxDetail["groups"][number],
  ready: number,
): Finding[] {
  const parts = [
    `${ready >= lookMax ? `at least ${lookMax}` : ready} ready`,
    `${leased} out with workers`,
    ...(deferred > 0 ? [`${deferred} handed back and waiting for their time`] : []),
    ...(unsettled > leased + deferred
      ? [`${unsettled - leased - deferred} that nobody settled in time`]
      : []),
  ];
  const text = `group ${group}: ${parts.join(", ")}`;
  if (ready > 0 && waiting === 0 && leased === 0) {
    return [
      {
        code: "no_worker",
        level: "warn",
        text: `${text}; nobody of the group asks for mail now`,
        next: `mq9 fetch ${name} --group ${group}`,
      },
    ];
  }
  const asking =
    waiting === 0 ? "" : `; ${counted(waiting, "worker")} wait${waiting === 1 ? "s" : ""} for mail`;
  return [{ code: "group", level: "ok", text: `${text}${asking}` }];
}

/** What the group would be handed, in that order; empty where the broker can not say. */
export async function placeInLine(
  mq9: Mq9,
  name: string,
  group: string,
): Promise<readonly number[]> {
  try {
    const box = mq9.mailbox(name);
    const messages = await box.fetch({ group, look: true, limit: lookMax, waitMs: 0 });
    return messages.map(({ msgId }) => msgId);
  } catch (error) {
    if (error instanceof Mq9Error) return [];
    throw error;
  }
}

async function aboutDead(mq9: Mq9, name: string): Promise<Finding[]> {
  const letters = await mq9
    .mailbox(name)
    .deadLetters.list({ limit: 1 })
    .catch(() => []);
  const newest = letters.at(-1);
  if (newest === undefined) return [];
  const detail = await mq9.mailbox(`${name}.dlq`).info();
  const { dead } = newest;
  const why =
    dead === undefined
      ? ""
      : `; the newest was message ${dead.msgId}, given up by group ${dead.group} after ${counted(dead.deliveries, "delivery", "deliveries")}${dead.reason === undefined ? "" : `: ${dead.reason}`}`;
  return [
    {
      code: "dead_letters",
      level: "warn",
      text: `${counted(detail.messages, "message")} could not be handled and ${detail.messages === 1 ? "lies" : "lie"} among the dead letters${why}`,
      next: `mq9 dlq ls ${name}`,
    },
  ];
}
