// YAML and JSON as the tree that the NATS dialect is read into too, so that there is one mapping of
// both. Called by the file layer.

import type { Document } from "yaml";
import { isAlias, isScalar, isSeq, isMap as isYamlMap, LineCounter, parseDocument } from "yaml";
import {
  ConfigError,
  type ConfigMap,
  type ConfigNode,
  nodeOf,
  type Place,
  put,
} from "../nats-config/tree.ts";

/** Values a file may unfold into; aliases multiply them. */
const valuesMax = 20_000;
const nestingMax = 64;

/**
 * Parses YAML or JSON. An empty document is an empty block.
 * @throws {ConfigError} where the syntax breaks, or when it is no list of settings
 */
export function parseYamlConfig(text: string, file: string): ConfigMap {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    prettyErrors: false,
    lineCounter: lines,
    uniqueKeys: false, // whoever reads the keys tells of all that are there twice
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new ConfigError(placeAt(problem.pos[0]), `no valid YAML or JSON: ${problem.message}`);
  }
  if (document.contents === null) return new Map();
  const { value } = new Reader(document, placeAt).read(document.contents, placeAt(0), 0);
  if (!(value instanceof Map)) {
    throw new ConfigError(placeAt(0), "it must be a list of settings, one `key: value` per line");
  }
  return value;
}

class Reader {
  readonly #document: Document;
  readonly #placeAt: (offset: number) => Place;
  #values = 0;

  constructor(document: Document, placeAt: (offset: number) => Place) {
    this.#document = document;
    this.#placeAt = placeAt;
  }

  read(node: unknown, place: Place, depth: number): ConfigNode {
    if (++this.#values > valuesMax || depth > nestingMax) {
      throw new ConfigError(place, "the file unfolds into too many values; is it the right one?");
    }
    if (isAlias(node)) return this.read(node.resolve(this.#document), place, depth + 1);
    if (isSeq(node)) {
      return nodeOf(
        node.items.map((item) => this.read(item, this.#placeOf(item, place), depth + 1)),
        place,
      );
    }
    if (isYamlMap(node)) {
      const map: ConfigMap = new Map();
      for (const { key, value } of node.items) {
        const at = this.#placeOf(key, place);
        const name = String(isScalar(key) ? key.value : key);
        put(map, name, { ...this.read(value, at, depth + 1), place: at });
      }
      return nodeOf(map, place);
    }
    const value = isScalar(node) ? node.value : node;
    if (typeof value === "bigint") return nodeOf(Number(value), place);
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return nodeOf(value, place);
    }
    return nodeOf("", place); // a key without a value: whoever reads it says that it is empty
  }

  #placeOf(node: unknown, fallback: Place): Place {
    const range = (node as { range?: readonly number[] | null } | null)?.range;
    return range?.[0] === undefined ? fallback : this.#placeAt(range[0]);
  }
}
