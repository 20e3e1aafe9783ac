// A place in the text of a configuration file that moves forward. Used by the parser only; knows
// characters and lines, nothing of what they mean.
import { ConfigError, type Place } from "./tree.ts";

/** Stands for the end of the text. */
export const endOfText = "";

export class Cursor {
  readonly text: string;
  readonly file: string;
  at = 0;

  constructor(text: string, file: string) {
    this.text = text.replace(/^\uFEFF/, ""); // what some editors put before everything
    this.file = file;
    const nul = this.text.indexOf("\0");
    if (nul >= 0) this.fail("there is a NUL character here: is this a text file?", nul);
  }

  /** The character here, whole even outside the basic plane; "" at the end. */
  peek(): string {
    const code = this.text.codePointAt(this.at);
    return code === undefined ? endOfText : String.fromCodePoint(code);
  }

  /** The character here, and goes past it. */
  next(): string {
    const character = this.peek();
    this.at += character.length;
    return character;
  }

  /** Goes past the given text if it stands here. */
  take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** Goes past what the pattern matches here. @param pattern with the flag `y` @returns what it was */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  /** @param at an earlier place; default: here */
  place(at: number = this.at): Place {
    const before = this.text.slice(0, at);
    const lineStart = before.lastIndexOf("\n") + 1;
    const line = before.split("\n").length;
    return { file: this.file, line, column: at - lineStart + 1 };
  }

  /** @param at where it went wrong; default: here */
  fail(message: string, at?: number): never {
    throw new ConfigError(this.place(at), message);
  }
}
