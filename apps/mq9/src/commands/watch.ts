// `mq9 watch`: the counts of mailboxes, a line whenever they change.
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { misuse } from "../cli/exit-codes.ts";
import { pause } from "../cli/pause.ts";
import type { WatchedJson } from "../cli/schemas/mail.ts";
import type { Session } from "../cli/session.ts";
import { counted } from "../cli/text.ts";
import { milliseconds, wholeNumber } from "../cli/values.ts";
import { approximateBytes } from "../config/units.ts";

/** Mailboxes that are watched when none is named. */
const watchedMax = 200;

const watch = defineCommand<{ every: number; limit?: number; timeout?: number }>({
  path: "watch",
  summary: "show counts of mailboxes as they change",
  description:
    "Prints a line for each mailbox, and another whenever its counts change, until it is stopped. `mq9 agent watch` does the same with agents, `mq9 tail` with messages.",
  args: [["[mailboxes...]", "these; default: all that you may see"]],
  options: [
    flag("--every <time>", "between two looks", milliseconds).default(1_000, "1s"),
    flag("-n, --limit <count>", "end after so many lines", wholeNumber(1, 2 ** 48)),
    flag("--timeout <time>", "end after so long", milliseconds),
  ],
  examples: [["One mailbox", "mq9 watch inbox"]],
  output: "items",
  stoppable: true,
  async run({ args, options, out, connect, signal }) {
    const { every, limit = Number.POSITIVE_INFINITY, timeout = Number.POSITIVE_INFINITY } = options;
    if (every < 100) throw misuse("--every must be 100ms at least");
    if (out.form === "json" && limit + timeout === Number.POSITIVE_INFINITY) {
      throw misuse(
        "--json is printed at the end, and this has none",
        "Use --jsonl, or give it an end with --limit or --timeout.",
      );
    }
    const session = await connect();
    const endMs = Date.now() + timeout;
    const last = new Map<string, string>();
    let lines = 0;
    while (!signal.aborted && lines < limit && Date.now() <= endMs) {
      for (const value of await looks(session, args, [...last.keys()])) {
        const { at: _at, ...facts } = value;
        const digest = JSON.stringify(facts);
        if (last.get(value.mailbox) === digest || lines >= limit) continue;
        last.set(value.mailbox, digest);
        lines += 1;
        await out.item(value, () => lineOf(value));
      }
      await pause(Math.min(every, Math.max(0, endMs - Date.now() + 1)), signal);
    }
    await out.endItems("changes");
  },
});

export const watchCommands: readonly CommandSpec[] = [watch];

/** One look at each mailbox; those that were seen before are told to have ended. */
async function looks(
  { mq9 }: Session,
  named: readonly string[],
  seen: readonly string[],
): Promise<readonly WatchedJson[]> {
  const names = new Set(named);
  if (named.length === 0) {
    for (const { name } of await mq9.api.list({ after: "", limit: watchedMax })) names.add(name);
    for (const name of seen) names.add(name);
  }
  return await Promise.all(
    [...names].map(async (mailbox): Promise<WatchedJson> => {
      const at = new Date().toISOString();
      try {
        const detail = await mq9.api.inspect(mailbox);
        const sum = (field: "leased" | "unsettled") =>
          detail.groups.reduce((total, group) => total + group[field], 0);
        return {
          at,
          mailbox,
          state: "there",
          messages: detail.messages,
          bytes: detail.bytes,
          scheduled: detail.scheduled,
          next_id: detail.nextId,
          leased: sum("leased"),
          unsettled: sum("unsettled"),
        };
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (code !== "not_found" && code !== "expired") throw error;
        return { at, mailbox, state: seen.includes(mailbox) ? "ended" : "missing" };
      }
    }),
  );
}

function lineOf({ at, mailbox, state, ...counts }: WatchedJson): string {
  const head = `${at.slice(11, 19)}  ${mailbox}`;
  if (state !== "there") return `${head}  ${state === "ended" ? "has ended" : "is not there"}`;
  const { messages = 0, bytes = 0, scheduled = 0, leased = 0, next_id = 0 } = counts;
  const more = [
    ...(leased > 0 ? [`${leased} out with workers`] : []),
    ...(scheduled > 0 ? [`${scheduled} scheduled`] : []),
  ];
  return [
    `${head}  ${counted(messages, "message")}, ${approximateBytes(bytes)}`,
    ...more,
    `next number ${next_id}`,
  ].join(", ");
}
