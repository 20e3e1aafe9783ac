// `mq9 export` and `mq9 import`: mail as lines of JSON, from one broker into another, or for a program to
// read. Backups of whole brokers are `mq9 backup`.
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import type { ExportBeginJson, ExportLineJson } from "../cli/schemas/transfer.ts";
import { counted, jsonText } from "../cli/text.ts";
import { version } from "../version.ts";

export const exportCommands: readonly CommandSpec[] = [
  defineCommand<{ all?: true; output?: string; force?: true }>({
    path: "export",
    summary: "write mailboxes and their mail as lines of JSON",
    description: `Writes mailboxes and their mail as lines of JSON: bodies as text or base64, headers,
keys, tags, priorities, times, and what is delayed. Nothing is taken or marked.
Groups, leases, grants and agents are not in it: those are in \`mq9 backup\`.`,
    args: [["[mailboxes...]", "which ones"]],
    options: [
      flag("-a, --all", "every mailbox that you may see"),
      flag("-o, --output <file>", "where to [standard output]"),
      flag("--force", "replace a file that is there"),
      flag("--jsonl", "lines of JSON, which is what it always writes").hideHelp(),
    ],
    examples: [
      ["One mailbox", "mq9 export jobs > jobs.jsonl"],
      ["Everything, to a file", "mq9 export --all --output mail.jsonl"],
      ["Straight into another broker", "mq9 export jobs | mq9 import - --url nats://other:4222"],
    ],
    output: "text",
    exits: ["notFound"],
    run: async ({ args, options, out, connect }) => {
      if (args.length > 0 === (options.all === true)) {
        throw misuse("which mailboxes?", "Type: mq9 export <mailbox>...    or mq9 export --all");
      }
      const { mq9 } = await connect();
      const names = args.length > 0 ? args : await visibleNames(mq9);
      const { exportMailbox } = await import("../transfer/export.ts");
      const sink =
        options.output === undefined ? undefined : await openFile(options.output, options.force);
      const figures = { mailboxes: 0, messages: 0 };
      let buffered = "";
      const write = async (line: ExportLineJson, flush = false) => {
        buffered += `${jsonText(line)}\n`;
        if (!flush && buffered.length < 65_536) return;
        await (sink === undefined ? out.raw(buffered) : sink.write(buffered));
        buffered = "";
      };
      try {
        await write(begin());
        for (const name of names) {
          figures.mailboxes += 1;
          for await (const line of exportMailbox(mq9, name)) {
            if (line.line === "message") figures.messages += 1;
            await write(line);
            out.progress(`${name}: ${counted(figures.messages, "message")}`);
          }
        }
        await write({ line: "end", ...figures }, true);
        await sink?.keep();
      } catch (error) {
        await sink?.forget();
        throw error;
      }
      out.note(
        `${counted(figures.mailboxes, "mailbox", "mailboxes")}, ${counted(figures.messages, "message")} exported`,
      );
    },
  }),
];

export const importCommands: readonly CommandSpec[] = [
  defineCommand<{ prefix?: string; origin?: true; dryRun?: true }>({
    path: "import",
    summary: "send what was exported to this broker",
    description: `Makes the mailboxes of an export where they are missing and sends their mail, in
order. Numbers and times are new; what expired meanwhile is left out, and what is
delayed waits for the rest of its time. An import that broke off can be repeated
within ten minutes: nothing is stored twice.`,
    args: [["<file>", "an export; - for standard input"]],
    options: [
      flag("--prefix <text>", "in front of the name of each mailbox"),
      flag("--origin", "add headers that tell mailbox, number, time and sender"),
      flag("--dry-run", "only look whether everything can be read"),
    ],
    examples: [
      ["Into this broker", "mq9 import mail.jsonl"],
      ["Beside what is there", "mq9 import mail.jsonl --prefix old. --origin"],
    ],
    output: "one",
    exits: ["notFound"],
    exitNotes: { notFound: "no such file" },
    run: async ({ args: [file = ""], options, out, connect }) => {
      const { existsSync, createReadStream } = await import("node:fs");
      const { createInterface } = await import("node:readline");
      if (file !== "-" && !existsSync(file))
        throw new CliError("notFound", `there is no file ${file}`);
      const { importLines } = await import("../transfer/import.ts");
      const mq9 = options.dryRun === true ? undefined : (await connect()).mq9;
      const input = file === "-" ? process.stdin : createReadStream(file);
      const value = await importLines({
        file,
        lines: createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }),
        mq9,
        prefix: options.prefix ?? "",
        origin: options.origin === true,
        progress: (sent) => out.progress(`${counted(sent, "message")} sent`),
      });
      await out.result(value, () => {
        const { mailboxes_made: made, mailboxes_found: found, sent, duplicates, expired } = value;
        const parts = [
          `${counted(sent, "message")} ${value.dry_run ? "can be sent" : "sent"}`,
          `${counted(made, "mailbox", "mailboxes")} ${value.dry_run ? "can be made" : "made"}`,
          ...(found > 0 ? [`${found} were there`] : []),
          ...(duplicates > 0 ? [`${counted(duplicates, "message")} there already`] : []),
          ...(expired > 0 ? [`${counted(expired, "message")} expired`] : []),
        ];
        return parts.join(", ");
      });
    },
  }),
];

type Client = Awaited<ReturnType<Parameters<CommandSpec["run"]>[0]["connect"]>>["mq9"];

/** Dead letters come with their reasons only in a backup: they are exported when they are named. */
async function visibleNames(mq9: Client): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of mq9.mailboxes()) {
    if (!name.startsWith("$") && !name.endsWith(".dlq")) names.push(name);
  }
  return names;
}

function begin(): ExportBeginJson {
  const id = crypto.randomUUID().slice(0, 8);
  return { line: "begin", export: 1, id, version, at: new Date().toISOString() };
}

interface FileSink {
  write(text: string): Promise<void>;
  /** The file gets its name. */
  keep(): Promise<void>;
  forget(): Promise<void>;
}

async function openFile(file: string, force: true | undefined): Promise<FileSink> {
  const { existsSync } = await import("node:fs");
  const { open, rename, rm } = await import("node:fs/promises");
  if (existsSync(file) && force !== true) {
    throw new CliError("error", `${file} is there already`, {
      reason: "exists",
      hint: "Name another file, or add --force to replace it.",
    });
  }
  const partial = `${file}.partial`;
  const handle = await open(partial, "w", 0o600).catch((error: Error) => {
    throw new CliError("error", `${file} can not be written: ${error.message}`, { cause: error });
  });
  return {
    write: async (text) => {
      await handle.writeFile(text);
    },
    keep: async () => {
      await handle.sync();
      await handle.close();
      await rename(partial, file);
    },
    forget: async () => {
      await handle.close();
      await rm(partial, { force: true });
    },
  };
}
