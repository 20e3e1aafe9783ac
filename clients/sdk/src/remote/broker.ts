// Which broker is at the other end and what it speaks. Ours says so when it greets; of others it is found
// out by asking each generation for a mailbox that does not exist.
import { Mq9Error } from "@mq9/protocol";
import { type Link, spacePrefix } from "../link.ts";

/**
 * `mq9`: everything, a broker of ours. `msg`: generation 2 as published. `mailbox`: generation 1.
 * `inbox`: generation 0.
 */
export type Dialect = "mq9" | "msg" | "mailbox" | "inbox";

/** What is known of the broker. */
export interface ServerFacts {
  readonly name: string;
  /** The product's own version where it tells one, else that of the NATS protocol it speaks. */
  readonly version: string;
  /** Where this connection is, without credentials. */
  readonly url: string;
  /** What it speaks, best first; empty of a foreign broker that was not asked yet. */
  readonly dialects: readonly Dialect[];
  /** Not a broker of ours. */
  readonly foreign: boolean;
}

/** A mailbox that nobody has, and that nobody can make without knowing it. */
const probeName = "mq9-probe-4f1c8e02";
const probeMs = 2_000;

const all: readonly Dialect[] = ["mq9", "msg", "mailbox", "inbox"];

/** What a server says first, as far as it matters here. */
interface Greeting {
  readonly server_name?: string;
  readonly version?: string;
  /** Only ours has it. */
  readonly mq9?: string;
}

export class Broker {
  readonly #link: Link;
  readonly #forced: Dialect | undefined;
  #found: Dialect | undefined;
  #finding: Promise<Dialect> | undefined;
  #greeting: Greeting = {};

  /** @param forced speak this and nothing better */
  constructor(link: Link, forced: Dialect | undefined) {
    this.#link = link;
    this.#forced = forced;
    void this.#greeted;
  }

  get isOurs(): boolean {
    return this.#greeted.mq9 !== undefined;
  }

  /** There is none while the connection is away: the last one counts. */
  get #greeted(): Greeting {
    this.#greeting = (this.#link.nc.info as Greeting | undefined) ?? this.#greeting;
    return this.#greeting;
  }

  /** What is spoken, if that is known without asking. */
  get known(): Dialect | undefined {
    if (this.#forced !== undefined) return this.#forced;
    if (this.isOurs) return "mq9";
    return this.#found;
  }

  get facts(): ServerFacts {
    const info = this.#greeted;
    const { known } = this;
    return {
      name: info.server_name ?? "",
      version: info.mq9 ?? info.version ?? "",
      url: this.#link.options.url,
      dialects: known === undefined ? [] : known === "mq9" ? all : [known],
      foreign: !this.isOurs,
    };
  }

  /** For errors: which broker it is and how it is spoken to. */
  get description(): string {
    const { name, version, foreign } = this.facts;
    const spoken = this.known === undefined ? "" : `, spoken to as "${this.known}"`;
    return `${foreign ? "a foreign broker" : "one"} (${name} ${version})${spoken}`;
  }

  /** @throws {Mq9Error} `unsupported` when it speaks none of them */
  async find(): Promise<Dialect> {
    this.#finding ??= this.#probe().finally(() => {
      this.#finding = undefined;
    });
    return await this.#finding;
  }

  async #probe(): Promise<Dialect> {
    if (await this.#answers(`MSG.QUERY.${probeName}`)) return this.#remember("msg");
    if (await this.#answers(`MAILBOX.LIST.${probeName}`)) return this.#remember("mailbox");
    if (await this.#answers(`MAILBOX.QUERY.${probeName}`)) return this.#remember("inbox");
    const { name, version } = this.facts;
    throw new Mq9Error(
      "unsupported",
      `${this.#link.options.url} (${name} ${version}) is a NATS server without mq9: nobody answers on ${spacePrefix}>. Start a broker with: mq9 serve`,
    );
  }

  #remember(dialect: Dialect): Dialect {
    this.#found = dialect;
    return dialect;
  }

  /** A refusal is an answer too: the mailbox does not exist. */
  async #answers(subject: string): Promise<boolean> {
    try {
      await this.#link.ask({
        subject,
        body: () => "{}",
        what: `asking the broker what it speaks (${subject})`,
        kind: "read",
        timeoutMs: probeMs,
      });
      return true;
    } catch (error) {
      const code = error instanceof Mq9Error ? error.code : undefined;
      if (code === "unsupported" || code === "timeout" || code === "forbidden") return false;
      throw error;
    }
  }
}
