// What of this machine stands in the way: the release of Node, how many files may be open, contexts, and
// the data folder of a broker that runs, or shall run, here. Called by ../commands/doctor.ts; changes
// nothing.
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import { contextFolder, readContext, selectedContext } from "../cli/contexts.ts";
import { CliError } from "../cli/exit-codes.ts";
import type { Finding } from "../cli/findings.ts";
import { approximateBytes } from "../config/units.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const leastNode = [20, 19] as const;
/** A broker needs one per connection, and some for its store. */
const filesWanted = 4_096;
const mebibyte = 1024 * 1024;

export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return isNew
    ? { code: "node_version", level: "ok", text: `Node ${version}` }
    : {
        code: "node_version",
        level: "fail",
        text: `Node ${version} is too old: ${leastNode.join(".")} or newer is needed`,
        next: "Install a newer Node: https://nodejs.org",
      };
}

/** Linux alone tells without asking a shell. */
export function checkOpenFiles(
  limits: string | undefined = readIfThere("/proc/self/limits"),
): Finding[] {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits ?? "") ?? [];
  if (soft === undefined) return [];
  if (soft === "unlimited" || Number(soft) >= filesWanted) {
    return [{ code: "open_files", level: "ok", text: `${soft} files may be open at a time` }];
  }
  const text = `only ${soft} files may be open at a time: a broker started here takes about ${Math.max(0, Number(soft) - 48)} connections`;
  return [
    { code: "open_files", level: "warn", text, next: `Before starting it: ulimit -n ${hard}` },
  ];
}

/** The context that is used, and files that others could read. */
export function checkContexts(env: Environment, named: string | undefined): Finding[] {
  const name = named ?? (env["MQ9_CONTEXT"] || selectedContext(env));
  if (name === undefined) {
    return [{ code: "context", level: "ok", text: "no context is used" }];
  }
  try {
    readContext(name, env);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [
      { code: "context", level: "fail", text: error.message, next: error.hint ?? "mq9 context ls" },
    ];
  }
  const file = path.join(contextFolder(env), `${name}.json`);
  const mode = existsSync(file) ? statSync(file).mode & 0o077 : 0;
  if (mode !== 0 && process.platform !== "win32") {
    const text = `the context ${name} may be read by other users of this machine, and holds who you are`;
    return [{ code: "context_readable", level: "warn", text, next: `chmod 600 ${file}` }];
  }
  return [{ code: "context", level: "ok", text: `context ${name} can be used` }];
}

/** @param asked somebody named the folder: then it has to be there */
export function checkDataFolder(folder: string, asked: boolean): Finding[] {
  if (!existsSync(folder)) {
    const text = `there is no data folder ${folder} here`;
    return asked
      ? [
          {
            code: "data_folder",
            level: "fail",
            text,
            next: "A broker makes it: mq9 serve --data <folder>",
          },
        ]
      : [{ code: "data_folder", level: "note", text: `${text}; name another with --data` }];
  }
  const findings = [checkAccess(folder), checkSpace(folder)];
  if (existsSync(path.join(folder, "restore.new"))) {
    findings.push({
      code: "restore_unfinished",
      level: "warn",
      text: "a restoration did not come to its end here, or runs now; what was there before is untouched",
      next: `If none runs: rm -r ${path.join(folder, "restore.new")} ${path.join(folder, "restore.lock")}`,
    });
  }
  return findings;
}

function checkAccess(folder: string): Finding {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      code: "data_folder",
      level: "fail",
      text: `you may not read and write the data folder ${folder}`,
      next: "Run this, and the broker, as the user that owns it.",
    };
  }
  const { mode } = statSync(folder);
  if ((mode & 0o077) !== 0 && process.platform !== "win32") {
    return {
      code: "data_folder_readable",
      level: "warn",
      text: `other users of this machine may look into the data folder ${folder}`,
      next: `chmod 700 ${folder}`,
    };
  }
  return { code: "data_folder", level: "ok", text: `data folder ${folder} can be used` };
}

function checkSpace(folder: string): Finding {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const [free, total] = [bavail * bsize, blocks * bsize];
  const text = `${approximateBytes(free)} of ${approximateBytes(total)} are free on the disk of ${folder}`;
  if (free < 128 * mebibyte) {
    return {
      code: "disk_space",
      level: "fail",
      text: `${text}: new mail is refused`,
      next: "Free some space.",
    };
  }
  if (free < 1024 * mebibyte || free < total * 0.05) {
    const next = "Free some space before the broker refuses mail.";
    return { code: "disk_space", level: "warn", text, next };
  }
  return { code: "disk_space", level: "ok", text };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // best effort: not Linux
    return undefined;
  }
}
