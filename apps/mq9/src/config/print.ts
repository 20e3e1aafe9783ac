// --print-config: the resolved settings as a configuration file, each line saying where its value
// came from. What it prints can be saved and used with --config.
import { stringify } from "yaml";
import type { Resolved } from "./layers.ts";
import type { FileBlocks } from "./server-file.ts";
import { fileKey, settingNames, settingOf } from "./settings.ts";

/**
 * The resolved settings as YAML, ending with a newline.
 * @param remarks about what was passed over; they stand below as comments
 */
export function printConfig(resolved: Resolved, remarks: readonly string[]): string {
  const { settings, sources, blocks } = resolved;
  const lines = settingNames.map((name) => {
    const { kind, secret } = settingOf(name);
    const value = settings[name];
    if (secret === true && value !== "") {
      return { text: `# ${fileKey(name)}: (set)`, source: sources[name] };
    }
    const text = typeof value === "string" ? value : kind.format(value);
    // A name left empty stands for "not set", which a file says by leaving the line out.
    if (text === "") return { text: `# ${fileKey(name)}:`, source: sources[name] };
    const plain = typeof value === "boolean" || typeof value === "number" ? text : quoted(text);
    return { text: `${fileKey(name)}: ${plain}`, source: sources[name] };
  });
  const width = Math.min(40, Math.max(...lines.map(({ text }) => text.length)));
  return [
    "# Settings of mq9 serve: flags > environment > file > defaults",
    ...lines.map(({ text, source }) => `${text.padEnd(width)}  # ${source}`),
    ...blockLines(blocks),
    ...remarks.map((remark) => `# note: ${remark}`),
    "",
  ].join("\n");
}

/** Text as YAML reads it back, on one line, quoted only where it must be. */
function quoted(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}

/** What stands in blocks of the file is counted, not shown: most of it is secret. */
function blockLines(blocks: FileBlocks | undefined): string[] {
  if (blocks === undefined) return [];
  const { authorization, accounts, operator, tls, webSocket } = blocks;
  const users = authorization?.users.length ?? 0;
  const inAccounts = accounts?.reduce((sum, account) => sum + account.users.length, 0) ?? 0;
  return [
    authorization?.token === undefined ? "" : "# authorization: a token",
    users === 0 ? "" : `# authorization: ${users} users`,
    accounts === undefined ? "" : `# accounts: ${accounts.length}, with ${inAccounts} users`,
    operator === undefined ? "" : `# operator: ${operator.accounts.size} accounts preloaded`,
    tls === undefined ? "" : `# tls: ${tls.certFile}`,
    webSocket === undefined ? "" : `# websocket: port ${webSocket.port}`,
  ].filter((line) => line !== "");
}
