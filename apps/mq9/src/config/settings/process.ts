// How the process ends, what it writes for whoever starts it, and its log. Rows of the one table of settings.
import { defaultOptions } from "@mq9/broker";
import { bytes, choice, flag, milliseconds, path } from "../kinds.ts";
import type { SettingTable } from "./setting.ts";

const { shutdown } = defaultOptions;

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface ProcessSettings {
  readonly stopGrace: number;
  readonly stopSpread: number;
  readonly stopDeadline: number;
  readonly lameDuckGracePeriod: number;
  readonly lameDuckDuration: number;
  readonly pidFile: string;
  readonly portsFileDir: string;
  readonly logFormat: "pretty" | "json" | "nats" | "auto";
  readonly logLevel: LogLevel;
  readonly logFile: string;
  readonly logTime: boolean;
  readonly trace: boolean;
  readonly maxTracedMsgLen: number;
}

export const processSettings: SettingTable<ProcessSettings> = {
  stopGrace: {
    kind: milliseconds,
    fallback: shutdown.graceMs,
    group: "Stopping:",
    help: "time clients get to leave by themselves",
    option: "shutdown.graceMs",
  },
  stopSpread: {
    kind: milliseconds,
    fallback: shutdown.spreadMs,
    group: "Stopping:",
    help: "time over which the others are disconnected",
    option: "shutdown.spreadMs",
  },
  stopDeadline: {
    kind: milliseconds,
    fallback: shutdown.deadlineMs,
    group: "Stopping:",
    help: "time after which a stop is given up, exit code 75",
    option: "shutdown.deadlineMs",
  },
  lameDuckGracePeriod: {
    kind: milliseconds,
    fallback: 10_000,
    group: "Stopping:",
    help: "as --stop-grace, when stopped by SIGUSR2",
  },
  lameDuckDuration: {
    kind: milliseconds,
    fallback: 120_000,
    group: "Stopping:",
    help: "time that such a stop takes as long as clients stay",
  },
  pidFile: {
    kind: path,
    fallback: "",
    group: "Files for whoever starts it:",
    help: "file that holds the process id while it runs [none]",
    short: "-P",
    aliases: ["--pid"],
  },
  portsFileDir: {
    kind: path,
    fallback: "",
    group: "Files for whoever starts it:",
    help: "folder for a file that tells the ports in use [none]",
    aliases: ["--ports_file_dir"],
  },
  logFormat: {
    kind: choice("pretty", "json", "nats", "auto"),
    fallback: "auto",
    group: "Log, on standard error:",
    help: "pretty, json, nats (as nats-server writes it), or auto = pretty on a terminal",
  },
  logLevel: {
    kind: choice("debug", "info", "warn", "error"),
    fallback: "info",
    group: "Log, on standard error:",
    help: "debug, info, warn or error",
  },
  logFile: {
    kind: path,
    fallback: "",
    group: "Log, on standard error:",
    help: "file to append it to instead [none]",
    short: "-l",
    aliases: ["--log"],
  },
  logTime: {
    kind: flag,
    fallback: true,
    group: "Log, on standard error:",
    help: "with nats: begin each line with the time",
    short: "-T",
    aliases: ["--logtime"],
  },
  trace: {
    kind: flag,
    fallback: false,
    group: "Log, on standard error:",
    help: "write every protocol line; passwords are left out, payloads are not",
  },
  maxTracedMsgLen: {
    kind: bytes,
    fallback: 0,
    group: "Log, on standard error:",
    help: "so much of a traced payload is shown; 0 = all",
    aliases: ["--max_traced_msg_len"],
  },
};
