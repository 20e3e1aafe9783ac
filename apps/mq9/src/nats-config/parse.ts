// The NATS configuration dialect: text in, a tree of values with their places out. Called by the
// configuration file layer. Reads included files through the host given; knows no setting.
import { dirname, resolve } from "node:path";
import { Cursor, endOfText } from "./cursor.ts";
import { readScalar } from "./scalars.ts";
import {
  ConfigError,
  type ConfigMap,
  type ConfigNode,
  type ConfigValue,
  nodeOf,
  type Place,
  put,
} from "./tree.ts";

/** What the parser may ask of the outside. */
export interface ParseHost {
  /** @throws whatever explains why the file can not be read */
  readonly readFile: (path: string) => string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Files that include files. */
const includeDepthMax = 16;
/** Blocks and lists within each other. */
const nestingMax = 64;
/** Variables whose text names variables. */
const variableDepthMax = 16;

/**
 * Parses a configuration.
 * @param file names it in errors; includes are relative to its folder
 * @throws {ConfigError} with the place of the first thing that can not be read
 */
export function parseNatsConfig(text: string, file: string, host: ParseHost): ConfigMap {
  return new Parser(text, file, host, [resolve(file)], 0).parse();
}

/** What a value is followed by. */
type Inside = "file" | "map";

class Parser {
  readonly #cursor: Cursor;
  readonly #host: ParseHost;
  /** Absolute paths of the files being read, outermost first. */
  readonly #files: readonly string[];
  readonly #variableDepth: number;
  /** The blocks around the current place, innermost last: where variables are looked up. */
  readonly #scopes: ConfigMap[] = [];
  #nesting = 0;

  constructor(
    text: string,
    file: string,
    host: ParseHost,
    files: readonly string[],
    variableDepth: number,
  ) {
    this.#cursor = new Cursor(text, file);
    this.#host = host;
    this.#files = files;
    this.#variableDepth = variableDepth;
  }

  parse(): ConfigMap {
    const cursor = this.#cursor;
    const map: ConfigMap = new Map();
    this.#scopes.push(map);
    for (;;) {
      this.#skip(/[\s{]+/y);
      if (cursor.peek() === endOfText) return map;
      if (this.#isStrayBrace()) return map;
      this.#entry(map, "file");
      this.#endOfValue("file");
    }
  }

  /** A whole file in braces, as JSON is: the last one is left over. */
  #isStrayBrace(): boolean {
    return /^\}\s*$/.test(this.#cursor.text.slice(this.#cursor.at));
  }

