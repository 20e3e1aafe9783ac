// Scripts on control lines: cases of verbs, separators, line ends, argument counts, splits, lengths.
import { afterHello, connectLine, hello, hpub, pub, type Script, shown } from "../script.ts";

const cases: Readonly<Record<string, (verb: string) => string>> = {
  upper: (verb) => verb.toUpperCase(),
  lower: (verb) => verb.toLowerCase(),
  mixed: (verb) =>
    verb.replaceAll(/[a-z]/gi, (c, at: number) =>
      at % 2 === 0 ? c.toLowerCase() : c.toUpperCase(),
    ),
};
const gaps: Readonly<Record<string, string>> = {
  blank: " ",
  blanks: "    ",
  tab: "\t",
  both: " \t ",
};
const ends: Readonly<Record<string, string>> = { CRLF: "\r\n", LF: "\n" };

/** An operation of each kind: arguments that a gap goes before, and what follows the line. */
const operations: readonly (readonly [verb: string, args: readonly string[], rest: string])[] = [
  ["PUB", ["foo", "2"], "hi\r\n"],
  ["PUB", ["foo", "reply", "2"], "hi\r\n"],
  ["HPUB", ["foo", "19", "21"], "NATS/1.0\r\nA: bc\r\n\r\nhi\r\n".slice(1)],
  ["HPUB", ["foo", "reply", "20", "22"], "NATS/1.0\r\nA: bcd\r\n\r\nhi\r\n".slice(1)],
  ["SUB", ["foo", "2"], ""],
  ["SUB", ["foo", "queue", "2"], ""],
  ["UNSUB", ["1"], ""],
  ["UNSUB", ["1", "2"], ""],
  ["CONNECT", ['{"verbose":true}'], ""],
  ["INFO", ["{}"], ""],
  ["-ERR", ["'what'"], ""],
];

function spelling(): Script[] {
  const scripts: Script[] = [];
  for (const [verb, args, rest] of operations) {
    for (const [caseName, spell] of Object.entries(cases)) {
      for (const [gapName, gap] of Object.entries(gaps)) {
        for (const [endName, end] of Object.entries(ends)) {
          const line = `${spell(verb)}${args.map((arg) => gap + arg).join("")}${end}`;
          const name = `spelling: ${verb} ${args.length} arguments, ${caseName} case, ${gapName}, ${endName}`;
          const body = rest === "" ? "" : verb === "HPUB" ? `N${rest}` : rest;
          scripts.push(
            afterHello(name, `SUB foo 1\r\n${line}${fixed(verb, args, body)}${pub("foo", "x")}`),
          );
        }
      }
    }
  }
  return scripts;
}

/** The body of an HPUB, as long as its sizes say. */
function fixed(verb: string, args: readonly string[], body: string): string {
  if (verb !== "HPUB") return body;
  const [headerBytes = 0, totalBytes = 0] = args.slice(-2).map(Number);
  const value = "b".repeat(headerBytes - "NATS/1.0\r\nA:\r\n\r\n".length);
  return `NATS/1.0\r\nA:${value}\r\n\r\n${"x".repeat(totalBytes - headerBytes)}\r\n`;
}

const bare =
  "PING|ping|PiNg|PING |PING\t\t|PINGxyz|PING xyz|PONG|pong|PONGxyz|PONG  1|+OK|+ok|+OK x|+OKx".split(
    "|",
  );

const trailing = [
  "PUB foo 2  ",
  "PUB foo 2\t",
  "SUB foo 2 ",
  "UNSUB 1\t ",
  "UNSUB 1 1  ",
  "INFO {}  ",
];

const words: readonly string[] = ["foo", "2", "3", "4", "5", "6"];

function argumentCounts(): Script[] {
  return ["PUB", "HPUB", "SUB", "UNSUB", "CONNECT", "INFO", "-ERR"].flatMap((verb) =>
    [1, 2, 3, 4, 5, 6].flatMap((count) => {
      const line = [verb, ...words.slice(0, count)].join(" ");
      return [
        afterHello(`arguments: ${verb} with ${count}`, `SUB foo 1\r\n${line}\r\n`, {
          settle: "pong",
        }),
        afterHello(
          `arguments: ${verb} with ${count} and payload`,
          `SUB foo 1\r\n${line}\r\n${"x".repeat(count)}\r\n`,
        ),
      ];
    }),
  );
}

