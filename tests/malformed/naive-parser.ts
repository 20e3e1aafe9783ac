// A second parser of the NATS client protocol, written for the fuzz test from the protocol's facts
// alone: strings and regular expressions over a whole stream, as simple and slow as possible.

/** Limits as in the parser under test. */
export interface NaiveLimits {
  readonly controlLineBytesMax: number;
  readonly payloadBytesMax: number;
}

/**
 * Events of a stream, in words, until it ends, breaks off or breaks the protocol. The last event of
 * a stream that breaks the protocol is `violation <text>`, with `-` for no text.
 * @param stream a byte string
 */
export function naiveEvents(
  stream: string,
  limits: NaiveLimits,
  headersAllowed: boolean,
): string[] {
  const events: string[] = [];
  let at = 0;
  while (at < stream.length) {
    const used = oneOperation(stream.slice(at), limits, headersAllowed, events);
    if (used === 0) break;
    at += used;
  }
  return events;
}

const unknown = "Unknown Protocol Operation";
const wholeVerbs = /^(?:(ping|pong|\+ok)|(connect|info)[ \t]*|(pub|hpub|sub|unsub|-err)[ \t]+)/i;
const verbs = ["ping", "pong", "+ok", "connect", "info", "pub", "hpub", "sub", "unsub", "-err"];

/** Takes the first operation of `text`. @returns how many bytes it took; 0 = no more is to be had */
function oneOperation(
  text: string,
  limits: NaiveLimits,
  headersAllowed: boolean,
  events: string[],
): number {
  const stop = (reason: string): number => {
    events.push(`violation ${reason}`);
    return 0;
  };
  const match = wholeVerbs.exec(text);
  if (match === null) {
    const soFar = text.toLowerCase();
    return verbs.some((verb) => verb.startsWith(soFar)) ? 0 : stop(unknown);
  }
  const lineEnd = text.indexOf("\n", match[0].length);
  if (match[1] !== undefined) {
    if (lineEnd < 0) return 0;
    if (match[1] !== "+" && !/\+ok/i.test(match[1])) events.push(match[1].toLowerCase());
    return lineEnd + 1;
  }
  const line = text.slice(match[0].length, lineEnd < 0 ? undefined : lineEnd);
  // A line that has not ended may still turn out to end in one CR that does not count.
  const tooLong = "maximum control line exceeded";
  if (lineEnd < 0) return line.length > limits.controlLineBytesMax + 1 ? stop(tooLong) : 0;
  const words = line.replace(/\r$/, "");
  if (words.length > limits.controlLineBytesMax) return stop(tooLong);

  const verb = (match[2] ?? match[3] ?? "").toLowerCase();
  const args = words.split(/[ \t\r\n]+/).filter((word) => word !== "");
  switch (verb) {
    case "connect":
    case "info":
      events.push(`${verb} ${Buffer.from(words, "latin1").toString("utf8")}`);
      return lineEnd + 1;
    case "-err":
      events.push(`-err ${words}`);
      return lineEnd + 1;
    case "sub":
      if (args.length !== 2 && args.length !== 3) return stop("-");
      events.push(`sub ${args[0]}|${args.length === 3 ? args[1] : ""}|${args.at(-1)}`);
      return lineEnd + 1;
    case "unsub":
      if (args.length !== 1 && args.length !== 2) return stop("-");
      events.push(`unsub ${args[0]} ${Math.max(0, sizeOf(args[1] ?? "0"))}`);
      return lineEnd + 1;
    default:
      break;
  }
  const sizes = verb === "hpub" ? 2 : 1;
  const size = sizeOf(args.at(-1) ?? "");
  const headerBytes = verb === "hpub" ? sizeOf(args.at(-2) ?? "") : 0;
  const badCount = args.length < sizes + 1 || args.length > sizes + 2;
  if (badCount || (verb === "hpub" && !headersAllowed)) return stop("-");
  if (size < 0 || headerBytes < 0 || headerBytes > size) return stop("-");
  if (size > limits.payloadBytesMax) return stop("Maximum Payload Violation");

  const body = text.slice(lineEnd + 1, lineEnd + 1 + size + 2);
  const terminator = body.slice(size);
  if (!"\r\n".startsWith(terminator)) return stop(unknown);
  if (terminator.length < 2) return 0;
  const reply = args.length === sizes + 2 ? `${args[1]} ` : "";
  const lengths = headerBytes === 0 ? `${size}` : `${headerBytes} ${size}`;
  events.push(`pub ${headerBytes} ${args[0]} ${reply}${lengths}\r\n${body}`);
  return lineEnd + 1 + size + 2;
}

/** Up to nine digits; -1 when it is no size. */
function sizeOf(word: string): number {
  return /^[0-9]{1,9}$/.test(word) ? Number(word) : -1;
}
