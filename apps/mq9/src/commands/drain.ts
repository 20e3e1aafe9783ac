// `mq9 drain`: takes everything there is for a group, prints it, and settles what was printed.
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { groupOf } from "../cli/group.ts";
import { counted } from "../cli/text.ts";
import { wholeNumber } from "../cli/values.ts";
import { show } from "./fetch.ts";

/** Messages per request. What is printed and not settled yet comes again after a crash: at most these. */
const batch = 100;

const drain = defineCommand<{ group?: string; limit?: number; raw?: true }>({
  path: "drain",
  summary: "take and settle everything there is",
  description:
    "Takes every message there is for a group, prints it and settles it. A message is settled after it was printed: what is cut off comes again.",
  args: [["<mailbox>", "where from"]],
  options: [
    flag("-g, --group <name>", "whose mail [MQ9_AGENT, default]"),
    flag("-n, --limit <count>", "messages at most", wholeNumber(1, 2 ** 48)),
    flag("--raw", "print bodies alone, byte by byte"),
  ],
  examples: [["Everything into a file", "mq9 drain inbox --jsonl > inbox.jsonl"]],
  output: "items",
  exits: ["notFound"],
  async run({ args: [mailbox = ""], options, out, connect, agent }) {
    const { mq9 } = await connect();
    const group = groupOf(options, agent);
    const { limit = Number.POSITIVE_INFINITY } = options;
    let taken = 0;
    while (taken < limit) {
      const { messages } = await mq9.api.fetch({
        mailbox,
        group,
        start: { at: "earliest" },
        limit: Math.min(batch, limit - taken),
        waitMs: 0,
        held: "kept",
      });
      const [first, ...others] = messages;
      if (first === undefined) break;
      for (const message of messages) await show(out, message, "acked", options.raw);
      await mq9.api.ack({
        mailbox,
        group,
        msgId: first.msgId,
        mode: "one",
        ...(others.length === 0 ? {} : { alsoMsgIds: others.map(({ msgId }) => msgId) }),
      });
      taken += messages.length;
      out.progress(counted(taken, "message"));
    }
    if (options.raw !== true) await out.endItems("messages");
    out.note(
      taken === 0
        ? `${mailbox} was empty for group ${group}`
        : `drained ${counted(taken, "message")}`,
    );
  },
});

export const drainCommands: readonly CommandSpec[] = [drain];
