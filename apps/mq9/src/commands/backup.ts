// `mq9 backup` and `mq9 restore`: a copy of everything a broker holds, and back. Both work on the data
// folder of this machine; neither connects to a broker over the network.

import path from "node:path";
import { isatty } from "node:tty";
import type { BackupFacts, Progress } from "../backup/backup.ts";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { CliError, misuse } from "../cli/exit-codes.ts";
import type { Output } from "../cli/output.ts";
import type { BackupJson } from "../cli/schemas/backup.ts";
import { counted } from "../cli/text.ts";
import { approximateBytes } from "../config/units.ts";

interface Flags {
  readonly data?: string;
  readonly force?: true;
}

const dataFlag = (what: string) => flag("--data <folder>", `${what} [MQ9_DATA, ./mq9-data]`);

export const backupCommands: readonly CommandSpec[] = [
  defineCommand<Flags>({
    path: "backup",
    summary: "copy everything a broker holds into one file",
    description: `Copies everything a broker holds into one file: mailboxes, messages, groups, delayed
mail, dead letters, agents, grants. The broker may run on: the copy shows one
instant, and nothing waits for it. Without a broker the folder itself is opened
and checked. Every byte is verified on the way; the file has its name only once it
is whole and on the disk. Whoever reads the file reads all mail: keep it safe.`,
    args: [["<file>", "where to; - for standard output"]],
    options: [
      dataFlag("the broker's data folder"),
      flag("--force", "replace a file that is there"),
    ],
    examples: [
      ["While the broker runs, every night", "mq9 backup --data /var/lib/mq9 night.mq9backup"],
      ["Packed", "mq9 backup - | gzip > mq9.backup.gz"],
    ],
    output: "one",
    offline: true,
    exits: ["notFound", "actionNeeded"],
    exitNotes: { notFound: "no broker's data in that folder", actionNeeded: "the disk is full" },
    run: async ({ args: [file = ""], options, out, env }) => {
      const folder = folderOf(options, env);
      const toStdout = file === "-";
      if (toStdout && isatty(1)) {
        throw misuse(
          "a backup is no text for a terminal",
          "Type: mq9 backup <file>    or mq9 backup - | gzip > <file>",
        );
      }
      const { existsSync } = await import("node:fs");
      if (!toStdout && existsSync(file) && options.force !== true) {
        throw new CliError("error", `${file} is there already`, {
          reason: "exists",
          hint: "Name another file, or add --force to replace it.",
        });
      }
      const { openBackupSource } = await import("../backup/backup-source.ts");
      const { keepBackup, passBackup } = await import("../backup/backup.ts");
      await using source = await openBackupSource(folder);
      out.note(
        source.from === "broker"
          ? `Copying out of the broker that runs in ${folder}.`
          : `No broker runs in ${folder}: copying out of the folder.`,
      );
      const progress = shownProgress(out);
      const facts = toStdout
        ? await passBackup(source.bytes, (chunk) => out.raw(chunk), progress)
        : await keepBackup(source.bytes, file, progress);
      warnOfDamage(out, facts);
      if (toStdout) return out.note(summaryOf(facts));
      await out.result(jsonOf(facts, file, folder), () => `${file}\n${summaryOf(facts)}`);
    },
  }),
];

export const restoreCommands: readonly CommandSpec[] = [
  defineCommand<Flags & { check?: true }>({
    path: "restore",
    summary: "put a backup in the place of a data folder",
    description: `Makes a data folder out of a backup. The broker must not run in it. A folder that
is not empty is refused unless --force is given, and then replaced. Everything is
verified first: a backup that is damaged or cut changes nothing, and a restoration
that is interrupted leaves the folder as it was, or done. Deadlines go on: what
expired since then is gone. What was handled since then comes again, so keep
brokers of old data away from workers that must not do things twice.`,
    args: [["<file>", "a backup; - for standard input"]],
    options: [
      dataFlag("the folder to make"),
      flag("--force", "replace the data that is there; it is removed"),
      flag("--check", "only look whether the backup is whole"),
    ],
    examples: [
      ["Look whether it is whole", "mq9 restore --check night.mq9backup"],
      [
        "Into a new folder, and start a broker on it",
        "mq9 restore night.mq9backup --data ./again && mq9 serve --data ./again",
      ],
      ["Packed", "gunzip -c mq9.backup.gz | mq9 restore - --data ./again"],
    ],
    output: "one",
    offline: true,
    exits: ["notFound", "actionNeeded"],
    exitNotes: { notFound: "no such file", actionNeeded: "the disk is full" },
    run: async ({ args: [file = ""], options, out, env }) => {
      const folder = folderOf(options, env);
      const { backupBytes, checkBackupOf, restoreBackup } = await import("../backup/backup.ts");
      const progress = shownProgress(out);
      if (options.check === true) {
        const facts = await checkBackupOf(file, progress);
        warnOfDamage(out, facts);
        await out.result(jsonOf(facts, file), () => `${file} is whole\n${summaryOf(facts)}`);
        return;
      }
      const facts = await restoreBackup({
        bytes: backupBytes(file),
        folder,
        replace: options.force === true,
        progress,
      });
      warnOfDamage(out, facts);
      await out.result(
        jsonOf(facts, file, folder),
        () => `${folder} holds the backup\n${summaryOf(facts)}`,
      );
      out.note(`Start the broker with: mq9 serve --data ${folder}`);
    },
  }),
];

function folderOf({ data }: Flags, env: Readonly<Record<string, string | undefined>>): string {
  return path.resolve(data ?? (env["MQ9_DATA"] || "mq9-data"));
}

function shownProgress(out: Output): Progress {
  let shownAtMs = 0;
  return ({ messages, bytes }) => {
    const nowMs = performance.now();
    if (nowMs - shownAtMs < 100) return;
    shownAtMs = nowMs;
    out.progress(`${counted(messages, "message")}, ${approximateBytes(bytes)}`);
  };
}

function warnOfDamage(out: Output, { end }: BackupFacts): void {
  if (end.damaged === 0) return;
  out.warn(
    `${counted(end.damaged, "record")} of the broker ${end.damaged === 1 ? "was" : "were"} damaged already; kept as ${end.damaged === 1 ? "it is" : "they are"}, and not served. The broker's log names what it found.`,
  );
}

function summaryOf({ head, end }: BackupFacts): string {
  const { mailboxes, messages, bytes } = end;
  return `${counted(mailboxes, "mailbox", "mailboxes")}, ${counted(messages, "message")}, ${approximateBytes(bytes)}, as of ${head.takenAt.replace(/\.\d+Z$/, "Z")}`;
}

function jsonOf({ head, end }: BackupFacts, file: string, folder?: string): BackupJson {
  return {
    file,
    ...(folder === undefined ? {} : { data: folder }),
    taken_at: head.takenAt,
    version: head.version,
    mailboxes: end.mailboxes,
    messages: end.messages,
    records: end.records,
    bytes: end.bytes,
    damaged: end.damaged,
    sha256: end.sha256,
  };
}
