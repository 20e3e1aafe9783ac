// Text on its way to a terminal: how wide it is, how it is cut, and how what others wrote is made
// harmless. Called by ./output.ts and the commands; knows no streams.

/** Letters that take two columns, roughly: East Asian wide forms and most emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const ansi = /\u001b\[[0-9;]*m/g;

/** Columns that the text takes on a terminal; colours take none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const letter of text.replace(ansi, "")) width += letterWidth(letter);
  return width;
}

function letterWidth(letter: string): number {
  if (/\p{Mark}|\u200d|\ufe0f/u.test(letter)) return 0;
  return wide.test(letter) ? 2 : 1;
}

/** The text in so many columns at most; what is cut off shows as an ellipsis. Without colours. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const letter of text) {
    width += letterWidth(letter);
    if (width > columns - 1) break;
    kept += letter;
  }
  return `${kept.trimEnd()}…`;
}

/**
 * Control characters and marks that turn the direction of writing, shown instead of obeyed: what others
 * wrote must not move the cursor, set a title or pretend to be output of this program. Line feeds and
 * tabs stay.
 */
export function printable(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /\r\n|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (match) => {
      if (match === "\r\n") return "\n";
      const code = match.charCodeAt(0);
      return code < 0x20
        ? String.fromCharCode(0x2400 + code)
        : `\\u${code.toString(16).padStart(4, "0")}`;
    },
  );
}

/**
 * A value as JSON that is harmless on a terminal: JSON itself escapes only the older half of the control
 * characters. It reads back as the same value.
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text of others on one line, blanks run together: for cells and summaries. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, " ").trim();
}

const steps: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** `3d`, `5m`, `12s`: the largest unit alone, rounded down; below a second `now`. */
export function roughly(ms: number): string {
  for (const [unit, size] of steps) {
    if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  }
  return "now";
}

/** As `roughly`, for what is left of a time: what has just begun is shown whole. */
export function left(ms: number): string {
  return roughly(ms + Math.min(60_000, ms * 0.02));
}

/** `1 message`, `3 messages`. */
export function counted(count: number, noun: string, plural: string = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
