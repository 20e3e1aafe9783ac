// The audit's records hold together: each carries a digest of itself and of the one before, so that a
// record changed, added or taken out later is noticed. Used by the file's writer and by `mq9 audit`.
import { createHash } from "node:crypto";

/** What the first record follows. */
export const chainStart = "";

/** Makes lines of records. */
export class AuditChain {
  #link: string;

  /** @param link digest of the record before; `chainStart` = there is none */
  constructor(link: string) {
    this.#link = link;
  }

  /** Digest of the latest record. */
  get link(): string {
    return this.#link;
  }

  /** A record as a whole line. */
  seal(record: object): string {
    const body = JSON.stringify(record);
    this.#link = linkOf(this.#link, body);
    return `${body.slice(0, -1)},"chain":"${this.#link}"}\n`;
  }
}

/** A line that does not hold. */
export interface AuditFault {
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

/** Looks at lines one after the other. */
export class AuditReader {
  records = 0;
  /** Digest of the latest record. */
  link: string | undefined;
  readonly faults: AuditFault[] = [];
  #line = 0;

  /** @param link digest of the record before; undefined = it is the first file that is looked at */
  constructor(link?: string) {
    this.link = link;
  }

  /** @param line without its end */
  read(line: string): void {
    this.#line += 1;
    if (line === "") return;
    const parts = /^(\{.*),"chain":"([0-9a-f]{32})"\}$/.exec(line);
    if (parts === null) {
      this.faults.push({ line: this.#line, what: "is no whole record" });
      return;
    }
    const [, head = "", stated = ""] = parts;
    const body = `${head}}`;
    const before = this.link ?? followedBy(body);
    this.records += 1;
    this.link = stated; // so that one changed record is one fault
    if (linkOf(before, body) !== stated) {
      this.faults.push({
        line: this.#line,
        what: "was changed, or does not follow the record before it",
      });
    }
  }
}

/** The digest at the end of a line, or undefined when there is none. */
export function linkIn(line: string): string | undefined {
  return /,"chain":"([0-9a-f]{32})"\}$/.exec(line)?.[1];
}

/** A file begins with a record that says what it follows. */
function followedBy(body: string): string {
  try {
    const { kind, after } = JSON.parse(body) as { kind?: unknown; after?: unknown };
    return kind === "audit.opened" && typeof after === "string" ? after : chainStart;
  } catch {
    return chainStart;
  }
}

function linkOf(before: string, body: string): string {
  return createHash("sha256").update(before).update(body).digest("hex").slice(0, 32);
}
