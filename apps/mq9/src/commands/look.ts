// `mq9 peek` and `mq9 tail`: looking at mail without taking it. Nothing here settles anything.
import type { PriorityLabel } from "@mq9/protocol";
import { type CommandSpec, choice, defineCommand, flag } from "../cli/command.ts";
import { misuse } from "../cli/exit-codes.ts";
import {
  isoTime,
  mailOf,
  messageColumns,
  messageJson,
  messageRow,
  messageText,
} from "../cli/message-view.ts";
import type { MessageJson } from "../cli/schemas/mail.ts";
import { instantOf } from "../cli/start.ts";
import { oneLine } from "../cli/text.ts";
import { messageNumber, milliseconds, wholeNumber, words } from "../cli/values.ts";
import { findMessage } from "./send.ts";

const peek = defineCommand<{
  limit: number;
  key?: string;
  tag?: readonly string[];
  since?: string;
  before?: number;
  scheduled?: true;
  full?: true;
  raw?: true;
}>({
  path: "peek",
  summary: "look at messages without taking them",
  description:
    "Shows the newest messages of a mailbox, or one by its number. Nothing is taken, leased or marked as read.",
  args: [
    ["<mailbox>", "where to look"],
    ["[id]", "one message, in full"],
  ],
  options: [
    flag("-n, --limit <count>", "messages at most", wholeNumber(1, 1000)).default(20, "20"),
    flag("-k, --key <text>", "only the message of this key"),
    flag("-t, --tag <words>", "only messages that carry all of these", words),
    flag("--since <time>", "only those since then, or since so long: 2h"),
    flag("--before <id>", "only lower numbers: the page before", wholeNumber(0, 2 ** 48)),
    flag("--scheduled", "those that are not visible yet, instead"),
    flag("--full", "whole messages instead of a table"),
    flag("--raw", "bodies alone, byte by byte"),
  ],
  examples: [
    ["The newest", "mq9 peek inbox"],
    ["One message, its body alone", "mq9 peek inbox 7 --raw > report.json"],
  ],
  output: "items",
  exits: ["notFound"],
  async run({ args: [mailbox = "", id], options, out, connect }) {
    const { mq9 } = await connect();
    if (options.scheduled === true) {
      const scheduled = await mq9.api.scheduled({ mailbox, afterId: -1, limit: options.limit });
      const rows = scheduled.map(({ message, scheduledId, visibleAtMs }) => ({
        ...messageJson(message),
        scheduled_id: scheduledId,
        visible_at: isoTime(visibleAtMs),
      }));
      await out.list("messages", rows, () => {
        if (rows.length === 0) out.note(`nothing is scheduled in ${mailbox}`);
        if (rows.length === 0) return "";
        const columns = [{ head: "SCHEDULED", align: "right" as const }, { head: "VISIBLE AT" }];
        return out.table(
          [...columns, { head: "BODY", flexible: true }],
          rows.map((row) => [String(row.scheduled_id), row.visible_at, row.body]),
        );
      });
      return;
    }
    const { limit, key, tag: tags, before: beforeId } = options;
    const messages =
      id === undefined
        ? (
            await mq9.api.query({
              mailbox,
              checkToken: false,
              unreadOnly: false,
              order: "newest",
              limit,
              key,
              tags,
              beforeId,
              sinceMs:
                options.since === undefined ? undefined : instantOf(options.since, "--since"),
            })
          ).messages
        : [await findMessage({ mq9 }, mailbox, messageNumber(id))];
    if (options.raw === true) {
      for (const { payload } of messages) {
        await out.raw(payload);
        if (id === undefined && payload.at(-1) !== 0x0a) await out.raw("\n");
      }
      return;
    }
    const rows = messages.map((message) => messageJson(message));
    await out.list("messages", rows, () => {
      const nowMs = Date.now();
      if (rows.length === 0) {
        out.note(`no such messages in ${mailbox}`);
        return "";
      }
      if (id !== undefined) return oneText(rows[0] as MessageJson, out.colors, nowMs);
      if (options.full === true) {
        return rows.map((row) => messageText(row, out.colors, nowMs)).join("\n");
      }
      return out.table(
        shownColumns(rows),
        rows.map((row) => messageRow(row, nowMs)).map(shownCells(rows)),
      );
    });
  },
});

