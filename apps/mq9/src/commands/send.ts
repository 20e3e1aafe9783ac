// `mq9 send` and `mq9 reply`: storing messages, and waiting for what becomes of them.
import type { MailMessage, PriorityLabel, ReceiptResult, SendRequest } from "@mq9/protocol";
import {
  type CommandContext,
  type CommandSpec,
  choice,
  defineCommand,
  flag,
} from "../cli/command.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import { mailOf, messageJson, messageText, prune } from "../cli/message-view.ts";
import type { SentJson } from "../cli/schemas/mail.ts";
import type { Session } from "../cli/session.ts";
import { printable } from "../cli/text.ts";
import {
  headerLines,
  messageNumber,
  milliseconds,
  readBody,
  seconds,
  words,
} from "../cli/values.ts";

interface SendFlags {
  readonly priority: PriorityLabel;
  readonly key?: string;
  readonly delay?: number;
  readonly ttl?: number;
  readonly tag?: readonly string[];
  readonly id?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly replyTo?: string;
  readonly waitFor?: "read" | "acked" | "reply";
  readonly group?: string;
  readonly timeout: number;
}

const priorities = ["critical", "urgent", "high", "normal", "low", "notify"];

/** Flags of whatever stores a message. */
const messageFlags = () => [
  choice("-p, --priority <word>", "how soon it leaves", priorities).default("normal", "normal"),
  flag("-k, --key <text>", "keep only the newest message of this key"),
  flag("--delay <time>", "invisible for so long", seconds),
  flag("--ttl <time>", "it ends after so long, read or not", seconds),
  flag("-t, --tag <words>", "words to look for; may come again", words),
  flag("-H, --header <line>", "'Name: value'; may come again", headerLines),
  flag("--id <text>", "the same id within ten minutes is stored once"),
];

const send = defineCommand<SendFlags>({
  path: "send",
  summary: "store a message in a mailbox",
  description:
    "Stores a message and prints its number once it is on the broker's disk. With --wait-for it also waits until somebody read it, acknowledged it, or answered.",
  args: [
    ["<mailbox>", "where to"],
    ["[body]", "the text, @file, - for standard input; @@ for a text that begins with @"],
  ],
  options: [
    ...messageFlags(),
    flag("-r, --reply-to <mailbox>", "where answers go"),
    choice("--wait-for <what>", "wait until it is so", ["read", "acked", "reply"]),
    flag("-g, --group <name>", "with acked: by this group"),
    flag("--timeout <time>", "how long to wait for that", milliseconds).default(60_000, "1m"),
  ],
  examples: [
    ["A text", "mq9 send inbox 'review this' --priority urgent"],
    ["A file, once, however often this is run", "mq9 send inbox @report.json --id report-7"],
    ["Ask and print the answer", "mq9 send translator 'bonjour' --wait-for reply --timeout 30s"],
  ],
  output: "one",
  exits: ["notFound", "timeout"],
  exitNotes: { timeout: "stored, but what --wait-for names did not come in time" },
  async run({ args: [mailbox = "", text], options, out, connect }) {
    if (options.group !== undefined && options.waitFor !== "acked") {
      throw misuse("--group goes with --wait-for acked");
    }
    const payload = await readBody(text, `mq9 send ${mailbox}`);
    const session = await connect();
    const request = requestOf(mailbox, payload, options);
    if (options.waitFor === "reply") return await ask(session, request, options, out);
    const lines = linesOf(options);
    const sent = await session.mq9.api.sendLines(request, lines);
    const value = sentJson(mailbox, sent);
    if (options.waitFor === undefined) {
      await report(out, value);
      return undefined;
    }
    if (value.msg_id === undefined) {
      throw misuse("a delayed message is not there yet: --wait-for and --delay exclude each other");
    }
    out.note(`stored as ${value.msg_id}; waiting until it is ${options.waitFor}`);
    const state = await follow(session, mailbox, value.msg_id, options);
    await out.result({ ...value, state }, () => String(value.msg_id));
    return undefined;
  },
});

