// Every command word of the executable, and where it is defined. Definitions are loaded when their
// command is asked for, or all of them for documents and completion. A new command needs a row.
import type { CommandSpec } from "./command.ts";

/** A word behind `mq9`. */
export interface CatalogEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: "Mail:" | "Mailboxes and agents:" | "Looking:" | "Broker:" | "Tools:";
  /** The client commands of that word: one of the same name, or several below it. */
  readonly load: () => Promise<readonly CommandSpec[]>;
}

export const catalog: readonly CatalogEntry[] = [
  {
    name: "wait",
    summary: "sleep until there is mail",
    group: "Mail:",
    load: async () => [(await import("../commands/wait.ts")).wait],
  },
  {
    name: "backup",
    summary: "copy everything a broker holds into one file",
    group: "Broker:",
    load: async () => (await import("../commands/backup.ts")).backupCommands,
  },
  {
    name: "restore",
    summary: "put a backup in the place of a data folder",
    group: "Broker:",
    load: async () => (await import("../commands/backup.ts")).restoreCommands,
  },
  {
    name: "context",
    summary: "keep connections under names",
    group: "Tools:",
    load: async () => (await import("../commands/context.ts")).contextCommands,
  },
  {
    name: "bench",
    summary: "measure how fast the broker is",
    group: "Tools:",
    load: async () => (await import("../commands/bench.ts")).benchCommands,
  },
];

/** What people type who come from elsewhere, and what it is called here. */
export const synonyms: Readonly<Record<string, string>> = {
  ack_message: "ack",
  consume: "fetch --exec",
  create: "mailbox create",
  delete: "mailbox drop",
  discover: "agent find",
  find: "agent find",
  get: "fetch",
  info: "mailbox info",
  inbox: "peek",
  list: "mailbox ls",
  ls: "mailbox ls",
  mailboxes: "mailbox ls",
  agents: "agent ls",
  new: "mailbox create",
  pub: "send",
  publish: "send",
  pull: "fetch",
  put: "send",
  query: "peek",
  read: "peek",
  receive: "fetch",
  register: "agent register",
  req: "send --wait-for",
  rm: "mailbox drop",
  server: "serve",
  start: "serve",
  sub: "tail",
  subscribe: "tail",
  "mailbox add": "mailbox create",
  "mailbox delete": "mailbox drop",
  "mailbox list": "mailbox ls",
  "mailbox new": "mailbox create",
  "mailbox rm": "mailbox drop",
  "mailbox show": "mailbox info",
  "agent add": "agent register",
  "agent discover": "agent find",
  "agent list": "agent ls",
  "agent search": "agent find",
  "agent show": "agent card",
  "context add": "context create",
  "context list": "context ls",
  "context save": "context create",
  "context use": "context select",
  "dlq list": "dlq ls",
  "dlq redrive": "dlq retry",
  "dlq rm": "dlq purge",
};
