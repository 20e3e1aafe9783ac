// Reads values out of JSON that somebody else wrote. What has the wrong type counts as absent: whoever
// must not pass over it looks at the types first (claims.ts).

/** An object of JSON, its keys not to be trusted. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The text of a JSON object. @returns undefined when it is none */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function objectOf(value: unknown): JsonObject | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : undefined;
}

/** An own value; what objects inherit is never taken. */
export function valueOf(object: JsonObject | undefined, key: string): unknown {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}

export function textOf(object: JsonObject | undefined, key: string): string {
  const value = valueOf(object, key);
  return typeof value === "string" ? value : "";
}

export function numberOf(object: JsonObject | undefined, key: string): number | undefined {
  const value = valueOf(object, key);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The strings of a list; a single string counts as a list of one. */
export function textsOf(object: JsonObject | undefined, key: string): readonly string[] {
  const value = valueOf(object, key);
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return [];
  return value.filter((item) => typeof item === "string");
}