const reply = defineCommand<SendFlags>({
  path: "reply",
  summary: "answer a message",
  description:
    "Sends an answer to the mailbox that a message names for it, with its correlation id. Answering twice is answering once.",
  args: [
    ["<mailbox>", "where the message lies"],
    ["<id>", "its number"],
    ["[body]", "the answer: text, @file, or -"],
  ],
  options: messageFlags(),
  examples: [["Answer message 7 of inbox", "mq9 reply inbox 7 'done'"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id = "", text], options, out, connect }) {
    const msgId = messageNumber(id);
    const payload = await readBody(text, `mq9 reply ${mailbox} ${id}`);
    const { mq9 } = await connect();
    const found = await findMessage({ mq9 }, mailbox, msgId);
    const question = messageJson(found);
    const to = question.reply_to;
    if (to === undefined) {
      throw new CliError("error", `message ${msgId} of ${mailbox} names no mailbox for answers`, {
        hint: "Send to one that you know: mq9 send <mailbox> <body>",
      });
    }
    const correlation = question.correlation_id;
    const request = requestOf(to, payload, {
      ...options,
      // Whoever asked without an id is told once, too.
      id: options.id ?? correlation ?? `answer-${msgId}-${mailbox}`.slice(0, 128),
      ...(correlation === undefined ? {} : { key: options.key ?? correlation }),
    });
    const lines = linesOf(options);
    if (correlation !== undefined) lines.push(["correlation-id", correlation]);
    lines.push(["mq9-hops", question.headers?.["mq9-hops"]?.[0] ?? "1"]); // the broker counts chains
    const sent = await mq9.api.sendLines(request, lines);
    out.note(`answered to ${printable(to)}`);
    await report(out, sentJson(to, sent));
  },
});

export const sendCommands: readonly CommandSpec[] = [send];
export const replyCommands: readonly CommandSpec[] = [reply];

function requestOf(
  mailbox: string,
  payload: Uint8Array,
  { priority, key, delay, ttl, tag, id }: Omit<SendFlags, "timeout">,
): SendRequest {
  return {
    mailbox,
    label: priority,
    payload,
    key,
    delayMs: delay === undefined ? undefined : delay * 1_000,
    ttlSeconds: ttl,
    tags: tag,
    dedupId: id,
  };
}

function linesOf({ header = [], replyTo }: Omit<SendFlags, "timeout">): [string, string][] {
  const lines = header.map(([name, value]): [string, string] => [name, value]);
  if (replyTo !== undefined) lines.push(["mq9-reply-to", replyTo]);
  return lines;
}

interface Sent {
  readonly msgId: number;
  readonly scheduledId?: number | undefined;
  readonly duplicate?: boolean | undefined;
}

function sentJson(mailbox: string, { msgId, scheduledId, duplicate }: Sent): SentJson {
  return prune({
    mailbox,
    msg_id: msgId < 0 ? undefined : msgId,
    scheduled_id: scheduledId,
    duplicate,
  });
}

async function report(out: CommandContext["out"], value: SentJson): Promise<void> {
  if (value.duplicate === true) out.note("it was stored before; nothing was stored now");
  if (value.msg_id === undefined && value.scheduled_id !== undefined) {
    out.note(`it is not visible yet; look with: mq9 peek ${value.mailbox} --scheduled`);
  }
  await out.result(value, () =>
    value.msg_id === undefined ? `scheduled ${value.scheduled_id}` : String(value.msg_id),
  );
}

