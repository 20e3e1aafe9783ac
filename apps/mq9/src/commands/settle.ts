// `mq9 ack`, `nack`, `extend` and `receipt`: what becomes of messages that were fetched, from whichever
// process.
import { type CommandContext, type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import { groupOf } from "../cli/group.ts";
import { isoTime, prune } from "../cli/message-view.ts";
import type { ReceiptJson } from "../cli/schemas/mail.ts";
import { oneLine, roughly } from "../cli/text.ts";
import { messageNumber, milliseconds } from "../cli/values.ts";

interface GroupFlag {
  readonly group?: string;
}

const groupFlag = () =>
  flag("-g, --group <name>", "the group that fetched it [MQ9_AGENT, default]");
const mailboxArgument = ["<mailbox>", "where it lies"] as const;

const ack = defineCommand<GroupFlag>({
  path: "ack",
  summary: "say that messages are done",
  description: "The group never sees them again. Repeating it is no error.",
  args: [mailboxArgument, ["<ids...>", "numbers of messages"]],
  options: [groupFlag()],
  examples: [["Two of them", "mq9 ack inbox 7 8"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", ...ids], options, out, connect, agent }) {
    const numbers = numbersOf(ids);
    const { mq9 } = await connect();
    const group = groupOf(options, agent);
    const settled: number[] = [];
    try {
      for (const msgId of numbers) {
        settled.push(...(await mq9.api.ack({ mailbox, group, msgId, mode: "one" })));
      }
    } catch (error) {
      if (settled.length > 0) out.note(`acked ${settled.join(" ")}, and then:`);
      throw error;
    }
    await out.result({ mailbox, group, msg_ids: settled }, () =>
      settled.length === 0
        ? `nothing to do: group ${oneLine(group)} had settled that before`
        : `acked ${settled.join(" ")}`,
    );
  },
});

const nack = defineCommand<GroupFlag & { delay?: number; reason?: string; poison?: true }>({
  path: "nack",
  summary: "hand messages back",
  description:
    "Hands messages back to their group, which gets them again at once or after --delay. With --poison they go to the dead letters instead.",
  args: [mailboxArgument, ["<ids...>", "numbers of messages"]],
  options: [
    groupFlag(),
    flag("--delay <time>", "not before so long", milliseconds),
    flag("--poison", "nobody can handle it: to the dead letters"),
    flag("--reason <text>", "kept with a dead letter"),
  ],
  examples: [
    ["Again in five minutes", "mq9 nack inbox 7 --delay 5m"],
    ["Never again", "mq9 nack inbox 7 --poison --reason 'no such account'"],
  ],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", ...ids], options, out, connect, agent }) {
    if (options.poison === true && options.delay !== undefined) {
      throw misuse("--poison and --delay exclude each other");
    }
    const numbers = numbersOf(ids);
    const { mq9 } = await connect();
    const group = groupOf(options, agent);
    const { delay: delayMs, poison, reason } = options;
    for (const msgId of numbers) {
      await mq9.api.nack({ mailbox, group, msgId, delayMs, poison, reason });
    }
    const where = poison === true ? `to ${mailbox}.dlq` : "back to the group";
    await out.result(
      { mailbox, group, msg_ids: numbers },
      () => `${numbers.join(" ")} went ${where}`,
    );
  },
});

const extend = defineCommand<GroupFlag & { lease?: number }>({
  path: "extend",
  summary: "keep a message for longer",
  description: "Moves the end of a lease to so long from now, and prints when that is.",
  args: [mailboxArgument, ["<id>", "number of the message"]],
  options: [groupFlag(), flag("--lease <time>", "from now [30s]", milliseconds)],
  examples: [["Ten more minutes", "mq9 extend inbox 7 --lease 10m"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id = ""], options, out, connect, agent }) {
    const msgId = messageNumber(id);
    const { mq9 } = await connect();
    const group = groupOf(options, agent);
    const endsAtMs = await mq9.api.extend({ mailbox, group, msgId, leaseMs: options.lease });
    const lease_ends_at = isoTime(endsAtMs);
    await out.result({ mailbox, group, msg_id: msgId, lease_ends_at }, () => lease_ends_at);
  },
});

const receipt = defineCommand({
  path: "receipt",
  summary: "show where a message is",
  description: "Shows whether a message is still there and what each group did with it.",
  args: [mailboxArgument, ["<id>", "number of the message"]],
  examples: [["What became of message 7", "mq9 receipt inbox 7"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id = ""], out, connect }) {
    const msgId = messageNumber(id);
    const { mq9 } = await connect();
    const { state, read, groups } = await mq9.api
      .receipt({ mailbox, msgId })
      .catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== "message_not_found") throw error;
        throw new CliError("notFound", `${mailbox} never had a message ${msgId}`, {
          reason: "message_not_found",
          hint: `See what there is: mq9 peek ${mailbox}`,
          cause: error,
        });
      });
    const value: ReceiptJson = {
      mailbox,
      msg_id: msgId,
      state,
      read,
      groups: groups.map((each) =>
        prune({
          group: each.group,
          state: each.state,
          delivery_count: each.deliveryCount > 0 ? each.deliveryCount : undefined,
          until: isoTime(each.untilMs),
        }),
      ),
    };
    await out.result(value, () => receiptText(value, out));
  },
});

export const ackCommands: readonly CommandSpec[] = [ack];
export const nackCommands: readonly CommandSpec[] = [nack];
export const extendCommands: readonly CommandSpec[] = [extend];
export const receiptCommands: readonly CommandSpec[] = [receipt];

function numbersOf(ids: readonly string[]): readonly number[] {
  return [...new Set(ids.flatMap((id) => id.split(",")).map(messageNumber))];
}

function receiptText(
  { msg_id, state, read, groups }: ReceiptJson,
  out: CommandContext["out"],
): string {
  const head = `message ${msg_id} is ${state}; ${read ? "somebody has read it" : "nobody has read it"}`;
  if (groups.length === 0) return `${head}\nno group has fetched from this mailbox yet\n`;
  const nowMs = Date.now();
  const table = out.table(
    [
      { head: "GROUP", flexible: true },
      { head: "STATE" },
      { head: "DELIVERIES", align: "right" },
      { head: "UNTIL", align: "right" },
    ],
    groups.map((group) => [
      group.group,
      group.state.replace("_", " "),
      group.delivery_count === undefined ? "" : String(group.delivery_count),
      group.until === undefined ? "" : `in ${roughly(Date.parse(group.until) - nowMs)}`,
    ]),
  );
  return `${head}\n\n${table}\n`;
}
