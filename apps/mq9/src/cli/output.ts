// What a client command prints. Data goes to standard output, in the form that was asked for; talk goes
// to standard error. Colours are for terminals alone. Commands print through this and nothing else.
import pc from "picocolors";
import { type CliError, cliExits } from "./exit-codes.ts";
import { wrap } from "./findings.ts";
import { type Column, renderTable } from "./table.ts";
import { displayWidth, jsonText, printable } from "./text.ts";

/** `text` for people, `json` one object, `jsonl` one object per line as they come. */
export type OutputForm = "text" | "json" | "jsonl";

/** Colours of picocolors; they do nothing where none are wanted. */
export type Colors = ReturnType<typeof pc.createColors>;

export interface OutputStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export interface Output {
  readonly form: OutputForm;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Columns to stay within; 80 when it is no terminal. */
  readonly columns: number;
  /** For standard output. */
  readonly colors: Colors;
  /**
   * The one result: as JSON where that was asked for, else what `text` makes of it. Text of others has
   * to be made `printable` by it.
   */
  result(value: object, text: () => string): Promise<void>;
  /**
   * One of several: as a line of JSON with `--jsonl`, with `text` for people. With `--json` it is kept
   * for `endItems` to print; where `list` names the row it is written at once as its next entry: what is settled
   * once it was shown must have been shown.
   */
  item(value: object, text: () => string, list?: string): Promise<void>;
  /** Ends a row of `item`s: with `--json` prints them as `{[name]: [...], ...rest}`, or what ends them. */
  endItems(name: string, rest?: object): Promise<void>;
  /** A whole list: JSON as `{[name]: [...]}`, lines with `--jsonl`, for people what `text` makes. */
  list(name: string, values: readonly object[], text: () => string): Promise<void>;
  /** Bytes as they are. */
  raw(bytes: Uint8Array | string): Promise<void>;
  /** Rows under a head, within the columns there are. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): string;
  /** Talk for people, on standard error; nothing with `--quiet`, or where JSON was asked for. */
  note(text: string): void;
  /** Something that went on, but not as asked: on standard error, in every form. */
  warn(text: string): void;
  /** One line on standard error that is written over, on terminals only. */
  progress(text: string): void;
  /** The last words of a command that failed. */
  fail(error: CliError): void;
}

/** Makes the output of one command. */
export function createOutput(
  { stdout, stderr }: OutputStreams,
  env: Readonly<Record<string, string | undefined>>,
  { form, quiet }: { form: OutputForm; quiet: boolean },
): Output {
  const isTerminal = stdout.isTTY === true;
  const colors = pc.createColors(wantsColors(stdout, env));
  const errorColors = pc.createColors(wantsColors(stderr, env));
  const columns = isTerminal ? Math.max(stdout.columns || 80, 40) : 80;
  const kept: object[] = [];
  /** Entries so far of a row that is written as it comes. */
  let entries = 0;
  let progressShown = false;

  /** Resolves when the system took it: what is settled afterwards has been shown. */
  const write = async (text: Uint8Array | string): Promise<void> => {
    clearProgress();
    await new Promise<void>((resolve, reject) => {
      stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  };
  const json = (value: object) => `${jsonText(value, isTerminal ? 2 : undefined)}\n`;
  const entry = (value: object, list: string) => {
    entries += 1;
    const [begin, between] = isTerminal ? [`{\n  "${list}": [\n`, ",\n"] : [`{"${list}":[`, ","];
    const text = json(value).trimEnd();
    return (entries === 1 ? begin : between) + (isTerminal ? text.replace(/^/gm, "    ") : text);
  };
  const endOfRow = () => {
    entries = 0;
    return isTerminal ? "\n  ]\n}\n" : "]}\n";
  };
  const clearProgress = () => {
    if (progressShown) stderr.write("\r\u001b[K");
    progressShown = false;
  };
  const talk = (text: string) => {
    clearProgress();
    stderr.write(`${stderr.isTTY ? printable(text) : text}\n`);
  };
  /** Sentences break between words on a terminal; lines to type are left whole, to be copied. */
  const flowing = (text: string) => {
    if (!stderr.isTTY) return text;
    const width = Math.max(stderr.columns || 80, 40);
    const fits = (one: string) => displayWidth(one) <= width;
    return text
      .split("\n")
      .map((one) => (fits(one) ? one : wrap(one, width).join("\n")))
      .join("\n");
  };
  const line = (text: string) => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

  return {
    form,
    isTerminal,
    columns,
    colors,
    result: (value, text) => write(form === "text" ? line(text()) : json(value)),
    item: async (value, text, list) => {
      if (form === "json" && list !== undefined) await write(entry(value, list));
      else if (form === "json") kept.push(value);
      else await write(form === "jsonl" ? `${jsonText(value)}\n` : line(text()));
    },
    endItems: async (name, rest = {}) => {
      if (form !== "json") return;
      if (entries === 0) await write(json({ [name]: kept, ...rest }));
      else await write(endOfRow());
    },
    list: async (name, values, text) => {
      if (form === "text") await write(line(text()));
      else if (form === "json") await write(json({ [name]: values }));
      else await write(values.map((value) => `${jsonText(value)}\n`).join(""));
    },
    raw: write,
    table: (head, rows) => renderTable(head, rows, columns, colors),
    note: (text) => {
      if (!quiet && form === "text") talk(text);
    },
    warn: (text) => {
      talk(flowing(`${form === "text" ? errorColors.yellow("warning:") : "warning:"} ${text}`));
    },
    progress: (text) => {
      if (!stderr.isTTY || quiet || form !== "text") return;
      stderr.write(`\r\u001b[K${text}`);
      progressShown = true;
    },
    fail: (error) => {
      clearProgress();
      if (entries > 0) stdout.write(endOfRow()); // what was settled can be read
      if (form === "text") {
        stderr.write(`${flowing(`${errorColors.red("error:")} ${printable(error.message)}`)}\n`);
        if (error.hint !== undefined) stderr.write(`${printable(error.hint)}\n`);
        return;
      }
      const { reason, message, hint } = error;
      const { code } = cliExits[error.exit];
      stderr.write(
        `${jsonText({ error: { reason, message, ...(hint === undefined ? {} : { hint }), exit_code: code } })}\n`,
      );
    },
  };
}

function wantsColors(
  stream: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}