/** Asks over mailboxes and prints the answer. */
async function ask(
  { mq9 }: Session,
  request: SendRequest,
  options: SendFlags,
  out: CommandContext["out"],
): Promise<undefined> {
  if (request.delayMs !== undefined)
    throw misuse("--wait-for reply and --delay exclude each other");
  const asked = mq9.request(request.mailbox, request.payload, {
    timeoutMs: options.timeout,
    priority: request.label,
    ...(request.key === undefined ? {} : { key: request.key }),
    ...(request.ttlSeconds === undefined ? {} : { ttlSeconds: request.ttlSeconds }),
    ...(request.tags === undefined ? {} : { tags: request.tags }),
    ...(request.dedupId === undefined ? {} : { requestId: request.dedupId }),
    ...(options.replyTo === undefined ? {} : { replyTo: options.replyTo }),
    ...(options.header === undefined
      ? {}
      : { headers: options.header.map(([a, b]): [string, string] => [a, b]) }),
  });
  const message = messageJson(mailOf(await asked.catch(tooLate(request.mailbox))));
  await out.result({ mailbox: request.mailbox, reply: message }, () =>
    out.isTerminal ? messageText(message, out.colors, Date.now()) : message.body,
  );
  return undefined;
}

/** What the SDK calls a request id is `--id` here. */
function tooLate(mailbox: string): (error: unknown) => never {
  return (error) => {
    const { message, requestId } = error as { message: string; requestId?: string };
    if (!requestId) throw error;
    throw new CliError("timeout", message.replace(/\. Ask again with requestId .*$/s, ""), {
      reason: "timeout",
      hint: `To go on waiting, send the same with: --id ${requestId}\nIt is not stored twice. See where it is: mq9 explain ${mailbox}`,
      cause: error,
    });
  };
}

/** Looks at the receipt until it says what was waited for. @throws {CliError} when the time is over */
async function follow(
  { mq9 }: Session,
  mailbox: string,
  msgId: number,
  { waitFor, group, timeout }: SendFlags,
): Promise<"read" | "acked"> {
  const wanted = waitFor === "read" ? "read" : "acked";
  const deadlineMs = Date.now() + timeout;
  let pauseMs = 50;
  for (;;) {
    const receipt = await mq9.api.receipt({ mailbox, msgId });
    if (isReached(receipt, wanted, group)) return wanted;
    const dead = receipt.groups.find(({ state }) => state === "dead_lettered");
    if (dead !== undefined && wanted === "acked" && (group ?? dead.group) === dead.group) {
      throw new CliError("error", `group ${dead.group} could not handle message ${msgId}`, {
        reason: "dead_lettered",
        hint: `See why: mq9 dlq ls ${mailbox}`,
      });
    }
    const leftMs = deadlineMs - Date.now();
    if (leftMs <= 0 || (receipt.state !== "stored" && wanted === "acked")) {
      throw new CliError(
        "timeout",
        `message ${msgId} is stored in ${mailbox}, and ${stateText(receipt, group)}`,
        { reason: "timeout", hint: `Look again later: mq9 receipt ${mailbox} ${msgId}` },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    pauseMs = Math.min(pauseMs * 2, 1_000);
  }
}

function isReached(receipt: ReceiptResult, wanted: string, group: string | undefined): boolean {
  const groups = receipt.groups.filter((each) => group === undefined || each.group === group);
  if (groups.some(({ state }) => state === "acked")) return true;
  if (wanted === "acked") return false;
  return receipt.read || groups.some(({ state }) => state !== "waiting");
}

function stateText(receipt: ReceiptResult, group: string | undefined): string {
  if (receipt.state !== "stored") return `is ${receipt.state} by now`;
  const asked = receipt.groups.filter((each) => group === undefined || each.group === group);
  const leased = asked.find(({ state }) => state === "leased");
  if (leased !== undefined) return `group ${leased.group} is at work on it`;
  return receipt.read ? "was read, but not acknowledged" : "nobody has taken it yet";
}

/** One message by its number. @throws {CliError} when it is not there */
export async function findMessage(
  { mq9 }: Pick<Session, "mq9">,
  mailbox: string,
  msgId: number,
): Promise<MailMessage> {
  const { messages } = await mq9.api.query({
    mailbox,
    checkToken: false,
    unreadOnly: false,
    order: "newest",
    beforeId: msgId + 1,
    limit: 1,
  });
  const found = messages.find((message) => message.msgId === msgId);
  if (found !== undefined) return found;
  throw new CliError("notFound", `there is no message ${msgId} in ${mailbox}`, {
    reason: "message_not_found",
    hint: `See what there is: mq9 peek ${mailbox}`,
  });
}
