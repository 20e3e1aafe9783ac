// What ./../shim.c recorded, read back. Each event: type (1), descriptor (4), number (8), length (4),
// bytes (length); little-endian, in the order in which the calls happened.

/** An event; `fd` is the descriptor the program used at that moment. */
export type TraceEvent =
  /** A file was opened for writing, and made when it was not there. */
  | {
      readonly type: "open";
      readonly fd: number;
      readonly truncates: boolean;
      readonly path: string;
    }
  | { readonly type: "openFolder"; readonly fd: number; readonly path: string }
  | { readonly type: "write"; readonly fd: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly type: "truncate"; readonly fd: number; readonly length: number }
  | { readonly type: "syncBegin"; readonly fd: number; readonly sync: number }
  | { readonly type: "syncEnd"; readonly fd: number; readonly sync: number }
  | { readonly type: "rename" | "link"; readonly path: string; readonly to: string }
  | { readonly type: "remove" | "makeFolder"; readonly path: string }
  /** Words of the program itself: see ./record.ts. */
  | { readonly type: "mark"; readonly text: string };

const headBytes = 17;
const truncateFlag = 0o1000;

export function readTrace(bytes: Buffer): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const type = String.fromCharCode(bytes.readUInt8(at));
    const fd = bytes.readUInt32LE(at + 1);
    const number = Number(bytes.readBigUInt64LE(at + 5));
    const end = at + headBytes + bytes.readUInt32LE(at + 13);
    events.push(eventOf(type, { fd, number, body: bytes.subarray(at + headBytes, end) }));
    at = end;
  }
  return events;
}

function eventOf(
  type: string,
  { fd, number, body }: { fd: number; number: number; body: Buffer },
): TraceEvent {
  const text = (): string => body.toString();
  switch (type) {
    case "O":
      return { type: "open", fd, truncates: (number & truncateFlag) !== 0, path: text() };
    case "D":
      return { type: "openFolder", fd, path: text() };
    case "W":
      return { type: "write", fd, offset: number, bytes: body };
    case "T":
      return { type: "truncate", fd, length: number };
    case "S":
      return { type: "syncBegin", fd, sync: number };
    case "E":
      return { type: "syncEnd", fd, sync: number };
    case "U":
      return { type: "remove", path: text() };
    case "M":
      return { type: "makeFolder", path: text() };
    case "A":
      return { type: "mark", text: text() };
    case "R":
    case "L": {
      const [path = "", to = ""] = text().split("\0");
      return { type: type === "R" ? "rename" : "link", path, to };
    }
    default:
      throw new Error(`the trace holds an event of unknown type ${JSON.stringify(type)}`);
  }
}
