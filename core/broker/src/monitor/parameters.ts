// Parameters of a monitoring request, from a query string or from the JSON body of a `$SYS` request.
// The two name some of them differently; both end in the same options.

/** A request that makes no sense. `message` is what the asker is told; over HTTP with status 400. */
export class MonitorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MonitorError";
  }
}

/** Reads parameters by name; one that is absent is undefined. @throws {MonitorError} when it is malformed */
export interface Parameters {
  text(name: string): string | undefined;
  flag(name: string): boolean | undefined;
  whole(name: string): number | undefined;
  /** A whole number that is not negative. */
  natural(name: string): number | undefined;
  texts(name: string): readonly string[] | undefined;
}

/** What a parameter may be at most: nobody needs to be told more of it. */
const shownMax = 64;

/** Parameters of a query string. */
export function queryParameters(query: URLSearchParams): Parameters {
  const text = (name: string): string | undefined => {
    const value = query.get(name);
    return value === null || value === "" ? undefined : value;
  };
  return {
    text,
    flag: (name) => {
      const value = text(name);
      if (value === undefined) return undefined;
      if (/^(?:1|t|true|True|TRUE|T)$/.test(value)) return true;
      if (/^(?:0|f|false|False|FALSE|F)$/.test(value)) return false;
      throw malformed("boolean", name, value);
    },
    whole: (name) => {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(number)) throw malformed("int", name, value);
      return number;
    },
    natural: (name) => {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!Number.isSafeInteger(number)) throw malformed("uint64", name, value);
      return number;
    },
    texts: (name) => {
      const values = query.getAll(name).filter((value) => value !== "");
      return values.length === 0 ? undefined : values;
    },
  };
}

/** Parameters of a JSON body. Fields of another type than expected are malformed. */
export function bodyParameters(body: Readonly<Record<string, unknown>>): Parameters {
  const take = <T>(name: string, kind: string, is: (value: unknown) => value is T) => {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw malformed(kind, name, String(JSON.stringify(value)));
    return value;
  };
  return {
    text: (name) => take(name, "text", isText) || undefined,
    flag: (name) => take(name, "boolean", (value) => typeof value === "boolean"),
    whole: (name) => take(name, "int", isWhole),
    natural: (name) => take(name, "uint64", isNatural),
    texts: (name) => take(name, "list", isTexts),
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const isNatural = (value: unknown): value is number => isWhole(value) && value >= 0;
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

function malformed(kind: string, name: string, value: string): MonitorError {
  const shown = value.length > shownMax ? `${value.slice(0, shownMax)}…` : value;
  return new MonitorError(
    `Error decoding ${kind} for '${name}': parsing ${JSON.stringify(shown)}: invalid syntax`,
  );
}

/** Which part of a long list is meant. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** Entries of a page when nothing is said of it. */
const limitDefault = 1_024;
/** Entries of a page at most. */
export const limitMax = 10_000;

/** Offset and limit, with negative ones taken as absent. @throws {MonitorError} */
export function pageOf(parameters: Parameters): Page {
  const offset = parameters.whole("offset") ?? 0;
  const limit = parameters.whole("limit") ?? limitDefault;
  return {
    offset: Math.max(0, offset),
    limit: limit <= 0 ? limitDefault : Math.min(limit, limitMax),
  };
}