const unknown: readonly string[] = [
  "FOO",
  "",
  "\r",
  "MSG foo 1 2",
  "HMSG foo 1 2 2",
  "RMSG a foo 0",
  "LMSG foo 0",
  "A+ x",
  "A- x",
  "RS+ A foo",
  "RS- A foo",
  "LS+ foo",
  "LS- foo",
  "PUBX foo 0",
  "SUBX foo 1",
  "SUBSCRIBE foo 1",
  "UNSUBX 1",
  "UNSU 1",
  "PIN",
  "PIG",
  "PO",
  "P",
  "H",
  "HP",
  "HPU foo 0 0",
  "S",
  "SU foo 1",
  "U",
  "UN",
  "C",
  "CON {}",
  "I",
  "INF {}",
  "+",
  "+O",
  "-",
  "-E",
  "-ER x",
  "{",
  "}",
  "'",
  '"',
  "\x00",
  "\x01",
  "\x7f",
  "\xff",
  "\xc3\xa9",
  "GET / HTTP/1.1",
  "PUBfoo 0",
  "SUBfoo 1",
  "UNSUB1",
  "HPUBfoo 0 0",
  "-ERR'x'",
  "1",
  "?",
  "*",
  ">",
  ".",
  "OK",
  "ERR",
  "QUIT",
  "EHLO x",
  "\x16\x03\x01",
  "Z",
  "z",
  "0",
  "PING\x00",
  "JUNK PING",
]; // prettier-ignore

const lengths = [4_090, 4_095, 4_096, 4_097, 4_098, 5_000];

function lineLengths(): Script[] {
  return lengths.flatMap((length) => [
    afterHello(`length: PUB of ${length}`, `SUB > 1\r\nPUB ${"a".repeat(length - 2)} 0\r\n\r\n`),
    afterHello(
      `length: PUB with reply of ${length}`,
      `SUB > 1\r\nPUB a ${"r".repeat(length - 4)} 0\r\n\r\n`,
    ),
    afterHello(
      `length: HPUB of ${length}`,
      `SUB > 1\r\nHPUB ${"a".repeat(length - 6)} 12 12\r\nNATS/1.0\r\n\r\n\r\n`,
    ),
    afterHello(`length: SUB of ${length}`, `SUB ${"a".repeat(length - 2)} 1\r\n`),
    afterHello(
      `length: SUB with queue of ${length}`,
      `SUB a ${"q".repeat(length - 4)} 1\r\n${pub("a")}`,
    ),
    afterHello(`length: sid of ${length}`, `SUB a ${"1".repeat(length - 2)}\r\n${pub("a", "x")}`),
    afterHello(`length: UNSUB of ${length}`, `UNSUB ${"1".repeat(length)}\r\n`),
    afterHello(`length: INFO of ${length}`, `INFO {"x":"${"x".repeat(length - 8)}"}\r\n`),
    afterHello(`length: -ERR of ${length}`, `-ERR ${"x".repeat(length)}\r\n`),
    afterHello(`length: PING of ${length}`, `PING${" ".repeat(length)}\r\n`),
    afterHello(
      `length: blanks before arguments, ${length}`,
      `SUB${" ".repeat(length)}a 1\r\n${pub("a")}`,
    ),
    afterHello(
      `length: blanks between arguments, ${length}`,
      `SUB a${" ".repeat(length - 2)}1\r\n${pub("a")}`,
    ),
    afterHello(
      `length: blanks behind arguments, ${length}`,
      `SUB a 1${" ".repeat(length - 3)}\r\n${pub("a")}`,
    ),
    afterHello(
      `length: a line of ${length} that ends with LF`,
      `SUB ${"a".repeat(length - 2)} 1\n`,
    ),
    { name: `length: CONNECT of ${length}`, acts: [{ client: "a", send: connectOf(length) }] },
    afterHello(
      `length: a line of ${length} in pieces of 1000`,
      `SUB ${"a".repeat(length - 2)} 1\r\n`,
      { pieceBytes: 1_000 },
    ),
    afterHello(`length: a line without end, ${length}`, `SUB ${"a".repeat(length)}`, {
      settle: "silence",
    }),
  ]);
}

