// What strangers are shown of what an agent wrote about itself: without characters that nobody sees,
// without keys that reach a prototype, and not longer than a reader can bear. The body as it came is
// kept elsewhere; this is only its look.

/** Controls, format characters, half characters, and all that is drawn as nothing. */
const hidden = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

/** The text without hidden characters: bidirectional controls, zero widths, tags, C0 and C1. */
export function visible(text: string): string {
  return text.replace(hidden, "");
}

/** At most `most` characters of the visible text. */
export function brief(text: string, most: number): string {
  const clean = visible(text);
  return clean.length <= most ? clean : visible(clean.slice(0, most));
}

/** Longest description that is shown, in characters. */
export const descriptionMax = 2_048;
/** Skills of one agent that are shown. */
export const skillsMax = 64;

const depthMax = 16;
const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A JSON value as it is shown. JSON within texts is cleaned too, where an escape could hide
 * something. Arrays and objects deeper than 16 levels become null.
 */
export function shown(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return shownText(value, depth);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= depthMax) return null;
  if (Array.isArray(value)) return value.map((one) => shown(one, depth + 1));
  return shownObject(value, depth);
}

/** As `shown`, of an object. */
export function shownObject(value: object, depth = 0): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const [key, of] of Object.entries(value)) {
    const name = visible(key);
    if (forbiddenKeys.has(name)) continue;
    if (name === "description" && typeof of === "string") {
      entries.push([name, brief(of, descriptionMax)]);
    } else if (name === "skills" && Array.isArray(of)) {
      entries.push([name, shown(of.slice(0, skillsMax), depth + 1)]);
    } else {
      entries.push([name, shown(of, depth + 1)]);
    }
  }
  return Object.fromEntries(entries);
}

function shownText(text: string, depth: number): string {
  const inner = depth < depthMax ? jsonWithin(text) : undefined;
  if (inner === undefined) return visible(text);
  const clean = JSON.stringify(shown(inner, depth + 1));
  // Left as it was written unless something was hidden in it.
  return clean === JSON.stringify(inner) ? visible(text) : clean;
}

/** The object or array that a text is the JSON of, or undefined. */
export function jsonWithin(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
