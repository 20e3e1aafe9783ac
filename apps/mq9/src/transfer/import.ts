// Sends the lines of an export to a broker, in their order and many at a time. Each message has an id made
// of the export's and its line, so that an import that broke off can be repeated. Called by
// ../commands/transfer.ts.
import { Mq9Error, type PriorityLabel, parsePriorityLabel, type SendRequest } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import { CliError } from "../cli/exit-codes.ts";
import type { ExportMailboxJson, ExportMessageJson, ImportJson } from "../cli/schemas/transfer.ts";
import { badLine, isOfSender, parseLine } from "./lines.ts";

export interface ImportOptions {
  readonly file: string;
  /** Lines of the export. */
  readonly lines: AsyncIterable<string>;
  /** Undefined: everything is looked at, and nothing sent. */
  readonly mq9: Mq9 | undefined;
  /** What stands in front of each name over there. */
  readonly prefix: string;
  /** Headers that tell where a message was. */
  readonly origin: boolean;
  readonly progress: (sent: number) => void;
}

const inFlightMax = 128;

/** What else is known of a message that is sent. */
interface Sending {
  readonly label: PriorityLabel;
  readonly leftSeconds: number | undefined;
  /** Of its line. */
  readonly number: number;
}

/** @throws {CliError} naming the line; what stands before it was imported */
export async function importLines(options: ImportOptions): Promise<ImportJson> {
  return await new Import(options).run();
}

class Import {
  readonly #options: ImportOptions;
  readonly #figures = { mailboxes_made: 0, mailboxes_found: 0, sent: 0, duplicates: 0, expired: 0 };
  readonly #inFlight = new Set<Promise<void>>();
  /** Mailboxes that had ended by now: their messages are left out. */
  readonly #ended = new Set<string>();
  #failure: Error | undefined;
  #id: string | undefined;

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  async run(): Promise<ImportJson> {
    const { file, lines, mq9 } = this.#options;
    let number = 0;
    let messages = 0;
    let ended = false;
    for await (const text of lines) {
      number += 1;
      if (text.trim() === "") continue;
      if (ended) throw badLine(number, "it follows the end");
      const line = parseLine(text, number);
      if ((line.line === "begin") !== (this.#id === undefined)) {
        throw badLine(
          number,
          line.line === "begin" ? "it begins twice" : "the first line is missing",
        );
      }
      if (line.line === "begin") this.#id = line.id;
      if (line.line === "mailbox") await this.#mailbox(line, number);
      if (line.line === "message") {
        messages += 1;
        await this.#message(line, number);
      }
      if (line.line === "end") {
        ended = true;
        if (line.messages !== messages) {
          throw badLine(
            number,
            `it says that there are ${line.messages} messages, and ${messages} came`,
          );
        }
      }
    }
    await this.#settle();
    if (!ended) {
      throw new CliError("error", `${file} is cut: it has no last line`, {
        reason: "cut",
        hint: mq9 === undefined || number === 0 ? undefined : `Its ${number} lines were imported.`,
      });
    }
    return { file, ...(mq9 === undefined ? { dry_run: true } : {}), ...this.#figures };
  }

  async #mailbox(line: ExportMailboxJson, number: number): Promise<void> {
    await this.#settle();
    const leftSeconds = secondsUntil(line.expires_at);
    if (leftSeconds !== undefined && leftSeconds < 1) {
      this.#ended.add(line.mailbox);
      return;
    }
    const { mq9, prefix } = this.#options;
    if (mq9 === undefined) {
      this.#figures.mailboxes_made += 1;
      return;
    }
    try {
      const { created } = await mq9.api.create({
        name: `${prefix}${line.mailbox}`,
        nameStyle: "compact",
        kind: line.type,
        ttlSeconds: leftSeconds ?? 0,
        public: line.public,
        desc: line.desc,
        ifExists: "return",
      });
      if (created) this.#figures.mailboxes_made += 1;
      else this.#figures.mailboxes_found += 1;
    } catch (error) {
      throw atLine(error, number);
    }
  }

  async #message(line: ExportMessageJson, number: number): Promise<void> {
    const leftSeconds = secondsUntil(line.expires_at);
    if (this.#ended.has(line.mailbox) || (leftSeconds !== undefined && leftSeconds < 1)) {
      this.#figures.expired += 1;
      return;
    }
    const label = parsePriorityLabel(line.priority);
    if (label === undefined) throw badLine(number, `${line.priority} is no priority`);
    const { mq9 } = this.#options;
    if (mq9 === undefined) {
      this.#figures.sent += 1;
      return;
    }
    while (this.#inFlight.size >= inFlightMax) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
    const sending = this.#send(mq9, line, { label, leftSeconds, number }).catch(
      (error: unknown) => {
        this.#failure ??= atLine(error, number);
      },
    );
    this.#inFlight.add(sending);
    void sending.then(() => this.#inFlight.delete(sending));
  }

  async #send(
    mq9: Mq9,
    line: ExportMessageJson,
    { label, leftSeconds, number }: Sending,
  ): Promise<void> {
    const delaySeconds = secondsUntil(line.visible_at) ?? 0;
    const request: SendRequest = {
      mailbox: `${this.#options.prefix}${line.mailbox}`,
      label,
      payload: Buffer.from(line.body, line.encoding),
      key: line.key,
      tags: line.tags,
      ttlSeconds: leftSeconds,
      ...(delaySeconds > 0 ? { delayMs: delaySeconds * 1_000 } : {}),
      dedupId: `import.${this.#id}.${number}`,
    };
    if (await this.#isThere(mq9, request, line)) this.#figures.duplicates += 1;
    else this.#figures.sent += 1;
    this.#options.progress(this.#figures.sent + this.#figures.duplicates);
  }

  /** Sends it. @returns whether it was there already */
  async #isThere(mq9: Mq9, request: SendRequest, line: ExportMessageJson): Promise<boolean> {
    try {
      const { duplicate } = await mq9.api.sendLines(request, this.#linesOf(line));
      return duplicate === true;
    } catch (error) {
      // The same message with less of its time left.
      if (error instanceof Mq9Error && error.code === "dedup_conflict") return true;
      throw error;
    }
  }

  #linesOf(line: ExportMessageJson): [string, string][] {
    const lines = Object.entries(line.headers ?? {})
      .flatMap(([name, values]) => values.map((value): [string, string] => [name, value]))
      // An id of its own would count beside that of the import.
      .filter(([name]) => !/^nats-msg-id$/i.test(name) && isOfSender(name));
    if (!this.#options.origin) return lines;
    return [
      ...lines,
      ["origin-mailbox", line.mailbox],
      ["origin-msg-id", String(line.msg_id)],
      ["origin-created-at", line.created_at],
      ...(line.from === undefined ? [] : [["origin-from", line.from] as [string, string]]),
    ];
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Whole seconds, rounded down; undefined = never. */
function secondsUntil(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  return Math.floor((Date.parse(time) - Date.now()) / 1_000);
}

function atLine(error: unknown, number: number): Error {
  if (!(error instanceof Mq9Error)) return error as Error;
  return new CliError("error", `line ${number} can not be imported: ${error.message}`, {
    reason: error.code,
    hint: "Lines before it were imported; the same command goes on where it stopped.",
    cause: error,
  });
}
