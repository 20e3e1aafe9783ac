// Writes an object as JSON. A list of many entries is turned into text and written a few at a time,
// so that nothing else waits for it, and a slow reader holds one piece of it and not the whole.
import type { Writable } from "node:stream";

/** Entries turned into text at once. */
const pieceLength = 128;

/** Whether it is written in pieces; else it is one text. */
export function isLong(body: object): boolean {
  return Object.values(body).some((value) => Array.isArray(value) && value.length > pieceLength);
}

/** A body that is not long. */
export function jsonText(body: object): string {
  return JSON.stringify(body, null, 2);
}

/** Writes a long body. Ends when the reader is gone; does not end the stream. */
export async function writeJson(out: Writable, body: object): Promise<void> {
  let before = "{\n";
  for (const [key, value] of Object.entries(body)) {
    const head = `${before}  ${JSON.stringify(key)}: `;
    before = ",\n";
    if (!Array.isArray(value)) {
      if (!(await write(out, head + JSON.stringify(value)))) return;
      continue;
    }
    let text = `${head}[`;
    for (let from = 0; from < value.length; from += pieceLength) {
      const piece = value.slice(from, from + pieceLength).map((each) => JSON.stringify(each));
      text += `${from === 0 ? "\n" : ",\n"}    ${piece.join(",\n    ")}`;
      if (!(await write(out, text))) return;
      text = "";
    }
    if (!(await write(out, `${text}\n  ]`))) return;
  }
  await write(out, "\n}\n");
}

/** Waits for the reader, or lets other work go first. @returns false when the reader is gone */
async function write(out: Writable, text: string): Promise<boolean> {
  if (out.destroyed) return false;
  if (out.write(text)) {
    await new Promise((resolve) => setImmediate(resolve));
    return !out.destroyed;
  }
  return new Promise((resolve) => {
    const settle = (): void => {
      out.off("drain", settle);
      out.off("close", settle);
      resolve(!out.destroyed);
    };
    out.on("drain", settle);
    out.on("close", settle);
  });
}
