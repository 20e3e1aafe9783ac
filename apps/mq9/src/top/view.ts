// How a sample looks: as many lines as there is room for, none wider than the terminal. Pure text; the
// screen is ./screen.ts.
import type { Colors } from "../cli/output.ts";
import type { TopJson, TopMailboxJson } from "../cli/schemas/top.ts";
import { renderTable } from "../cli/table.ts";
import { oneLine, truncate } from "../cli/text.ts";
import { approximateBytes } from "../config/units.ts";

export type SortBy = "messages" | "rate" | "name";

export interface ViewOptions {
  readonly columns: number;
  /** Undefined = as many as it takes. */
  readonly rows: number | undefined;
  readonly sort: SortBy;
  readonly colors: Colors;
  /** The last line; undefined = none. */
  readonly footer: string | undefined;
}

/** Lines around the two tables: head, figures, blanks, footer. */
const framing = 7;

export function viewLines(value: TopJson, options: ViewOptions): string[] {
  const { columns, rows, colors, footer } = options;
  const room = rows === undefined ? Number.POSITIVE_INFINITY : Math.max(2, rows - framing);
  const groups = groupRows(value);
  const groupRoom =
    rows === undefined ? groups.length : Math.min(groups.length, Math.floor(room / 2));
  const mailboxRoom = Math.min(value.mailboxes.length, room - groupRoom);
  const mailboxes = sorted(value.mailboxes, options.sort);
  const lines = [
    colors.bold(truncate(headOf(value), columns)),
    truncate(brokerLine(value), columns),
    "",
    ...(mailboxes.length === 0
      ? ["No mailboxes that you may see."]
      : mailboxTable(mailboxes.slice(0, mailboxRoom), columns, colors)),
    ...(groups.length === 0
      ? []
      : ["", ...groupTable(groups.slice(0, groupRoom), columns, colors)]),
  ];
  if (footer === undefined) return lines;
  const hidden = mailboxes.length - mailboxRoom + (groups.length - groupRoom);
  const left =
    hidden > 0 || value.more === true
      ? `, ${hidden}${value.more === true ? "+" : ""} not shown`
      : "";
  const bounded = lines.slice(0, rows === undefined ? undefined : rows - 1);
  const blank = rows === undefined ? 0 : Math.max(0, rows - 1 - bounded.length);
  return [
    ...bounded,
    ...Array.from({ length: blank }, () => ""),
    colors.dim(truncate(`${footer}${left}`, columns)),
  ];
}

function headOf({ url, mailboxes, at }: TopJson): string {
  const messages = mailboxes.reduce((sum, one) => sum + one.messages, 0);
  const rates = mailboxes.map((one) => one.sent_per_second);
  const rate = rates.some((one) => one !== undefined)
    ? `, ${decimal(rates.reduce<number>((sum, one) => sum + (one ?? 0), 0))} sent/s`
    : "";
  const time = new Date(at).toTimeString().slice(0, 8);
  return `${url}  ${time}  ${some(mailboxes.length, "mailbox", "mailboxes")}, ${some(messages, "message")}${rate}`;
}

/** `1 message`, `3,000 messages`. */
function some(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

function brokerLine({ broker }: TopJson): string {
  if (broker === undefined)
    return "More is told by the monitoring port (--monitoring), and to operators.";
  const { connections, leases, memory_bytes: memory, disk_free_bytes: free } = broker;
  const parts = [
    some(connections, "connection"),
    ...(broker.in_per_second === undefined ? [] : [`in ${decimal(broker.in_per_second)}/s`]),
    ...(broker.out_per_second === undefined ? [] : [`out ${decimal(broker.out_per_second)}/s`]),
    `${grouped(leases)} leased`,
    `memory ${approximateBytes(memory)}`,
    ...(free === undefined ? [] : [`disk ${approximateBytes(free)} free`]),
    ...(broker.slow_consumers > 0 ? [`${grouped(broker.slow_consumers)} slow consumers`] : []),
  ];
  return parts.join(", ");
}

function mailboxTable(
  mailboxes: readonly TopMailboxJson[],
  columns: number,
  colors: Colors,
): string[] {
  return renderTable(
    [
      { head: "MAILBOX", flexible: true },
      { head: "MESSAGES", align: "right" },
      { head: "SIZE", align: "right" },
      { head: "SENT/S", align: "right" },
      { head: "DELAYED", align: "right" },
      { head: "GROUPS", align: "right" },
    ],
    mailboxes.map((one) => [
      oneLine(one.mailbox),
      grouped(one.messages),
      approximateBytes(one.bytes),
      one.sent_per_second === undefined ? "" : decimal(one.sent_per_second),
      one.scheduled === 0 ? "" : grouped(one.scheduled),
      one.groups.length === 0 ? "" : String(one.groups.length),
    ]),
    columns,
    colors,
  ).split("\n");
}

interface GroupRow {
  readonly mailbox: string;
  readonly group: TopMailboxJson["groups"][number];
}

/** Those with work under way first. */
function groupRows({ mailboxes }: TopJson): GroupRow[] {
  return mailboxes
    .flatMap(({ mailbox, groups }) => groups.map((group) => ({ mailbox, group })))
    .sort((a, b) => b.group.unsettled - a.group.unsettled || byName(a.mailbox, b.mailbox));
}

function groupTable(rows: readonly GroupRow[], columns: number, colors: Colors): string[] {
  return renderTable(
    [
      { head: "GROUP", flexible: true },
      { head: "MAILBOX", flexible: true },
      { head: "LEASED", align: "right" },
      { head: "HANDED BACK", align: "right" },
      { head: "UNSETTLED", align: "right" },
      { head: "WORKERS", align: "right" },
    ],
    rows.map(({ mailbox, group }) => [
      oneLine(group.group),
      oneLine(mailbox),
      grouped(group.leased),
      grouped(group.deferred),
      grouped(group.unsettled),
      grouped(group.waiting),
    ]),
    columns,
    colors,
  ).split("\n");
}

function sorted(mailboxes: readonly TopMailboxJson[], sort: SortBy): TopMailboxJson[] {
  const order = {
    name: () => 0,
    messages: (a: TopMailboxJson, b: TopMailboxJson) => b.messages - a.messages,
    rate: (a: TopMailboxJson, b: TopMailboxJson) =>
      (b.sent_per_second ?? 0) - (a.sent_per_second ?? 0),
  }[sort];
  return mailboxes.toSorted((a, b) => order(a, b) || byName(a.mailbox, b.mailbox));
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function grouped(count: number): string {
  return count.toLocaleString("en");
}

function decimal(value: number): string {
  return value < 10 ? value.toFixed(1) : grouped(Math.round(value));
}
