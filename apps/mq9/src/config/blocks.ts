// Reads blocks of a configuration file: takes keys one by one, collects what is wrong with all of
// them, and reports keys that nobody took. Used by the mapping of each block; knows no setting.
import {
  ConfigError,
  type ConfigMap,
  type ConfigNode,
  type ConfigValue,
  isMap,
  type Place,
} from "../nats-config/tree.ts";
import { closest } from "./closest.ts";
import { parseMilliseconds } from "./units.ts";

/** What is wrong with a file, and what in it has no effect. Collected while it is read. */
export class Findings {
  readonly problems: ConfigError[] = [];
  readonly remarks: string[] = [];
  /** Users in the order they were read, for what only shows when all are known. */
  readonly users: FoundUser[] = [];

  problem(place: Place, message: string): void {
    this.problems.push(new ConfigError(place, message));
  }

  remark(place: Place, message: string): void {
    this.remarks.push(`${place.file}:${place.line}: ${message}`);
  }

  /** Runs a reader. @returns undefined when it failed, which is then among the problems */
  try<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.problems.push(error);
      return undefined;
    }
  }
}

/** A user, and where the file describes it. */
export interface FoundUser {
  readonly name: string;
  readonly place: Place;
  /** It can come in by something it says. */
  readonly hasProof: boolean;
}

/** Tells of every key that stands twice in one block, in whatever depth. */
export function findRepeats(value: ConfigValue, findings: Findings): void {
  if (isMap(value)) {
    for (const [key, node] of value) {
      if (node.first !== undefined) findRepeat(key, node.place, node.first, findings);
      findRepeats(node.value, findings);
    }
  } else if (Array.isArray(value)) {
    for (const item of value as readonly ConfigNode[]) findRepeats(item.value, findings);
  }
}

function findRepeat(key: string, place: Place, first: Place, findings: Findings): void {
  if (place.file === first.file) {
    findings.problem(place, `${key}: stands here for the second time, after line ${first.line}`);
  } else {
    // A file that is included may be meant to be changed in parts.
    findings.remark(place, `${key} takes the place of that in ${first.file}:${first.line}`);
  }
}

/** One block whose keys are being read. Upper and lower case are the same. */
export class Block {
  readonly findings: Findings;
  readonly #nodes = new Map<string, { readonly written: string; readonly node: ConfigNode }>();
  readonly #known: string[] = [];
  readonly #taken = new Set<string>();

  constructor(map: ConfigMap, findings: Findings) {
    this.findings = findings;
    for (const [written, node] of map) {
      const name = written.toLowerCase();
      const other = this.#nodes.get(name);
      if (other !== undefined) findRepeat(written, node.place, other.node.place, findings);
      this.#nodes.set(name, { written, node });
    }
  }