/** A CONNECT whose argument has so many bytes. */
function connectOf(length: number): string {
  const empty = connectLine({ name: "" }).length - "CONNECT \r\n".length;
  return connectLine({ name: "x".repeat(length - empty) });
}

const talk =
  `SUB foo.* 1\r\nsub\tfoo.bar\tq\t2\r\n${pub("foo.bar", "hello", "re.ply")}PING\r\n` +
  hpub("foo.baz", "NATS/1.0\r\nA: b\r\n\r\n", "payload\r\nPUB") +
  `UNSUB 1 5\r\nPUB foo.bar 12\nPING\r\nPONG\r\n\r\nUNSUB 2\r\n${pub("foo.x")}`;

function splits(): Script[] {
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 23, 31, 64];
  const whole = sizes.map((pieceBytes) =>
    afterHello(`split: a conversation in pieces of ${pieceBytes}`, talk, { pieceBytes }),
  );
  const operations = [
    "PING\r\n",
    "PONG\r\n",
    "+OK\r\n",
    "SUB foo 7\r\n",
    "SUB foo q 7\r\n",
    "UNSUB 1\r\n",
    "UNSUB 1 1\r\n",
    pub("foo", "hi"),
    pub("foo", "hi", "r"),
    pub("foo"),
    hpub("foo", "NATS/1.0\r\n\r\n", "hi"),
    hpub("foo", "NATS/1.0\r\nA:b\r\n\r\n", "", "r"),
    connectLine({ verbose: true }),
    "INFO {}\r\n",
    "pub\tfoo  2 \nhi\r\n",
  ]; // prettier-ignore
  const single = operations.flatMap((operation) =>
    [1, 3].map((pieceBytes) => ({
      name: `split: ${shown(operation)} in pieces of ${pieceBytes}`,
      acts: [
        { client: "a", send: `${hello}SUB foo 1\r\n` },
        { client: "a", send: `${operation}${pub("foo", "x")}`, pieceBytes },
      ],
    })),
  );
  // Cut once, at every byte: the two halves come at different times.
  const publish = pub("foo", "hi", "r");
  const halves = Array.from({ length: publish.length - 1 }, (_, at) => ({
    name: `split: a publish cut after ${at + 1} bytes`,
    acts: [
      { client: "a", send: `${hello}SUB foo 1\r\n` },
      { client: "a", send: publish + publish, pieceBytes: at + 1 },
    ],
  }));
  return [...whole, ...single, ...halves];
}

const infos = [
  "{}",
  '{"x":1}',
  "null",
  "4",
  "true",
  '"x"',
  "[]",
  "[{}]",
  "x",
  "",
  "{",
  "{} x",
  "{}{}",
];

export const lineScripts: readonly Script[] = [
  ...infos.flatMap((json) => [
    afterHello(`INFO from the client: ${shown(json)}`, `INFO ${json}\r\n`),
    afterHello(`INFO from the client, glued: ${shown(json)}`, `INFO${json}\r\n`),
  ]),
  ...spelling(),
  ...bare.map((line) => afterHello(`bare: ${shown(line)}`, `${line}\r\n`)),
  ...bare.map((line) => afterHello(`bare: ${shown(line)} and LF`, `${line}\n`)),
  ...trailing.map((line) =>
    afterHello(
      `trailing blanks: ${shown(line)}`,
      `SUB foo 1\r\n${line}\r\n${line.startsWith("P") ? "hi\r\n" : ""}${pub("foo", "x")}`,
    ),
  ),
  ...argumentCounts(),
  ...unknown.map((line) => afterHello(`unknown: ${shown(line)}`, `${line}\r\n`)),
  ...unknown.slice(0, 12).map(
    (line): Script => ({
      name: `unknown before CONNECT: ${shown(line)}`,
      acts: [{ client: "a", send: `${line}\r\n` }],
    }),
  ),
  ...lineLengths(),
  ...splits(),
];