/** Where nobody signs in there is no column for who sent it. */
function shownColumns(rows: readonly MessageJson[]): typeof messageColumns {
  return rows.some(({ from }) => from !== undefined)
    ? messageColumns
    : messageColumns.filter(({ head }) => head !== "FROM");
}

function shownCells(rows: readonly MessageJson[]): (cells: readonly string[]) => readonly string[] {
  const from = messageColumns.findIndex(({ head }) => head === "FROM");
  const hidden = rows.every((row) => row.from === undefined);
  return (cells) => (hidden ? cells.filter((_, at) => at !== from) : cells);
}

function oneText(
  row: MessageJson,
  colors: Parameters<typeof messageText>[1],
  nowMs: number,
): string {
  const headers = Object.entries(row.headers ?? {})
    .filter(([name]) => !/^mq9-(dedup-id|reply-to)$/i.test(name))
    .flatMap(([name, values]) => values.map((value) => colors.dim(oneLine(`${name}: ${value}`))));
  const [head = "", ...body] = messageText(row, colors, nowMs).split("\n");
  return [head, ...headers, ...body].join("\n");
}

const tail = defineCommand<{
  limit?: number;
  new?: true;
  priority?: PriorityLabel;
  timeout?: number;
  raw?: true;
}>({
  path: "tail",
  summary: "follow a mailbox",
  description:
    "Shows what lies in a mailbox, by priority, and then what comes, until it is stopped. Takes nothing; the mailbox need not be there yet.",
  args: [["<mailbox>", "what to follow; `$SYSTEM.PUBLIC` is the directory"]],
  options: [
    flag("-n, --limit <count>", "end after so many messages", wholeNumber(1, 2 ** 48)),
    flag("--new", "only what comes from now on"),
    choice("-p, --priority <word>", "only this one", ["critical", "urgent", "normal", "low"]),
    flag("--timeout <time>", "end when nothing came for so long", milliseconds),
    flag("--raw", "bodies alone, byte by byte"),
  ],
  examples: [
    ["What comes from now on", "mq9 tail inbox --new"],
    ["For another program", "mq9 tail inbox --jsonl | jq -r .body"],
  ],
  output: "items",
  exits: ["timeout"],
  exitNotes: { timeout: "nothing came within --timeout" },
  stoppable: true,
  async run({ args: [mailbox = ""], options, out, connect, signal }) {
    const { limit = Number.POSITIVE_INFINITY, timeout } = options;
    if (out.form === "json" && limit === Number.POSITIVE_INFINITY && timeout === undefined) {
      throw misuse(
        "--json is printed at the end, and this has none",
        "Use --jsonl, or give it an end with --limit or --timeout.",
      );
    }
    const { mq9 } = await connect();
    await noteAbsence();
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      clearTimeout(timer);
      if (timeout !== undefined) timer = setTimeout(() => silence.abort(), timeout);
    };
    let shown = 0;
    wait();
    try {
      const messages = mq9.mailbox(mailbox).messages({
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        signal: AbortSignal.any([signal, silence.signal]),
      });
      for await (const message of messages) {
        if (options.new === true && message.replayed) continue;
        wait();
        const value = messageJson(mailOf(message), message.replayed);
        if (options.raw === true) {
          await out.raw(message.data);
          if (message.data.at(-1) !== 0x0a) await out.raw("\n");
        } else {
          await out.item(value, () => messageText(value, out.colors, Date.now()));
        }
        shown += 1;
        if (shown >= limit) break;
      }
    } catch (error) {
      if (!silence.signal.aborted && !signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    if (options.raw !== true) await out.endItems("messages");
    return shown === 0 && silence.signal.aborted ? "timeout" : undefined;

    async function noteAbsence(): Promise<void> {
      try {
        await mq9.api.inspect(mailbox);
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (code === "not_found" || code === "expired") {
          out.note(`mailbox ${mailbox} does not exist yet; waiting for it`);
        }
        // best effort: whoever may not look into it may still follow it.
      }
    }
  },
});

export const peekCommands: readonly CommandSpec[] = [peek];
export const tailCommands: readonly CommandSpec[] = [tail];
