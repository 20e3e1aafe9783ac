// Why a message did not arrive, or where it is: from its receipt, its place in line, the leases on it,
// the dead letters and its own end. Called by ../commands/explain.ts.
import { type MailboxDetail, Mq9Error, type ReceiptResult } from "@mq9/protocol";
import type { Message, Mq9 } from "@mq9/sdk";
import type { Finding } from "../cli/findings.ts";
import { counted } from "../cli/text.ts";
import { aboutLife, aboutScheduled, type Explained, placeInLine } from "./mailbox.ts";
import { clockTime, span } from "./times.ts";

type GroupReceipt = ReceiptResult["groups"][number];

/** Everything about one number of a mailbox that is there. */
export async function explainMessage(
  mq9: Mq9,
  detail: MailboxDetail,
  msgId: number,
): Promise<Explained> {
  let receipt: ReceiptResult;
  try {
    receipt = await mq9.mailbox(detail.name).receipt(msgId);
  } catch (error) {
    if (!(error instanceof Mq9Error) || error.code !== "message_not_found") throw error;
    return await explainNeverGiven(mq9, detail, msgId);
  }
  const message = await mq9.mailbox(detail.name).get(msgId);
  const letter = await letterOf(mq9, detail.name, msgId);
  const findings = [
    aboutState(detail, receipt, message, msgId),
    ...(receipt.state === "stored" ? [aboutLife(detail)] : []),
    ...(await aboutGroups(mq9, detail, receipt, { msgId, letter })),
    ...aboutReaders(receipt),
  ];
  if (receipt.state === "gone" && letter !== undefined)
    findings.push(aboutLetter(detail.name, letter));
  return { findings, found: receipt.state !== "gone" || letter !== undefined };
}

async function explainNeverGiven(
  mq9: Mq9,
  detail: MailboxDetail,
  msgId: number,
): Promise<Explained> {
  const { nextId } = detail;
  const given = nextId === 0 ? "none was given yet" : `the last one given is ${nextId - 1}`;
  const text = `no message ${msgId} ever was in ${detail.name}: numbers count from 0, and ${given}`;
  const next = nextId === 0 ? undefined : `mq9 peek ${detail.name}`;
  const findings: Finding[] = [{ code: "number_never_given", level: "fail", text, next }];
  findings.push(...(await aboutScheduled(mq9, detail)));
  return { findings, found: false };
}

function aboutState(
  detail: MailboxDetail,
  { state }: ReceiptResult,
  message: Message | undefined,
  msgId: number,
): Finding {
  if (state === "gone") {
    const why =
      detail.kind === "latest"
        ? "this mailbox keeps the newest message alone"
        : "its own time to live was over, somebody deleted it or emptied the mailbox, or a message with the same key replaced it";
    return { code: "gone", level: "warn", text: `message ${msgId} was stored and is gone: ${why}` };
  }
  if (state === "expired") {
    const text = `message ${msgId} has expired: the time to live that its sender gave it is over, and nobody is handed it any more`;
    return {
      code: "expired",
      level: "fail",
      text,
      next: "Send it again with a longer --ttl, or none.",
    };
  }
  const facts =
    message === undefined
      ? []
      : [
          `${message.priority} priority`,
          counted(message.data.length, "byte"),
          `sent ${span(Date.now() - message.createdAt.getTime())} ago`,
          ...(message.from === undefined ? [] : [`by ${message.from}`]),
          ...(message.key === undefined ? [] : [`key ${message.key}`]),
          ...(message.expiresAt === undefined
            ? []
            : [`ends in ${span(message.expiresAt.getTime() - Date.now())}`]),
        ];
  return {
    code: "stored",
    level: "ok",
    text: `message ${msgId} is stored${facts.length === 0 ? "" : `: ${facts.join(", ")}`}`,
  };
}

async function aboutGroups(
  mq9: Mq9,
  detail: MailboxDetail,
  receipt: ReceiptResult,
  { msgId, letter }: { msgId: number; letter: Message | undefined },
): Promise<Finding[]> {
  const { name } = detail;
  if (receipt.groups.length === 0) {
    if (receipt.state !== "stored") return [];
    const text = "no group has fetched from the mailbox, so nobody has taken it to work on";
    return [{ code: "no_group", level: "note", text, next: `mq9 fetch ${name} --group workers` }];
  }
  const findings: Finding[] = [];
  for (const group of receipt.groups) {
    if (group.state === "dead_lettered") findings.push(aboutDead(name, group, letter));
    else if (group.state === "waiting") {
      if (receipt.state === "stored") findings.push(await aboutWaiting(mq9, detail, group, msgId));
    } else findings.push(aboutHeld(group));
  }
  return findings;
}

