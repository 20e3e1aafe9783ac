// Turns an object into JSON, a list of many entries a few at a time, so that nothing else waits for it.

/** Entries turned into text at once. */
const pieceLength = 128;

/** A short body, for people to read. */
export function jsonText(body: object): string {
  return JSON.stringify(body, null, 2);
}

/** A body with long lists, in pieces: one entry a line. */
export function* jsonPieces(body: object): Generator<string> {
  let before = "{\n";
  for (const [key, value] of Object.entries(body)) {
    const head = `${before}  ${JSON.stringify(key)}: `;
    before = ",\n";
    if (Array.isArray(value) && value.length > 0) yield* listPieces(head, value);
    else yield head + JSON.stringify(value);
  }
  yield before === "{\n" ? "{}\n" : "\n}\n";
}

function* listPieces(head: string, list: readonly unknown[]): Generator<string> {
  for (let from = 0; from < list.length; from += pieceLength) {
    const piece = list.slice(from, from + pieceLength).map((each) => JSON.stringify(each));
    yield `${from === 0 ? `${head}[\n` : ",\n"}    ${piece.join(",\n    ")}`;
  }
  yield "\n  ]";
}
