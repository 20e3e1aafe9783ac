// `mq9 mailbox …`: making, looking at, prolonging and ending mailboxes, and tokens for them. Light to load:
// the SDK comes with the connection.
import { type CommandSpec, choice, defineCommand, flag } from "../cli/command.ts";
import { confirmed } from "../cli/confirm.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import { mailboxDetailJson, mailboxJson } from "../cli/mailbox-view.ts";
import { isoTime, prune } from "../cli/message-view.ts";
import type {
  DroppedJson,
  GrantJson,
  MailboxDetailJson,
  MailboxJson,
} from "../cli/schemas/mail.ts";
import type { Session } from "../cli/session.ts";
import { counted, left, oneLine, printable, roughly } from "../cli/text.ts";
import { lifetime, wholeNumber } from "../cli/values.ts";
import { approximateBytes } from "../config/units.ts";

const mailboxArgument = ["<mailbox>", "its name"] as const;

const create = defineCommand<{
  ttl?: number;
  public?: true;
  desc?: string;
  kind: "standard" | "latest";
  ifExists: "return" | "fail";
}>({
  path: "mailbox create",
  summary: "make a mailbox",
  description:
    "Makes a mailbox and prints its name. Without a name the broker makes one up that nobody can guess. A name that is there already is no error.",
  args: [["[name]", "letters, digits, '-', '_', '@' and '.'; up to 128"]],
  options: [
    flag("--ttl <time>", "how long it lives; never [a name: never, none: 1d]", lifetime),
    flag("--public", "list it in the directory, for everybody to find"),
    flag("--desc <text>", "what it is for; shown in the directory"),
    choice("--kind <kind>", "latest keeps only the newest message", ["standard", "latest"]).default(
      "standard",
      "standard",
    ),
    choice("--if-exists <what>", "what a taken name means", ["return", "fail"]).default(
      "return",
      "return",
    ),
  ],
  examples: [
    ["A mailbox that lives a week", "mq9 mailbox create inbox --ttl 7d"],
    ["One of your own, in a script", "box=$(mq9 mailbox create)"],
  ],
  output: "one",
  async run({ args: [name], options, out, connect }) {
    if (options.public === true && name === undefined) {
      throw misuse("a public mailbox needs a name", "Type: mq9 mailbox create <name> --public");
    }
    const { mq9 } = await connect();
    const { mailbox, created } = await mq9.api.create({
      name,
      nameStyle: "uuid",
      kind: options.kind,
      ttlSeconds: options.ttl ?? (name === undefined ? 86_400 : 0),
      public: options.public === true,
      desc: options.desc,
      ifExists: options.ifExists,
    });
    const value = { ...mailboxJson(mailbox), created };
    if (!created) out.note(`${value.name} was there already; ${endText(value, Date.now())}`);
    if (!created && options.ttl !== undefined && options.ttl !== mailbox.ttlSeconds) {
      out.note(`--ttl changed nothing; that does: mq9 mailbox renew ${value.name} --ttl <time>`);
    } else if (out.isTerminal) out.note(`created; ${endText(value, Date.now())}`);
    await out.result(value, () => value.name);
  },
});