function aboutHeld({ group, state, deliveryCount, untilMs }: GroupReceipt): Finding {
  const again = deliveryCount > 1 ? `, for the ${ordinal(deliveryCount)} time` : "";
  const until =
    untilMs === undefined ? "" : ` until ${clockTime(untilMs)} (${span(untilMs - Date.now())})`;
  if (state === "acked") {
    return { code: "acked", level: "ok", text: `group ${group} has handled it` };
  }
  if (state === "leased") {
    return {
      code: "leased",
      level: "note",
      text: `a worker of group ${group} has it${until}${again}; when it neither settles it nor asks for more time, others get it then`,
    };
  }
  return {
    code: "deferred",
    level: "note",
    text: `group ${group} handed it back ${deliveryCount > 1 ? counted(deliveryCount, "time") : "once"}; it is handed out again not before${untilMs === undefined ? " its time" : ` ${clockTime(untilMs)} (in ${span(untilMs - Date.now())})`}`,
  };
}

async function aboutWaiting(
  mq9: Mq9,
  detail: MailboxDetail,
  { group, deliveryCount }: GroupReceipt,
  msgId: number,
): Promise<Finding> {
  const line = await placeInLine(mq9, detail.name, group);
  const before = line.indexOf(msgId);
  const seen =
    deliveryCount > 0 ? ` It was handed out ${counted(deliveryCount, "time")} before.` : "";
  const place =
    before === 0
      ? "it is the next"
      : before > 0
        ? `${before} ${before === 1 ? "comes" : "come"} before it, by priority and number`
        : line.length > 0
          ? `more than ${line.length} come before it`
          : "it waits for its turn";
  const info = detail.groups.find((one) => one.group === group);
  const nobody = info !== undefined && info.waiting === 0 && info.leased === 0;
  return {
    code: nobody ? "waiting_no_worker" : "waiting",
    level: nobody ? "warn" : "note",
    text: `group ${group} was not handed it yet: ${place}${nobody ? ", and no worker of the group asks for mail now" : ""}.${seen}`.replace(
      /\.$/,
      "",
    ),
    ...(nobody ? { next: `mq9 fetch ${detail.name} --group ${group}` } : {}),
  };
}

function aboutDead(name: string, { group }: GroupReceipt, letter: Message | undefined): Finding {
  const dead = letter?.dead;
  const how =
    dead === undefined
      ? ""
      : dead.cause === "poison"
        ? ": a worker said that nobody can"
        : ` after ${counted(dead.deliveries, "delivery", "deliveries")}`;
  const reason = dead?.reason === undefined ? "" : ` (${dead.reason})`;
  return {
    code: "dead_lettered",
    level: "fail",
    text: `group ${group} could not handle it${how}${reason}; it lies among the dead letters${letter === undefined ? "" : ` as ${letter.msgId}`}`,
    next: letter === undefined ? `mq9 dlq ls ${name}` : `mq9 dlq retry ${name} ${letter.msgId}`,
  };
}

function aboutLetter(name: string, letter: Message): Finding {
  const text = `a copy lies among the dead letters as ${letter.msgId}`;
  return {
    code: "dead_letter_kept",
    level: "note",
    text,
    next: `mq9 dlq show ${name} ${letter.msgId}`,
  };
}

function aboutReaders({ read, state }: ReceiptResult): Finding[] {
  if (read) return [{ code: "read", level: "ok", text: "some reader was handed it" }];
  if (state !== "stored") return [];
  return [{ code: "unread", level: "note", text: "nobody was handed it so far" }];
}

/** The dead letter that this message became; looked for among the newest thousand. */
async function letterOf(mq9: Mq9, name: string, msgId: number): Promise<Message | undefined> {
  const letters = await mq9
    .mailbox(name)
    .deadLetters.list({ limit: 1_000 })
    .catch(() => []);
  return letters.findLast(({ dead }) => dead?.msgId === msgId);
}

function ordinal(count: number): string {
  const endings: Readonly<Record<string, string>> = {
    one: "st",
    two: "nd",
    few: "rd",
    other: "th",
  };
  return `${count}${endings[new Intl.PluralRules("en", { type: "ordinal" }).select(count)] ?? "th"}`;
}
