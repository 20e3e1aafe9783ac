// A place in the text of a configuration file that moves forward. Used by the parser only; knows
// characters and lines, nothing of what they mean.
import { ConfigError, type Place } from "./tree.ts";

/** Stands for the end of the text. */
export const endOfText = "";

export class Cursor {
  readonly text: string;
  readonly file: string;
  at = 0;
  #lineStarts: readonly number[] | undefined = undefined;

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
    this.#lineStarts ??= lineStarts(this.text);
    let [line, above] = [0, this.#lineStarts.length];
    while (line + 1 < above) {
      const middle = (line + above) >>> 1;
      if ((this.#lineStarts[middle] ?? 0) <= at) line = middle;
      else above = middle;
    }
    return { file: this.file, line: line + 1, column: at - (this.#lineStarts[line] ?? 0) + 1 };
  }

  /** @param at where it went wrong; default: here */
  fail(message: string, at?: number): never {
    throw new ConfigError(this.place(at), message);
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