const ls = defineCommand<{ long?: true }>({
  path: "mailbox ls",
  summary: "list mailboxes",
  description:
    "Lists the mailboxes that you may see: all of them on a broker on this machine, else those that you have a right to, or the public ones.",
  args: [["[prefix]", "only names that begin so"]],
  options: [flag("-l, --long", "ask each for its number of messages")],
  examples: [
    ["All of them", "mq9 mailbox ls"],
    ["Names alone", "mq9 mailbox ls --jsonl | jq -r .name"],
  ],
  output: "items",
  async run({ args: [prefix = ""], options, out, connect }) {
    const session = await connect();
    const mailboxes = await allMailboxes(session, prefix);
    const rows =
      options.long === true
        ? await details(session, mailboxes, (done) =>
            out.progress(`${done} of ${mailboxes.length} mailboxes`),
          )
        : mailboxes;
    await out.list("mailboxes", rows, () => {
      if (rows.length === 0) {
        out.note(
          prefix === ""
            ? "no mailboxes; create one with: mq9 mailbox create <name>"
            : `no mailboxes whose names begin with ${prefix}`,
        );
        return "";
      }
      const nowMs = Date.now();
      return out.table(
        [
          { head: "NAME", flexible: true },
          ...(options.long === true
            ? [
                { head: "MESSAGES", align: "right" as const },
                { head: "SIZE", align: "right" as const },
              ]
            : [{ head: "KIND" }]),
          { head: "ENDS", align: "right" },
          { head: "DESCRIPTION", flexible: true },
        ],
        rows.map((row) => [
          row.name,
          ...(isDetail(row)
            ? [String(row.messages), approximateBytes(row.bytes)]
            : options.long === true
              ? ["", ""]
              : [row.public ? `${row.kind}, public` : row.kind]),
          row.expires_at === undefined ? "never" : left(Date.parse(row.expires_at) - nowMs),
          row.desc ?? "",
        ]),
      );
    });
  },
});

const info = defineCommand({
  path: "mailbox info",
  summary: "show a mailbox with its groups",
  args: [mailboxArgument],
  examples: [["What lies in it, and who works on it", "mq9 mailbox info inbox"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [name = ""], out, connect }) {
    const { mq9 } = await connect();
    const value = mailboxDetailJson(await mq9.api.inspect(name));
    await out.result(value, () => {
      const nowMs = Date.now();
      const facts: [string, string][] = [
        ["kind", value.public ? `${value.kind}, public` : value.kind],
        ...(value.desc === undefined
          ? []
          : [["description", oneLine(value.desc)] as [string, string]]),
        ...(value.owner === undefined ? [] : [["owner", oneLine(value.owner)] as [string, string]]),
        ["created", `${value.created_at} (${roughly(nowMs - Date.parse(value.created_at))} ago)`],
        [
          "ends",
          value.expires_at === undefined
            ? "never"
            : `${value.expires_at} (in ${left(Date.parse(value.expires_at) - nowMs)})`,
        ],
        ["messages", `${value.messages} (${approximateBytes(value.bytes)})`],
        ["scheduled", String(value.scheduled)],
        ["next number", String(value.next_id)],
      ];
      const head = `${out.colors.bold(value.name)}\n${facts.map(([what, text]) => `  ${what.padEnd(12)} ${text}`).join("\n")}\n`;
      if (value.groups.length === 0) return `${head}  groups       none has fetched yet\n`;
      const groups = out.table(
        [
          { head: "GROUP", flexible: true },
          { head: "LEASED", align: "right" },
          { head: "DEFERRED", align: "right" },
          { head: "UNSETTLED", align: "right" },
          { head: "WAITING", align: "right" },
        ],
        value.groups.map((group) => [
          group.group,
          String(group.leased),
          String(group.deferred),
          String(group.unsettled),
          String(group.waiting),
        ]),
      );
      return `${head}\n${groups}\n`;
    });
  },
});

const renew = defineCommand<{ ttl: number }>({
  path: "mailbox renew",
  summary: "give a mailbox a new life",
  description: "Gives a mailbox a new life, which begins now.",
  args: [mailboxArgument],
  options: [flag("--ttl <time>", "how long from now; never", lifetime).makeOptionMandatory()],
  examples: [["Another week from now", "mq9 mailbox renew inbox --ttl 7d"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [name = ""], options, out, connect }) {
    const { mq9 } = await connect();
    const value = mailboxJson(await mq9.api.renew(name, options.ttl));
    await out.result(value, () => `${value.name} ${endText(value, Date.now())}`);
  },
});

