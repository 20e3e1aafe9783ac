// Makes streams of the client protocol for fuzz tests: right, damaged, shuffled, and plain noise. All
// are byte strings and short: what breaks a parser breaks it early.
import type { Random } from "./random.ts";

const subjects: readonly string[] = [
  "a",
  "foo",
  "foo.bar",
  "*",
  ">",
  "..",
  "a.>",
  "_INBOX.x.1",
  "$mq9.AI.MAILBOX.CREATE",
];
const blanks = [" ", "  ", "\t", " \t "];
const lineEnds = ["\r\n", "\r\n", "\r\n", "\n", "\r\r\n"];
const verbs = ["PUB", "pub", "HPUB", "hPuB", "SUB", "UNSUB", "PING", "PONG", "CONNECT", "+OK"];
const dictionary: readonly string[] = [
  ["PUB ", "HPUB ", "SUB ", "UNSUB ", "PING\r\n", "PONG\r\n", "CONNECT {}\r\n", "INFO {}\r\n"],
  ["+OK\r\n", "-ERR 'x'\r\n", "\r\n", "\n", "\r", " ", "\t", "foo", "1", "0", "12", "000000002"],
  ["4294967296", "-1", "1e3", "NATS/1.0\r\n\r\n", "\x00", "\xff", "'", '"', "{", "MSG a 1 0\r\n"],
].flat();

/** A stream of operations that are right, with every freedom that the protocol leaves. */
export function validStream(random: Random, of: readonly string[] = subjects): string {
  let stream = "";
  for (let count = 1 + random.below(4); count > 0; count -= 1) stream += validOperation(random, of);
  return stream;
}

function validOperation(random: Random, of: readonly string[]): string {
  const gap = random.once(4) ? random.pick(blanks) : " ";
  const end = random.pick(lineEnds);
  const subject = random.pick(of);
  const reply = random.once(3) ? `${random.pick(of)}${gap}` : "";
  switch (random.below(10)) {
    case 0:
      return `${random.pick(["PING", "pong", "PiNg", "+OK"])}${random.once(3) ? "xyz" : ""}${end}`;
    case 1:
      return `${random.pick(["SUB", "sub"])}${gap}${subject}${gap}${reply}${random.below(100)}${end}`;
    case 2:
      return `UNSUB${gap}${random.below(100)}${random.once(2) ? `${gap}${random.below(5)}` : ""}${end}`;
    case 3:
      return `CONNECT${random.once(4) ? "" : gap}{"name":"${random.pick(["x", "\xc3\xa9"])}"}${end}`;
    case 4:
      return random.pick([`INFO {}${end}`, `-ERR 'x y'${end}`]);
    case 5:
    case 6: {
      const headers = random.pick(["", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n"]);
      const payload = random.bytes(random.below(12));
      const sizes = `${headers.length}${gap}${headers.length + payload.length}`;
      return `HPUB${gap}${subject}${gap}${reply}${sizes}${end}${headers}${payload}\r\n`;
    }
    default: {
      const payload = random.once(4) ? random.pick(dictionary) : random.bytes(random.below(20));
      const size = random.once(20) ? `00${payload.length}` : `${payload.length}`;
      return `${random.pick(["PUB", "pub"])}${gap}${subject}${gap}${reply}${size}${end}${payload}\r\n`;
    }
  }
}

/** A right stream with a few things wrong. */
export function damagedStream(random: Random, of: readonly string[] = subjects): string {
  let stream = validStream(random, of);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(stream.length + 1);
    const length = random.below(4);
    const with_ = random.pick([
      "",
      random.bytes(1),
      random.pick(dictionary),
      stream.slice(at, at + random.below(12)),
    ]);
    stream = stream.slice(0, at) + with_ + stream.slice(at + length);
  }
  return stream;
}

/** Words of the protocol in any order. */
export function wordSalad(random: Random): string {
  let stream = random.pick(verbs);
  for (let count = random.below(14); count > 0; count -= 1) stream += random.pick(dictionary);
  return stream;
}

/** Bytes without any sense, sometimes behind a verb. */
export function noise(random: Random): string {
  const start = random.once(2) ? random.pick(verbs) : "";
  return start + random.bytes(1 + random.below(60));
}
