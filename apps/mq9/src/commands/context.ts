// `mq9 context`: connections kept under a name. Writes the files that ../cli/contexts.ts reads; never
// those of the nats command line, which are only shown and used.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import {
  type Context,
  contextFields,
  contextFolder,
  isContextName,
  readContext,
  secretContextFields,
  selectedContext,
  selectionFile,
} from "../cli/contexts.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import type { ContextJson, ContextListJson, ContextRowJson } from "../cli/schemas/context.ts";
import { oneLine, printable } from "../cli/text.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type CreateFlags = Context & { readonly force?: true; readonly select?: true };

const pathFields: readonly (keyof Context)[] = ["creds", "nkey", "tlsCa", "tlsCert", "tlsKey"];

export const contextCommands: readonly CommandSpec[] = [
  defineCommand<CreateFlags>({
    path: "context create",
    summary: "keep a connection under a name",
    description: `Keeps a connection under a name, in a file that only you may read. Connects to
nothing; try it with: mq9 doctor --context <name>`,
    args: [["<name>", "letters, digits, - _ . @"]],
    options: [
      flag("--url <url>", "broker: nats://, tls://, ws:// or wss://; several between commas"),
      flag("--user <name>", "user"),
      flag("--password <text>", "its password, or @file to keep it elsewhere"),
      flag("--token <token>", "token, or @file"),
      flag("--creds <file>", "credentials of a user"),
      flag("--nkey <file>", "file with the seed of a key pair"),
      flag("--tls-ca <file>", "authority that signed the broker's certificate"),
      flag("--tls-cert <file>", "certificate to show to the broker"),
      flag("--tls-key <file>", "its key"),
      flag("--inbox-prefix <text>", "where answers go, if your rights name it"),
      flag("--agent <name>", "name you work under there"),
      flag("--description <text>", "for people"),
      flag("--select", "use it from now on"),
      flag("--force", "replace one of that name"),
    ],
    examples: [
      [
        "One with credentials, used from now on",
        "mq9 context create work --url tls://host --creds ~/alice.creds --select",
      ],
      [
        "A password that lies in a file",
        "mq9 context create lab --url nats://10.0.0.7 --user ann --password @~/ann.pw",
      ],
    ],
    output: "one",
    offline: true,
    exitNotes: {},
    run: async ({ args: [name = ""], options, out, env }) => {
      const context = contextOf(options);
      const file = fileOf(name, env);
      if (options.force !== true && ownNames(env).includes(name)) {
        throw new CliError("error", `there is a context ${name} already`, {
          reason: "exists",
          hint: "Add --force to replace it, or take another name.",
        });
      }
      writePrivately(file, `${JSON.stringify(context, undefined, 2)}\n`);
      if (options.select === true) writePrivately(selectionFile(env), `${name}\n`);
      const selected = selectedContext(env) === name;
      const how = selected
        ? "used from now on"
        : `use it with --context ${name}, or: mq9 context select ${name}`;
      await out.result(shown(name, context, selected), () => `${name} is kept; ${how}`);
    },
  }),
  defineCommand({
    path: "context ls",
    summary: "list the connections that are kept",
    examples: [["All, and which one is used", "mq9 context ls"]],
    output: "items",
    offline: true,
    run: async ({ out, env }) => {
      const rows = allRows(env);
      const value: ContextListJson = { contexts: rows };
      await out.list("contexts", value.contexts, () =>
        rows.length === 0
          ? "No contexts. Make one with: mq9 context create <name> --url nats://host:4222"
          : out.table(
              [{ head: "NAME" }, { head: "URL", flexible: true }, { head: "AS" }, { head: "OF" }],
              rows.map((row) => [
                `${row.name}${row.selected ? " *" : ""}`,
                row.url ?? row.problem ?? "",
                row.as ?? "",
                row.of,
              ]),
            ),
      );
    },
  }),
  defineCommand({
    path: "context show",
    summary: "show a connection that is kept",
    description: "Shows a connection that is kept. Passwords and tokens are masked.",
    args: [["[name]", "default: the one that is used"]],
    examples: [["The one that is used", "mq9 context show"]],
    output: "one",
    offline: true,
    exits: ["notFound"],
    exitNotes: { notFound: "no such context" },
    run: async ({ args: [named], out, env }) => {
      const name = named ?? selectedContext(env);
      if (name === undefined) {
        throw new CliError("notFound", "no context is used", {
          hint: "Choose one with: mq9 context select <name>    See: mq9 context ls",
        });
      }
      const context = readContext(name, env, allNames(env));
      const value = shown(name, context, selectedContext(env) === name);
      await out.result(value, () => {
        const rows = Object.entries(value).filter(([key]) => key !== "selected");
        const lines = rows.map(([key, text]) => `${key.padEnd(12)} ${oneLine(String(text))}`);
        return `${lines.join("\n")}${value.selected ? "\nUsed where no other is named." : ""}`;
      });
    },
  }),
  defineCommand<{ none?: true }>({
    path: "context select",
    summary: "use a connection from now on",
    args: [["[name]", "which one"]],
    options: [flag("--none", "use none from now on")],
    examples: [
      ["Use it", "mq9 context select work"],
      ["Use none", "mq9 context select --none"],
    ],
    output: "one",
    offline: true,
    exits: ["notFound"],
    exitNotes: { notFound: "no such context" },
    run: async ({ args: [name], options, out, env }) => {
      if ((name === undefined) === (options.none !== true)) {
        throw misuse(
          "which one?",
          "Type: mq9 context select <name>    or mq9 context select --none",
        );
      }
      if (name === undefined) {
        rmSync(selectionFile(env), { force: true });
        await out.result({ selected: null }, () => "No context is used.");
        return;
      }
      const context = readContext(name, env, allNames(env));
      writePrivately(selectionFile(env), `${name}\n`);
      await out.result(shown(name, context, true), () => `${name} is used from now on`);
      const stronger = ["MQ9_CONTEXT", "MQ9_URL", "NATS_URL", "NATS_CONTEXT"].filter(
        (key) => env[key],
      );
      if (stronger.length > 0) {
        out.warn(
          `${stronger.join(" and ")} ${stronger.length === 1 ? "is" : "are"} set, and comes first`,
        );
      }
    },
  }),
  defineCommand({
    path: "context rm",
    summary: "forget a connection",
    args: [["<name>", "which one"]],
    examples: [["Forget it", "mq9 context rm lab"]],
    output: "one",
    offline: true,
    exits: ["notFound"],
    exitNotes: { notFound: "no such context" },
    run: async ({ args: [name = ""], out, env }) => {
      if (!ownNames(env).includes(name)) {
        const foreign = natsNames(env).includes(name);
        readContext(name, env, ownNames(env));
        throw new CliError("error", `${name} belongs to the nats command line`, {
          hint: foreign ? `Remove it with: nats context rm ${name}` : undefined,
        });
      }
      rmSync(fileOf(name, env));
      if (selectedContext(env) === name) rmSync(selectionFile(env), { force: true });
      await out.result({ name, removed: true }, () => `${name} is forgotten`);
    },
  }),
];

