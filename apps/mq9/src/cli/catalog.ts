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
    name: "send",
    summary: "store a message in a mailbox",
    group: "Mail:",
    load: async () => (await import("../commands/send.ts")).sendCommands,
  },
  {
    name: "fetch",
    summary: "take messages, to work on them",
    group: "Mail:",
    load: async () => (await import("../commands/fetch.ts")).fetchCommands,
  },
  {
    name: "ack",
    summary: "say that messages are done",
    group: "Mail:",
    load: async () => (await import("../commands/settle.ts")).ackCommands,
  },
  {
    name: "nack",
    summary: "hand messages back",
    group: "Mail:",
    load: async () => (await import("../commands/settle.ts")).nackCommands,
  },
  {
    name: "extend",
    summary: "keep a message for longer",
    group: "Mail:",
    load: async () => (await import("../commands/settle.ts")).extendCommands,
  },
  {
    name: "reply",
    summary: "answer a message",
    group: "Mail:",
    load: async () => (await import("../commands/send.ts")).replyCommands,
  },
  {
    name: "drain",
    summary: "take and settle everything there is",
    group: "Mail:",
    load: async () => (await import("../commands/drain.ts")).drainCommands,
  },
  {
    name: "peek",
    summary: "look at messages without taking them",
    group: "Looking:",
    load: async () => (await import("../commands/look.ts")).peekCommands,
  },
  {
    name: "tail",
    summary: "follow a mailbox",
    group: "Looking:",
    load: async () => (await import("../commands/look.ts")).tailCommands,
  },
  {
    name: "watch",
    summary: "show counts of mailboxes as they change",
    group: "Looking:",
    load: async () => (await import("../commands/watch.ts")).watchCommands,
  },
  {
    name: "receipt",
    summary: "show where a message is",
    group: "Looking:",
    load: async () => (await import("../commands/settle.ts")).receiptCommands,
  },
  {
    name: "mailbox",
    summary: "make, look at, prolong and end mailboxes",
    group: "Mailboxes and agents:",
    load: async () => (await import("../commands/mailbox.ts")).mailboxCommands,
  },
  {
    name: "agent",
    summary: "register agents and find them",
    group: "Mailboxes and agents:",
    load: async () => (await import("../commands/agent.ts")).agentCommands,
  },
  {
    name: "dlq",
    summary: "dead letters: look, put back, remove",
    group: "Mailboxes and agents:",
    load: async () => (await import("../commands/dlq.ts")).dlqCommands,
  },
  {
    name: "schema",
    summary: "print the JSON Schema of a command's output",
    group: "Tools:",
    load: async () => (await import("../commands/schema.ts")).schemaCommands,
  },
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
  {
    name: "explain",
    summary: "say why mail did not arrive, and what to do next",
    group: "Looking:",
    load: async () => (await import("../commands/explain.ts")).explainCommands,
  },
  {
    name: "doctor",
    summary: "look for what stands in the way",
    group: "Looking:",
    load: async () => (await import("../commands/doctor.ts")).doctorCommands,
  },
  {
    name: "export",
    summary: "write mailboxes and their mail as lines of JSON",
    group: "Tools:",
    load: async () => (await import("../commands/transfer.ts")).exportCommands,
  },
  {
    name: "import",
    summary: "send what was exported to this broker",
    group: "Tools:",
    load: async () => (await import("../commands/transfer.ts")).importCommands,
  },
  {
    name: "completion",
    summary: "print a script that completes commands in a shell",
    group: "Tools:",
    load: async () => (await import("../commands/completion.ts")).completionCommands,
  },
  {
    name: "top",
    summary: "watch what goes on in a broker",
    group: "Looking:",
    load: async () => (await import("../commands/top.ts")).topCommands,
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
