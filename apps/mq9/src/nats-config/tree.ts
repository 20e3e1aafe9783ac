// What every configuration file is read into, whichever dialect it is written in: values that know
// where they stand. Made by parse.ts and by the YAML reader, read by the mapping in ../config.

/** Where something stands in a file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A block `{ … }`. A key that is said twice has its last value, which knows where the one before was. */
export type ConfigMap = Map<string, ConfigNode>;

export type ConfigValue = string | number | boolean | Date | ConfigMap | readonly ConfigNode[];

/** One value. */
export interface ConfigNode {
  readonly value: ConfigValue;
  /** Of the key it belongs to; of itself in a list. */
  readonly place: Place;
  /** Where the same key stands for the first time in this block; undefined = here. */
  readonly first?: Place | undefined;
  /** Some later `$NAME` took its value: a key that is no setting is allowed to be a variable. */
  usedAsVariable: boolean;
}

/** Something in a configuration file that can not be used. The message names no place. */
export class ConfigError extends Error {
  readonly place: Place;

  constructor(place: Place, message: string) {
    super(message);
    this.name = "ConfigError";
    this.place = place;
  }
}

/** `server.conf:3:7` */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** A value that stands alone. */
export function nodeOf(value: ConfigValue, place: Place): ConfigNode {
  return { value, place, usedAsVariable: false };
}

/** Puts a value under its key. */
export function put(map: ConfigMap, key: string, node: ConfigNode): void {
  const before = map.get(key);
  map.set(key, before === undefined ? node : { ...node, first: before.first ?? before.place });
}

export function isMap(value: ConfigValue): value is ConfigMap {
  return value instanceof Map;
}