function contextOf(flags: CreateFlags): Context {
  const context: Partial<Record<keyof Context, string>> = {};
  for (const field of contextFields) {
    const value = flags[field];
    if (value === undefined || value === "") continue;
    context[field] = pathFields.includes(field) ? absolute(value) : fileAbsolute(value);
  }
  const { url, user, password } = context;
  if (url === undefined) throw misuse("a context needs an address", "Add --url nats://host:4222");
  context.url = url.split(",").map(addressOf).join(",");
  if (password !== undefined && user === undefined) throw misuse("a password needs --user");
  return context;
}

/** Without a scheme it is nats://, as everywhere. */
function addressOf(text: string): string {
  const given = text.trim();
  const address = given.includes("://") ? given : `nats://${given}`;
  if (/^(nats|tls|ws|wss):\/\/[^/\s]+/.test(address)) return address;
  throw misuse(
    `${given} is no address of a broker`,
    "For instance nats://host:4222; tls://, ws:// and wss:// too.",
  );
}

/** What a secret's `@file` means must not depend on where a command is called. */
function fileAbsolute(value: string): string {
  return value.startsWith("@") ? `@${absolute(value.slice(1))}` : value;
}

function absolute(file: string): string {
  return file.startsWith("~/") ? path.join(homedir(), file.slice(2)) : path.resolve(file);
}

function fileOf(name: string, env: Environment): string {
  if (!isContextName(name)) {
    throw misuse(
      `${name} can not be the name of a context`,
      "Letters, digits, - _ . and @, 64 at most.",
    );
  }
  return path.join(contextFolder(env), `${name}.json`);
}

/** The file is there wholly or not at all, and nobody else may ever read it. */
function writePrivately(file: string, text: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const temporary = `${file}.new`;
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600); // one that was left over may be wider
    renameSync(temporary, file);
  } catch (error) {
    throw new CliError("error", `${file} can not be written: ${(error as Error).message}`);
  }
}

function ownNames(env: Environment): string[] {
  return namesIn(contextFolder(env));
}

function natsNames(env: Environment): string[] {
  return namesIn(path.join(contextFolder(env), "../../nats/context"));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json") && isContextName(name.slice(0, -5)))
      .map((name) => name.slice(0, -5))
      .sort();
  } catch {
    // best effort: a folder that is not there, or not ours, holds none.
    return [];
  }
}

function allNames(env: Environment): string[] {
  return [...new Set([...ownNames(env), ...natsNames(env)])];
}

function allRows(env: Environment): ContextRowJson[] {
  const own = ownNames(env);
  const chosen = selectedContext(env);
  return allNames(env).map((name) => {
    const of = own.includes(name) ? "mq9" : "nats";
    const selected = name === chosen;
    try {
      const { url, as, description } = shown(name, readContext(name, env), selected);
      return {
        name,
        selected,
        of,
        ...(url === undefined ? {} : { url }),
        ...(as === undefined ? {} : { as }),
        ...(description === undefined ? {} : { description }),
      };
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { name, selected, of, problem: error.message };
    }
  });
}

/** A context as anybody may see it. */
function shown(name: string, context: Context, selected: boolean): ContextJson {
  const visible: Record<string, string> = {};
  for (const field of contextFields) {
    const value = context[field];
    if (value === undefined) continue;
    const secret = secretContextFields.includes(field) && !value.startsWith("@");
    const text = field === "url" ? masked(value) : secret ? "********" : printable(value);
    visible[field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = text;
  }
  const as =
    context.user ?? (context.creds === undefined ? undefined : path.basename(context.creds));
  const identity = as ?? (context.nkey === undefined ? context.token && "token" : "nkey");
  return { name, ...visible, ...(identity ? { as: printable(identity) } : {}), selected };
}

/** Of `user:password@` the user stays; of a lone token nothing does. */
function masked(url: string): string {
  return url.replace(/\/\/([^,]*)@/g, (_, identity: string) => {
    const [user, password] = identity.split(":");
    return password === undefined ? "//********@" : `//${user}:********@`;
  });
}
