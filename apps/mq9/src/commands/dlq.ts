// `mq9 dlq …`: dead letters of a mailbox, which lie in `<mailbox>.dlq`: looking at them, putting them
// back, removing them.
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { confirmed } from "../cli/confirm.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import { age, deadReason, messageJson, messageText } from "../cli/message-view.ts";
import type { Session } from "../cli/session.ts";
import { counted, printable } from "../cli/text.ts";
import { messageNumber, wholeNumber } from "../cli/values.ts";
import { findMessage } from "./send.ts";

const suffix = ".dlq";
const mailboxArgument = ["<mailbox>", "the mailbox they come from"] as const;

const ls = defineCommand<{ limit: number }>({
  path: "dlq ls",
  summary: "list the dead letters of a mailbox",
  args: [mailboxArgument],
  options: [flag("-n, --limit <count>", "letters at most", wholeNumber(1, 1000)).default(50, "50")],
  examples: [["What could not be handled, and why", "mq9 dlq ls inbox"]],
  output: "items",
  exits: ["notFound"],
  async run({ args: [mailbox = ""], options, out, connect }) {
    const session = await connect();
    const origin = originOf(mailbox);
    const rows = await lettersOf(session, origin, options.limit);
    await out.list("messages", rows, () => {
      if (rows.length === 0) {
        out.note(`${origin} has no dead letters`);
        return "";
      }
      const nowMs = Date.now();
      return out.table(
        [
          { head: "ID", align: "right" },
          { head: "WAS", align: "right" },
          { head: "GROUP", flexible: true },
          { head: "AGE", align: "right" },
          { head: "WHY", flexible: true },
          { head: "BODY", flexible: true },
        ],
        rows.map((row) => [
          String(row.msg_id),
          row.dead === undefined ? "" : `#${row.dead.msg_id}`,
          row.dead?.group ?? "",
          age(row.dead?.at ?? row.created_at, nowMs),
          deadReason(row),
          row.encoding === "utf8" ? row.body : "(no text)",
        ]),
      );
    });
  },
});

const show = defineCommand({
  path: "dlq show",
  summary: "show a dead letter in full",
  args: [mailboxArgument, ["<id>", "its number, as `mq9 dlq ls` shows it"]],
  examples: [["The first one", "mq9 dlq show inbox 0"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id = ""], out, connect }) {
    const session = await connect();
    const letters = `${originOf(mailbox)}${suffix}`;
    const value = messageJson(await findMessage(session, letters, messageNumber(id)));
    await out.result(value, () => messageText(value, out.colors, Date.now()));
  },
});

const retry = defineCommand<{ all?: true; limit: number }>({
  path: "dlq retry",
  summary: "put dead letters back",
  description:
    "Puts dead letters back where they came from, as if never handed out: one, or with --all the oldest.",
  args: [mailboxArgument, ["[id]", "its number, as `mq9 dlq ls` shows it"]],
  options: [
    flag("--all", "all of them"),
    flag("-n, --limit <count>", "with --all: so many at most", wholeNumber(1, 1000)).default(
      1000,
      "1000",
    ),
  ],
  examples: [
    ["One", "mq9 dlq retry inbox 0"],
    ["All, once their cause is mended", "mq9 dlq retry inbox --all"],
  ],
  output: "one",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id], options, out, connect }) {
    const origin = originOf(mailbox);
    if ((id === undefined) === (options.all !== true)) {
      throw misuse(
        "say which dead letter, or all of them",
        `Type: mq9 dlq retry ${origin} <id>    or: mq9 dlq retry ${origin} --all`,
      );
    }
    const { mq9 } = await connect();
    const msgId = id === undefined ? undefined : messageNumber(id);
    const retried = await mq9.api.redrive({ mailbox: origin, msgId, limit: options.limit });
    await out.result({ mailbox: origin, retried }, () => `put back ${counted(retried, "letter")}`);
  },
});

const purge = defineCommand<{ yes?: true }>({
  path: "dlq purge",
  summary: "remove the dead letters of a mailbox",
  description: "Removes them for good. Asks first where both input and output are terminals.",
  args: [mailboxArgument],
  options: [flag("-y, --yes", "do not ask")],
  examples: [["All of them", "mq9 dlq purge inbox"]],
  output: "one",
  exits: ["notFound", "actionNeeded"],
  exitNotes: { actionNeeded: "you said no" },
  async run({ args: [mailbox = ""], options, out, connect }) {
    const session = await connect();
    const origin = originOf(mailbox);
    const question = `remove the dead letters of ${printable(origin)}?`;
    if (options.yes !== true && out.form === "text" && !(await confirmed(question))) {
      throw new CliError("actionNeeded", `the dead letters of ${origin} were not removed`);
    }
    const none = (await lettersOf(session, origin, 1)).length === 0;
    const purged = none ? 0 : await session.mq9.api.purge({ mailbox: `${origin}${suffix}` });
    await out.result({ mailbox: origin, purged }, () => `removed ${counted(purged, "letter")}`);
  },
});

export const dlqCommands: readonly CommandSpec[] = [ls, show, retry, purge];

/** People name the mailbox or its dead letters. */
function originOf(mailbox: string): string {
  return mailbox.endsWith(suffix) ? mailbox.slice(0, -suffix.length) : mailbox;
}

/** None where there were never any. @throws {Mq9Error} `not_found` when the mailbox is not there either */
async function lettersOf({ mq9 }: Session, origin: string, limit: number) {
  try {
    const { messages } = await mq9.api.query({
      mailbox: `${origin}${suffix}`,
      checkToken: false,
      unreadOnly: false,
      order: "newest",
      limit,
    });
    return messages.map((message) => messageJson(message));
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "not_found" && code !== "expired") throw error;
    await mq9.api.inspect(origin);
    return [];
  }
}