  /** The value of a key that may be written in several ways; the last one written counts. */
  node(...names: readonly string[]): ConfigNode | undefined {
    this.#known.push(...names);
    const found = names.flatMap((name) => this.#nodes.get(name) ?? []);
    for (const name of names) this.#taken.add(name);
    return found.at(-1)?.node;
  }

  /** Reads the value of a key. @returns undefined when it is not there or can not be used */
  read<T>(
    names: string | readonly string[],
    reader: (node: ConfigNode, name: string) => T,
  ): T | undefined {
    const all = typeof names === "string" ? [names] : names;
    this.#findSynonyms(all);
    const node = this.node(...all);
    if (node === undefined) return undefined;
    return this.findings.try(() => reader(node, all[0] ?? ""));
  }

  /** One thing that is said under several names, of which one would be passed over. */
  #findSynonyms(names: readonly string[]): void {
    const [first, ...others] = names
      .flatMap((name) => this.#nodes.get(name) ?? [])
      .toSorted((a, b) => a.node.place.line - b.node.place.line);
    for (const { written, node } of others) {
      if (first === undefined || first.node.place.file !== node.place.file) continue;
      const { line } = first.node.place;
      this.findings.problem(
        node.place,
        `${written}: is another name of ${first.written}, line ${line}`,
      );
    }
  }

  /** Keys that are accepted and change nothing. */
  pass(names: readonly string[], reason: string): void {
    for (const name of names) {
      const node = this.node(name);
      if (node !== undefined) this.findings.remark(node.place, `${name} is ignored: ${reason}`);
    }
  }

  /** Keys that would protect something, so that passing over them is no choice. */
  refuse(names: readonly string[], reason: string): void {
    for (const name of names) {
      const node = this.node(name);
      if (node !== undefined) this.findings.problem(node.place, `${name}: ${reason}`);
    }
  }

  /** Every key that nobody took so far, with its value. */
  *rest(): Iterable<{ readonly key: string; readonly node: ConfigNode }> {
    for (const [name, { written, node }] of this.#nodes) {
      if (!this.#taken.has(name)) yield { key: written, node };
    }
  }

  /** Reports keys that nobody asked for, unless they were used as variables. */
  finish(hint: (key: string) => string | undefined = () => undefined): void {
    for (const { key, node } of this.rest()) {
      if (node.usedAsVariable) continue;
      const meant = closest(key.toLowerCase(), this.#known);
      const more =
        hint(key.toLowerCase()) ?? (meant === undefined ? undefined : `did you mean ${meant}?`);
      this.findings.problem(
        node.place,
        `${key}: there is no such setting${more === undefined ? "" : `; ${more}`}`,
      );
    }
  }
}

/** @throws {ConfigError} at the place of the node, as all of the following */
export function fail(node: ConfigNode, message: string): never {
  throw new ConfigError(node.place, message);
}

export function readText(node: ConfigNode, name: string): string {
  if (typeof node.value !== "string") fail(node, `${name}: must be text; put it in quotes`);
  return node.value;
}

export function readFlag(node: ConfigNode, name: string): boolean {
  if (typeof node.value !== "boolean") fail(node, `${name}: must be true or false`);
  return node.value;
}

export function readWhole(node: ConfigNode, name: string): number {
  if (typeof node.value !== "number" || !Number.isInteger(node.value)) {
    fail(node, `${name}: must be a whole number`);
  }
  return node.value;
}

/** Text with a unit, or a number of seconds. @returns milliseconds */
export function readDuration(node: ConfigNode, name: string): number {
  const { value } = node;
  if (typeof value === "number" && value >= 0) return Math.ceil(value * 1000);
  if (typeof value !== "string")
    fail(node, `${name}: must be a duration, for instance "2s" or "1m"`);
  try {
    return parseMilliseconds(value);
  } catch (error) {
    return fail(node, `${name}: ${(error as Error).message}`);
  }
}

export function readBlock(node: ConfigNode, name: string): ConfigMap {
  if (!isMap(node.value)) fail(node, `${name}: must be a block { … }`);
  return node.value;
}

export function readList(node: ConfigNode, name: string): readonly ConfigNode[] {
  if (!Array.isArray(node.value)) fail(node, `${name}: must be a list [ … ]`);
  return node.value as readonly ConfigNode[];
}

/** One text, or a list of texts. */
export function readTexts(node: ConfigNode, name: string): string[] {
  if (typeof node.value === "string") return [node.value];
  if (!Array.isArray(node.value)) fail(node, `${name}: must be text or a list of texts`);
  return (node.value as readonly ConfigNode[]).map((item) => readText(item, name));
}

/** Where something listens. */
export interface HostPort {
  readonly host: string | undefined;
  readonly port: number;
}

/** `4222`, `127.0.0.1:4222`, `[::1]:4222`, `:4222`; port -1 = any free one. */
export function readHostPort(node: ConfigNode, name: string): HostPort {
  if (typeof node.value === "number")
    return { host: undefined, port: checkPort(node, name, node.value) };
  const text = readText(node, name);
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(-?\d{1,5})$/.exec(text);
  if (match === null) fail(node, `${name}: ${JSON.stringify(text)} is not host:port`);
  const host = match[1] ?? match[2] ?? "";
  return { host: host === "" ? undefined : host, port: checkPort(node, name, Number(match[3])) };
}

/** @returns the port; 0 and -1 mean what they mean to the caller */
export function checkPort(node: ConfigNode, name: string, port: number): number {
  if (!Number.isInteger(port) || port < -1 || port > 65_535)
    fail(node, `${name}: ${port} is no port`);
  return port;
}