const drop = defineCommand<{ yes?: true }>({
  path: "mailbox drop",
  summary: "end mailboxes and everything in them",
  description:
    "Ends mailboxes and everything in them, for everybody. Asks first where both input and output are terminals.",
  args: [["<mailboxes...>", "their names"]],
  options: [flag("-y, --yes", "do not ask")],
  examples: [["A mailbox that is done with", "mq9 mailbox drop inbox"]],
  output: "one",
  exits: ["notFound", "actionNeeded"],
  exitNotes: { actionNeeded: "you said no" },
  async run({ args, options, out, connect }) {
    const { mq9 } = await connect();
    // All are looked at before the first ends: one that is not there stops the whole.
    const found: [name: string, messages: number][] = [];
    for (const name of new Set(args)) found.push([name, (await mq9.api.inspect(name)).messages]);
    const dropped: string[] = [];
    for (const [name, messages] of found) {
      const question = `drop ${printable(name)} with ${counted(messages, "message")}?`;
      if (options.yes !== true && out.form === "text" && !(await confirmed(question))) {
        throw new CliError("actionNeeded", `${name} was not dropped`);
      }
      await mq9.api.drop(name);
      dropped.push(name);
    }
    const value: DroppedJson = { dropped };
    await out.result(value, () => dropped.map((name) => `dropped ${name}`).join("\n"));
  },
});

