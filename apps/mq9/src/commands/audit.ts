// `mq9 audit`: whether the records of an audit hold together. Reads files; changes nothing.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { AuditReader } from "../audit-chain.ts";
import { cliExits } from "../cli/exit-codes.ts";
import { ExitError, usageError } from "../exit-codes.ts";

/** A record was changed, or is missing: how the program ends then. */
const exitNotWhole = 1;

/** Adds the command to the program. */
export function addAuditCommand(program: Command): void {
  program
    .command("audit")
    .argument("<files...>", "files of one audit, the oldest first")
    .summary("look whether an audit is whole")
    .description(
      "Looks whether records of an audit were changed, added or taken out. Prints the number of records and the digest of the last one: kept somewhere else, it tells later whether the end is missing. Ends with 1 when something does not fit.",
    )
    .action(async (files: readonly string[]) => {
      process.stdout.write(`${await checkAudit(files)}\n`);
    });
}

/**
 * Looks at files as one audit.
 * @returns what to say of one that is whole
 * @throws {ExitError} naming the lines that do not fit
 */
export async function checkAudit(files: readonly string[]): Promise<string> {
  let link: string | undefined;
  let records = 0;
  const faults: string[] = [];
  for (const file of files) {
    const reader = await readAudit(file, link);
    link = reader.link;
    records += reader.records;
    faults.push(...reader.faults.map(({ line, what }) => `${file}:${line} ${what}`));
  }
  const found = `${records} records, the last with digest ${link ?? "(none)"}`;
  if (faults.length === 0) return `whole: ${found}`;
  throw new ExitError(exitNotWhole, [`not whole: ${found}`, ...faults].join("\n"));
}

async function readAudit(file: string, link: string | undefined): Promise<AuditReader> {
  const reader = new AuditReader(link);
  try {
    for await (const line of createInterface({ input: createReadStream(file, "utf8") })) {
      reader.read(line);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new ExitError(cliExits.notFound.code, `there is no file ${file}`);
    throw usageError(`${file} can not be read: ${(error as Error).message}`);
  }
  return reader;
}