  #entry(map: ConfigMap, inside: Inside): void {
    const cursor = this.#cursor;
    const start = cursor.at;
    const place = cursor.place();
    const key = this.#key();
    if (
      key.toLowerCase() === "include" &&
      !/["']/.test(cursor.text[start] ?? "") &&
      /\s/.test(cursor.peek())
    ) {
      this.#include(map);
      return;
    }
    cursor.match(/\s+/y);
    // A newline may stand between a key and its separator, and in a block behind that too.
    if (/[:=]/.test(cursor.peek())) cursor.next();
    cursor.match(inside === "map" ? /\s*/y : /[ \t]*/y);
    if (cursor.peek() === endOfText) cursor.fail(`${key} has no value`, start);
    if (inside === "map" && /[,}]/.test(cursor.peek())) cursor.fail(`${key} has no value`, start);
    put(map, key, { ...this.#value(), place });
  }

  #key(): string {
    const cursor = this.#cursor;
    const start = cursor.at;
    const first = cursor.peek();
    if (/[:=]/.test(first)) cursor.fail(`a key is missing before ${first}`);
    if (first === "]") cursor.fail("there is no list here to end");
    if (first === "/") cursor.fail("a comment begins with // or #");
    if (first === '"' || first === "'") {
      cursor.next();
      const key = cursor.match(first === '"' ? /[^"]*/y : /[^']*/y) ?? "";
      if (!cursor.take(first)) cursor.fail("this quoted key never ends", start);
      return key;
    }
    cursor.next();
    return first + (cursor.match(/[^\s:=]+/y) ?? "");
  }

  #value(): ConfigNode {
    const cursor = this.#cursor;
    cursor.match(/[ \t]+/y);
    const place = cursor.place();
    if (cursor.take("["))
      return nodeOf(
        this.#nested(() => this.#list()),
        place,
      );
    if (cursor.take("{"))
      return nodeOf(
        this.#nested(() => this.#map()),
        place,
      );
    const scalar = readScalar(cursor);
    if ("value" in scalar) return nodeOf(scalar.value, place);
    return nodeOf(this.#variable(scalar.variable, place), place);
  }

  #nested<T>(read: () => T): T {
    if (++this.#nesting > nestingMax)
      this.#cursor.fail("blocks and lists lie too deep in each other");
    const value = read();
    this.#nesting -= 1;
    return value;
  }

  #map(): ConfigMap {
    const start = this.#cursor.at - 1;
    const map: ConfigMap = new Map();
    this.#scopes.push(map);
    for (;;) {
      this.#skip(/\s+/y);
      if (this.#cursor.take("}")) break;
      if (this.#cursor.peek() === endOfText) this.#cursor.fail("this block never ends", start);
      this.#entry(map, "map");
      if (!this.#endOfValue("map")) break;
    }
    this.#scopes.pop();
    return map;
  }

  #list(): ConfigNode[] {
    const cursor = this.#cursor;
    const start = cursor.at - 1;
    const items: ConfigNode[] = [];
    for (;;) {
      this.#skip(/\s+/y);
      if (cursor.take("]")) return items;
      if (cursor.peek() === endOfText) cursor.fail("this list never ends", start);
      if (cursor.peek() === ",") cursor.fail("a value is missing before this comma");
      items.push(this.#value());
      this.#skip(/[ \t]+/y);
      if (cursor.take("]")) return items;
      if (cursor.peek() === endOfText) cursor.fail("this list never ends", start);
      if (cursor.match(/[,\r\n]/y) === undefined) {
        cursor.fail(
          `a comma, a new line or ] has to follow a value of a list, not ${shown(cursor.peek())}`,
        );
      }
    }
  }

  /** @returns false when the block ended here */
  #endOfValue(inside: Inside): boolean {
    const cursor = this.#cursor;
    this.#skip(/[ \t]+/y);
    const character = cursor.peek();
    if (inside === "map" && cursor.take("}")) return false;
    if (character === endOfText || cursor.match(/[;,\r\n]/y) !== undefined) return true;
    if (inside === "file" && cursor.take("}")) return true;
    return cursor.fail(`a new line, a comma or } has to follow a value, not ${shown(character)}`);
  }

  /** Goes past blanks and comments. @param blanks with the flag `y` */
  #skip(blanks: RegExp): void {
    const cursor = this.#cursor;
    while (cursor.match(blanks) !== undefined || cursor.match(/(?:#|\/\/)[^\r\n]*/y) !== undefined);
  }

  /** Blocks around this place, innermost first, then the environment. */
  #variable(name: string, place: Place): ConfigValue {
    if (name.startsWith("2a$")) return `$${name}`; // a bcrypt hash that nobody put in quotes
    for (const scope of this.#scopes.toReversed()) {
      const found = scope.get(name);
      if (found === undefined) continue;
      found.usedAsVariable = true;
      return found.value;
    }
    const text = this.#host.environment[name];
    if (text === undefined) {
      // Anything else is more likely a password that wants quotes, and is not shown.
      const isName = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
      const what = isName
        ? `$${name} is`
        : "text that begins with $ is a variable, but this one is";
      throw new ConfigError(
        place,
        `${what} neither set above nor in the environment; put text in quotes`,
      );
    }
    if (this.#variableDepth === variableDepthMax) {
      throw new ConfigError(place, `$${name} refers to itself`);
    }
    const line = new Parser(
      `value = ${text}`,
      `$${name}`,
      this.#host,
      this.#files,
      this.#variableDepth + 1,
    );
    return line.parse().get("value")?.value ?? "";
  }

  #include(map: ConfigMap): void {
    const cursor = this.#cursor;
    cursor.match(/[ \t]+/y);
    const place = cursor.place();
    const written = this.#includedPath();
    const path = resolve(dirname(this.#files.at(-1) ?? ""), written);
    if (this.#files.includes(path)) throw new ConfigError(place, `${written} includes itself`);
    if (this.#files.length > includeDepthMax)
      throw new ConfigError(place, "files include each other too deep");
    let text: string;
    try {
      text = this.#host.readFile(path);
    } catch (error) {
      throw new ConfigError(place, `${written} can not be included: ${(error as Error).message}`);
    }
    const included = new Parser(text, path, this.#host, [...this.#files, path], 0).parse();
    for (const [key, node] of included) put(map, key, node);
  }

  #includedPath(): string {
    const cursor = this.#cursor;
    const quote = cursor.match(/["']/y);
    if (quote !== undefined) {
      const start = cursor.at - 1;
      const written = cursor.match(quote === '"' ? /[^"]*/y : /[^']*/y) ?? "";
      if (!cursor.take(quote)) cursor.fail("this quoted text never ends", start);
      return written;
    }
    const written = cursor.match(/[^\s;}'[{(\\\d-][^\s;}']*/y);
    cursor.take("'");
    return written ?? cursor.fail("include wants a path");
  }
}

function shown(character: string): string {
  return character === "\n" ? "a new line" : JSON.stringify(character);
}
