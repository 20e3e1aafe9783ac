// Where mail lies and how much of it there may be, and the registered agents. Rows of the one table of settings.
import { defaultOptions } from "@mq9/broker";
import { bytes, choice, count, flag, milliseconds, orAuto, path, seconds, text } from "../kinds.ts";
import type { SettingTable } from "./setting.ts";

const { mailbox, registry, disk } = defaultOptions;

export interface MailSettings {
  readonly data: string;
  readonly diskSoftMark: number | "auto";
  readonly diskHardMark: number;
  readonly diskReserve: number;
  readonly ttl: number;
  readonly namedTtl: number;
  readonly notifyTtl: number;
  readonly idempotentCreate: boolean;
  readonly payloads: "auto" | "base64" | "utf8";
  readonly latestShowsNewest: boolean;
  readonly activeMailboxes: number;
  readonly maxMessagesPerMailbox: number;
  readonly maxBytesPerMailbox: number;
  readonly maxMailboxes: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly dedupWindow: number;
  readonly maxAgents: number;
  readonly staleAfter: number;
  readonly goneAfter: number;
  readonly embeddingsUrl: string;
  readonly embeddingsModel: string;
  readonly embeddingsKeyFile: string;
  readonly embeddingsTimeout: number;
}

export const mailSettings: SettingTable<MailSettings> = {
  data: {
    kind: path,
    fallback: "./mq9-data",
    group: "Storage:",
    help: "data folder, made when missing",
    aliases: ["-sd", "--store_dir"],
  },
  diskSoftMark: {
    kind: orAuto(bytes),
    fallback: "auto",
    group: "Storage:",
    help: "refuse new mail below this free space; auto = a tenth of the disk, 1GiB to 10GiB",
    option: "disk.softMarkBytes",
  },
  diskHardMark: {
    kind: bytes,
    fallback: disk.hardMarkBytes,
    group: "Storage:",
    help: "below this only removal and expiry write",
    option: "disk.hardMarkBytes",
  },
  diskReserve: {
    kind: bytes,
    fallback: disk.reserveBytes,
    group: "Storage:",
    help: "space set aside, given up at the hard mark",
    option: "disk.reserveBytes",
  },
  ttl: {
    kind: seconds,
    fallback: mailbox.defaultTtlSeconds,
    group: "Mailboxes:",
    help: "life of mailboxes created without ttl; 0 = no end",
    option: "mailbox.defaultTtlSeconds",
  },
  namedTtl: {
    kind: seconds,
    fallback: mailbox.namedTtlSeconds,
    group: "Mailboxes:",
    help: "the same if it has a name and is not public",
    option: "mailbox.namedTtlSeconds",
  },
  notifyTtl: {
    kind: seconds,
    fallback: mailbox.notifyTtlSeconds,
    group: "Mailboxes:",
    help: "life of a notify message; 0 = as its mailbox",
    option: "mailbox.notifyTtlSeconds",
  },
  idempotentCreate: {
    kind: flag,
    fallback: mailbox.idempotentCreate,
    group: "Mailboxes:",
    help: "creating a taken name hands out the mailbox there is, for every client",
    option: "mailbox.idempotentCreate",
  },
  payloads: {
    kind: choice("auto", "base64", "utf8"),
    fallback: mailbox.payloads,
    group: "Mailboxes:",
    help: "how FETCH and QUERY show payloads; auto = as the client reads them",
    option: "mailbox.payloads",
  },
  latestShowsNewest: {
    kind: flag,
    fallback: mailbox.latestShowsNewest,
    group: "Mailboxes:",
    help: "a FETCH that writes every field starts latest at the newest message",
    option: "mailbox.latestShowsNewest",
  },
  activeMailboxes: {
    kind: count,
    fallback: mailbox.activeMailboxesMax,
    group: "Mailboxes:",
    help: "mailboxes kept in memory between uses",
    option: "mailbox.activeMailboxesMax",
  },
  maxMessagesPerMailbox: {
    kind: count,
    fallback: mailbox.messagesPerMailboxMax,
    group: "Mailboxes:",
    help: "messages of one mailbox; 0 = no limit",
    option: "mailbox.messagesPerMailboxMax",
  },
  maxBytesPerMailbox: {
    kind: bytes,
    fallback: mailbox.bytesPerMailboxMax,
    group: "Mailboxes:",
    help: "their bytes; 0 = no limit",
    option: "mailbox.bytesPerMailboxMax",
  },
  maxMailboxes: {
    kind: count,
    fallback: mailbox.mailboxesPerAccountMax,
    group: "Mailboxes:",
    help: "mailboxes of one account; 0 = no limit",
    option: "mailbox.mailboxesPerAccountMax",
  },
  maxMessages: {
    kind: count,
    fallback: mailbox.messagesPerAccountMax,
    group: "Mailboxes:",
    help: "messages of one account; 0 = no limit",
    option: "mailbox.messagesPerAccountMax",
  },
  maxBytes: {
    kind: bytes,
    fallback: mailbox.bytesPerAccountMax,
    group: "Mailboxes:",
    help: "their bytes; 0 = no limit",
    option: "mailbox.bytesPerAccountMax",
  },
  dedupWindow: {
    kind: milliseconds,
    fallback: mailbox.dedupWindowMs,
    group: "Mailboxes:",
    help: "time in which a repeat of a send stores nothing",
    option: "mailbox.dedupWindowMs",
  },
  maxAgents: {
    kind: count,
    fallback: registry.agentsMax,
    group: "Registered agents:",
    help: "agents of one account",
    option: "registry.agentsMax",
  },
  staleAfter: {
    kind: milliseconds,
    fallback: registry.staleAfterMs,
    group: "Registered agents:",
    help: "silence after which an agent that reported once is stale",
    option: "registry.staleAfterMs",
  },
  goneAfter: {
    kind: milliseconds,
    fallback: registry.goneAfterMs,
    group: "Registered agents:",
    help: "silence after which it is gone and no longer found",
    option: "registry.goneAfterMs",
  },
  embeddingsUrl: {
    kind: text,
    fallback: registry.embeddingsUrl,
    group: "Registered agents:",
    help: "base of an OpenAI-compatible API, to find agents by meaning [words alone]",
    option: "registry.embeddingsUrl",
  },
  embeddingsModel: {
    kind: text,
    fallback: registry.embeddingsModel,
    group: "Registered agents:",
    help: "model asked for there",
    option: "registry.embeddingsModel",
  },
  embeddingsKeyFile: {
    kind: path,
    fallback: "",
    group: "Registered agents:",
    help: "file with its key; MQ9_EMBEDDINGS_KEY holds the key itself [none]",
  },
  embeddingsTimeout: {
    kind: milliseconds,
    fallback: registry.embeddingsTimeoutMs,
    group: "Registered agents:",
    help: "time a search waits for it",
    option: "registry.embeddingsTimeoutMs",
  },
};
