// The process's log: pino behind the broker's Log interface, as JSON lines, pretty text or lines of a
// nats-server, on standard error or in a file. Made once by the serve command. Writes no payloads; text that came from outside is cut and
// stripped of characters that could forge or hide log lines.
import type { Log, LogFields } from "@mq9/broker";
import { destination, type Logger, pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LogLevel } from "./config/settings/process.ts";
import { LogFile } from "./log-file.ts";
import { natsLine } from "./nats-log.ts";

export interface ProcessLog {
  /** For the parts of the process; events carry `component`. */
  readonly log: Log;
  /** The event that ends the process, written whatever the level is. */
  fatal: (msg: string, fields?: LogFields) => void;
  /** Exactly this text, without fields, whatever the level; for lines that programs wait for. */
  line: (msg: string, level?: "info" | "trace") => void;
  /** Other rules from now on. @throws {ExitError} when the file can not be opened; nothing changes */
  change: (changes: LogChanges) => void;
  /** Opens the file again, after something moved it away. @throws {ExitError} as above */
  reopen: () => void;
}

/** What can change while it is open. */
export interface LogChanges {
  readonly level: LogLevel;
  /** "" = standard error. */
  readonly file: string;
}

export interface LogOptions {
  readonly format: "pretty" | "json" | "nats";
  readonly level: LogLevel;
  /** "" or undefined = standard error. */
  readonly file?: string | undefined;
  /** In the format nats: lines begin with the time. Default true. */
  readonly time?: boolean | undefined;
  /** Colours, for the pretty format. */
  readonly colors: boolean;
  /** Where whole lines go; default: standard error. */
  readonly write?: (line: string) => void;
}

/** What events of the process itself carry. */
const ownComponent = "mq9";

/** Opens the log. Lines are written before the call that made them returns. */
export function openLog(options: LogOptions): ProcessLog {
  const standard = options.write ?? standardError();
  let file = openFile(options.file);
  const write = (line: string) => (file === undefined ? standard(line) : file.write(line));
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: (described: unknown) => described }, // see describeError
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: formatted(write, options) },
  );
  // Beside the level: who waits for a line waits for it at every level.
  const always = logger.child({}, { level: "trace" });
  return {
    log: toLog(logger, ownComponent),
    fatal: (msg, fields) => logger.fatal(fieldsOf(ownComponent, fields), cleanText(msg)),
    line: (msg, level = "info") => always[level]({ component: ownComponent, plain: true }, msg),
    change: (changes) => {
      if (changes.file !== (file?.path ?? "")) {
        const next = openFile(changes.file);
        file?.close();
        file = next;
      }
      logger.level = changes.level;
    },
    reopen: () => file?.reopen(),
  };
}

function openFile(path: string | undefined): LogFile | undefined {
  return path === undefined || path === "" ? undefined : new LogFile(path);
}

function formatted(
  write: (line: string) => void,
  { format, colors, time }: LogOptions,
): (line: string) => void {
  if (format === "json") return write;
  if (format === "pretty") return prettified(write, colors);
  return (line) =>
    write(natsLine(line, time !== false, performance.timeOrigin + performance.now()));
}

/** A reader of the log that went away must not take the broker with it. */
function standardError(): (line: string) => void {
  const stream = destination({ dest: 2, sync: true });
  stream.on("error", () => {});
  return (line) => {
    stream.write(line);
  };
}

function prettified(write: (line: string) => void, colors: boolean): (line: string) => void {
  const prettify = prettyFactory({
    colorize: colors,
    colorizeObjects: colors,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "component,plain",
    messageFormat: ({ component, msg }) =>
      component === ownComponent ? String(msg) : `[${String(component)}] ${String(msg)}`,
    singleLine: true,
  });
  return (line) => write(prettify(line));
}

function toLog(logger: Logger, component: string): Log {
  return {
    debug: (msg, fields) => logger.debug(fieldsOf(component, fields), msg),
    info: (msg, fields) => logger.info(fieldsOf(component, fields), msg),
    warn: (msg, fields) => logger.warn(fieldsOf(component, fields), msg),
    error: (msg, fields) => logger.error(fieldsOf(component, fields), msg),
    child: (name) => toLog(logger, name),
  };
}

function fieldsOf(component: string, fields: LogFields | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = { component };
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value instanceof Error) {
      result[name] = describeError(value);
    } else {
      result[name] = typeof value === "string" ? cleanText(value) : value;
    }
  }
  return result;
}

/** An error as a plain object. Depth is bounded: a cause may be its own cause. */
function describeError(error: Error, depth = 0): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: cleanText(error.message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    stack: error.stack
      ?.split("\n")
      .slice(1, 12)
      .map((line) => cleanText(line.trim())),
    ...(error.cause instanceof Error && depth < 3
      ? { cause: describeError(error.cause, depth + 1) }
      : {}),
  };
}

const textMax = 512; // enough for any sentence of ours; a client's text is never that interesting

// Controls, line and paragraph separators, and format characters (without width, or turning the
// direction of the text): everything that makes a line look like another or hides a part of it.
const unsafeCharacters = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text as it may stand in a log line: one line, visible, of bounded length. */
export function cleanText(text: string, lengthMax: number = textMax): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return cut.replace(
    unsafeCharacters,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