const purge = defineCommand<{ before?: number; yes?: true }>({
  path: "mailbox purge",
  summary: "remove every message of a mailbox",
  description:
    "Removes every message of a mailbox, for every reader. Delayed messages stay. Asks first where both input and output are terminals.",
  args: [mailboxArgument],
  options: [
    flag("--before <id>", "only numbers below this one", wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    flag("-y, --yes", "do not ask"),
  ],
  examples: [["All but the latest, from number 100 on", "mq9 mailbox purge inbox --before 100"]],
  output: "one",
  exits: ["notFound", "actionNeeded"],
  exitNotes: { actionNeeded: "you said no" },
  async run({ args: [name = ""], options, out, connect }) {
    const { mq9 } = await connect();
    const question = `remove the messages of ${printable(name)}?`;
    if (options.yes !== true && out.form === "text" && !(await confirmed(question))) {
      throw new CliError("actionNeeded", `${name} was not purged`);
    }
    const purged = await mq9.api.purge({ mailbox: name, beforeId: options.before });
    await out.result({ mailbox: name, purged }, () => `removed ${counted(purged, "message")}`);
  },
});

const rights = ["send", "receive", "query", "manage"] as const;

const grant = defineCommand<{ ttl?: number }>({
  path: "mailbox grant",
  summary: "make a token that gives rights on a mailbox",
  description:
    "Makes a token and prints it: whoever shows it has the rights. Nobody can see it again. It counts where the broker has users.",
  args: [mailboxArgument, ["<rights...>", rights.join(", ")]],
  options: [flag("--ttl <time>", "how long it is valid [as long as the mailbox]", lifetime)],
  examples: [["To send, for a day", "mq9 mailbox grant inbox send --ttl 1d"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [name = "", ...asked], options, out, connect }) {
    const given = asked
      .flatMap((word) => word.split(","))
      .map((word) => {
        const right = rights.find((each) => each === word);
        if (right === undefined) {
          throw misuse(`${word} is no right`, `Rights are ${rights.join(", ")}.`);
        }
        return right;
      });
    const { mq9 } = await connect();
    const issued = await mq9.mailbox(name).grant(given, { ttlSeconds: options.ttl ?? 0 });
    const value = { ...grantJson(issued), token: issued.token };
    out.note(`token ${value.grant_id}, for ${value.rights.join(", ")}`);
    await out.result(value, () => value.token);
  },
});

const grants = defineCommand({
  path: "mailbox grants",
  summary: "list the tokens of a mailbox",
  args: [mailboxArgument],
  examples: [["Those that are valid", "mq9 mailbox grants inbox"]],
  output: "items",
  exits: ["notFound"],
  async run({ args: [name = ""], out, connect }) {
    const { mq9 } = await connect();
    const rows = (await mq9.api.grants(name)).map(grantJson);
    await out.list("grants", rows, () => {
      if (rows.length === 0) {
        out.note(`${name} has no tokens; make one with: mq9 mailbox grant ${name} send`);
        return "";
      }
      return out.table(
        [
          { head: "TOKEN" },
          { head: "RIGHTS", flexible: true },
          { head: "ENDS" },
          { head: "BY", flexible: true },
        ],
        rows.map((row) => [
          row.grant_id,
          row.rights.join(" "),
          row.expires_at ?? "with it",
          row.by ?? "",
        ]),
      );
    });
  },
});

const revoke = defineCommand({
  path: "mailbox revoke",
  summary: "end a token of a mailbox",
  args: [mailboxArgument, ["<token>", "its id, as `mq9 mailbox grants` shows it"]],
  examples: [["One token", "mq9 mailbox revoke inbox g1"]],
  output: "one",
  exits: ["notFound"],
  async run({ args: [name = "", grantId = ""], out, connect }) {
    const { mq9 } = await connect();
    const revoked = await mq9.api.revoke(name, grantId);
    await out.result({ grant_id: grantId, revoked }, () =>
      revoked ? `revoked ${grantId}` : `there was no token ${printable(grantId)}`,
    );
  },
});

export const mailboxCommands: readonly CommandSpec[] = [
  create,
  ls,
  info,
  renew,
  drop,
  purge,
  grant,
  grants,
  revoke,
];

function isDetail(row: MailboxJson | MailboxDetailJson): row is MailboxDetailJson {
  return "messages" in row;
}

/** Mailboxes per request, and requests at a time. */
const pageSize = 500;
const inspectedAtOnce = 16;

async function allMailboxes({ mq9 }: Session, prefix: string): Promise<MailboxJson[]> {
  const found: MailboxJson[] = [];
  // Names come in the order of their bytes: those with the prefix follow it, and end where it does.
  let after = prefix === "" ? "" : prefix.slice(0, -1);
  for (;;) {
    const page = await mq9.api.list({ after, limit: pageSize });
    for (const mailbox of page)
      if (mailbox.name.startsWith(prefix)) found.push(mailboxJson(mailbox));
    const last = page.at(-1)?.name;
    if (last === undefined || last <= after || (last > prefix && !last.startsWith(prefix)))
      return found;
    after = last;
  }
}

async function details(
  { mq9 }: Session,
  mailboxes: readonly MailboxJson[],
  progress: (done: number) => void,
): Promise<(MailboxJson | MailboxDetailJson)[]> {
  const rows: (MailboxJson | MailboxDetailJson)[] = [];
  for (let at = 0; at < mailboxes.length; at += inspectedAtOnce) {
    const part = mailboxes.slice(at, at + inspectedAtOnce);
    rows.push(
      ...(await Promise.all(
        part.map(async (mailbox) => {
          // One that ended meanwhile, or is not ours to look into, stays as the list had it.
          const detail = await mq9.api.inspect(mailbox.name).catch(() => undefined);
          return detail === undefined ? mailbox : mailboxDetailJson(detail);
        }),
      )),
    );
    progress(rows.length);
  }
  return rows;
}

function endText({ expires_at }: MailboxJson, nowMs: number): string {
  if (expires_at === undefined) return "never ends";
  return `ends in ${left(Date.parse(expires_at) - nowMs)}`;
}

interface GrantFacts {
  readonly grantId: string;
  readonly rights: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly by: string | undefined;
}

function grantJson({
  grantId,
  rights: given,
  createdAtMs,
  expiresAtMs,
  by,
}: GrantFacts): GrantJson {
  return prune({
    grant_id: grantId,
    rights: given,
    created_at: isoTime(createdAtMs),
    expires_at: isoTime(expiresAtMs as number | undefined),
    by,
  });
}
