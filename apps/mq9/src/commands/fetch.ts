// `mq9 fetch`: takes mail for a group. It stays yours for the length of its lease, whichever process
// settles it; or it is settled here, at once or by how a command ends.
import type { MailMessage } from "@mq9/protocol";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { misuse } from "../cli/exit-codes.ts";
import { groupOf } from "../cli/group.ts";
import { messageJson, messageText } from "../cli/message-view.ts";
import type { Output } from "../cli/output.ts";
import type { TakenJson } from "../cli/schemas/mail.ts";
import { startOf } from "../cli/start.ts";
import { roughly } from "../cli/text.ts";
import { milliseconds, wholeNumber } from "../cli/values.ts";

interface FetchFlags {
  readonly group?: string;
  readonly limit: number;
  readonly wait: number;
  readonly lease: number;
  readonly from: string;
  readonly ack?: true;
  readonly exec?: string;
  readonly follow?: true;
  readonly concurrency: number;
  readonly deliveriesMax?: number;
  readonly raw?: true;
}

const fetch = defineCommand<FetchFlags>({
  path: "fetch",
  summary: "take messages, to work on them",
  description: `Takes messages for a group and prints them. Nobody else of the group gets them until their
lease ends: settle them before with \`mq9 ack\` or \`mq9 nack\`, from any process. With
--ack they are settled once they are printed. With --exec a command is run for each, with
the body as its input and MQ9_MAILBOX, MQ9_MSG_ID, MQ9_PRIORITY, MQ9_FROM, MQ9_KEY,
MQ9_TAGS, MQ9_REPLY_TO and MQ9_DELIVERY in its environment; while it runs the lease is
kept. Exit code 0 settles the message, 65 sends it to the dead letters, any other hands
it back.`,
  args: [["<mailbox>", "where from"]],
  options: [
    flag("-g, --group <name>", "who shares the work [MQ9_AGENT, default]"),
    flag("-n, --limit <count>", "messages at most", wholeNumber(1, 1000)).default(1, "1"),
    flag("-w, --wait <time>", "wait so long for the first one", milliseconds).default(0, "0"),
    flag("--lease <time>", "how long they are yours", milliseconds).default(30_000, "30s"),
    flag("--from <where>", "where a new group begins: earliest, latest, a number, a time").default(
      "earliest",
      "earliest",
    ),
    flag("--ack", "settle them once they are printed"),
    flag("--exec <command>", "settle each by how this command ends"),
    flag("--follow", "with --exec: go on until stopped"),
    flag("--concurrency <count>", "with --exec: so many at a time", wholeNumber(1, 256)).default(
      1,
      "1",
    ),
    flag("--deliveries-max <count>", "then it goes to the dead letters [20]", wholeNumber(1, 1000)),
    flag("--raw", "print bodies alone, byte by byte"),
  ],
  examples: [
    ["Take one, work, and say that it is done", "mq9 fetch inbox && mq9 ack inbox 7"],
    ["Everything there is, one object per line", "mq9 fetch inbox -n 1000 --ack --jsonl"],
    ["A worker", "mq9 fetch inbox --exec './handle.sh' --follow"],
  ],
  output: "items",
  exits: ["notFound", "timeout"],
  exitNotes: { error: "a command of --exec failed", timeout: "there was nothing to take" },
  stoppable: ({ follow }) => follow === true,
  async run({ args: [mailbox = "", ...rest], options, out, connect, agent, signal }) {
    checkFlags(options, rest);
    const start = startOf(options.from);
    const { mq9 } = await connect();
    const group = groupOf(options, agent);
    const take = (limit: number, waitMs: number, mode: "held" | "detached") =>
      mq9.api.fetch({
        mailbox,
        group,
        start,
        limit,
        waitMs,
        leaseMs: options.lease,
        held: "kept",
        detached: mode === "detached" || undefined,
        deliveriesMax: options.deliveriesMax,
      });
    if (options.exec !== undefined) {
      const { work } = await import("../cli/exec.ts");
      return await work({
        api: mq9.api,
        mailbox,
        group,
        take,
        out,
        signal,
        ...options,
        exec: options.exec,
      });
    }
    const detached = options.ack === true ? "held" : "detached";
    const { messages } = await patiently(options.wait, (waitMs) =>
      take(options.limit, waitMs, detached),
    );
    for (const message of messages) {
      await show(out, message, options.ack === true ? "acked" : "leased", options.raw);
      if (options.ack === true) {
        await mq9.api.ack({ mailbox, group, msgId: message.msgId, mode: "one" });
      }
    }
    if (options.raw !== true) await out.endItems("messages");
    if (messages.length === 0) {
      out.note(`nothing for group ${group} in ${mailbox}`);
      return "timeout";
    }
    if (options.ack !== true && mq9.server.foreign) {
      out.warn("this broker ends the leases with this command: settle with --ack or --exec");
    } else if (options.ack !== true && out.isTerminal)
      out.note(nextStep(messages, mailbox, group, options));
    return undefined;
  },
});

export const fetchCommands: readonly CommandSpec[] = [fetch];

function checkFlags(options: FetchFlags, rest: readonly string[]): void {
  const { ack, exec, follow, raw } = options;
  if (rest.length > 0) throw misuse(`${rest[0]} is too much`, "Type: mq9 fetch <mailbox>");
  if (exec !== undefined && ack === true) {
    throw misuse("--exec settles by itself: leave --ack out");
  }
  if (exec !== undefined && raw === true) throw misuse("--exec and --raw exclude each other");
  if (follow === true && exec === undefined) {
    throw misuse("--follow goes with --exec", "To look at what comes, type: mq9 tail <mailbox>");
  }
  if (options.lease < 1_000 || options.lease > 43_200_000) {
    throw misuse("--lease must be from 1s to 12h");
  }
}

type Fetched = { readonly messages: readonly MailMessage[] };

/** One wait of the wire is a minute at most; a longer one is several. */
async function patiently(
  waitMs: number,
  take: (waitMs: number) => Promise<Fetched>,
): Promise<Fetched> {
  const deadlineMs = Date.now() + waitMs;
  for (;;) {
    const leftMs = Math.max(0, deadlineMs - Date.now());
    const fetched = await take(Math.min(leftMs, 60_000));
    if (fetched.messages.length > 0 || Date.now() >= deadlineMs - 250) return fetched;
  }
}

/** Prints one message that was taken. */
export async function show(
  out: Output,
  message: MailMessage,
  outcome: TakenJson["outcome"],
  raw?: boolean,
): Promise<void> {
  if (raw === true) {
    await out.raw(message.payload);
    if (message.payload.at(-1) !== 0x0a) await out.raw("\n");
    return;
  }
  const value: TakenJson = { ...messageJson(message), outcome };
  const text = (): string => messageText(value, out.colors, Date.now());
  await out.item(value, text, outcome === "acked" ? "messages" : undefined);
}

function nextStep(
  messages: readonly MailMessage[],
  mailbox: string,
  group: string,
  { lease, group: named }: FetchFlags,
): string {
  const ids = messages.map(({ msgId }) => msgId).join(" ");
  const suffix = named === undefined ? "" : ` --group ${group}`;
  return `yours for ${roughly(lease)}; when done: mq9 ack ${mailbox} ${ids}${suffix}`;
}
