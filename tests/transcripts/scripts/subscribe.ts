// Scripts on SUB and UNSUB: subjects, sids, queue names, and every way to count to a maximum.
import { afterHello, connectLine, pub, type Script, shown, utf8 } from "../script.ts";
import { subjects } from "./publish.ts";

const sids: readonly string[] = [
  "1",
  "0",
  "00",
  "01",
  "-1",
  "+1",
  "1.0",
  "a",
  "A",
  "ABC",
  "1a",
  "sid-1",
  "sid_1",
  "sid.1",
  "*",
  ">",
  "'",
  '"',
  "\\",
  "\xff",
  "\xc3\xa9",
  "\0",
  "$",
  "{}",
  "18446744073709551615",
  "99999999999999999999999999",
  "x".repeat(20),
  "x".repeat(200),
  "foo",
  "SUB",
  "PING",
  "%d",
  "q:1",
  "\x7f",
]; // prettier-ignore

const queues: readonly string[] = [
  "q",
  "Q",
  "0",
  "q.a",
  "q..a",
  ".",
  "q.",
  "*",
  ">",
  "q.*",
  "q.>",
  "_sys_",
  "_SYS_",
  "_sys",
  "_sys_.",
  "$q",
  "\xff",
  "\xc3\xa9",
  "'",
  '"',
  "\\",
  "q\0",
  "x".repeat(300),
]; // prettier-ignore

/** UNSUB of subscription 1 after some deliveries, then some more. */
const maxima: readonly string[] = [
  "",
  "0",
  "1",
  "2",
  "3",
  "4",
  "5",
  "6",
  "100",
  "-1",
  "+2",
  "2.5",
  "abc",
  "00",
  "03",
  "0x3",
  "999999999",
  "1000000000",
  "9223372036854775808",
  "3a",
  "'3'",
  "\xb3",
  " ",
]; // prettier-ignore

function counting(): Script[] {
  return [0, 1, 3].flatMap((before) =>
    maxima.map((max) => {
      const text = `SUB foo 1\r\n${pub("foo", "b").repeat(before)}UNSUB 1 ${max}\r\n${pub("foo", "a").repeat(6)}`;
      return afterHello(`max: ${before} deliveries, then UNSUB ${shown(max)}, then 6`, text);
    }),
  );
}

const lives: Readonly<Record<string, string>> = {
  "UNSUB twice": `SUB foo 1\r\nUNSUB 1\r\nUNSUB 1\r\n${pub("foo")}`,
  "UNSUB unknown": `UNSUB 99\r\nUNSUB x\r\n${pub("foo")}`,
  "UNSUB unknown with max": `UNSUB 99 5\r\nSUB foo 99\r\n${pub("foo").repeat(7)}`,
  "SUB again with the sid": `SUB foo 1\r\nSUB bar 1\r\n${pub("foo")}${pub("bar")}`,
  "SUB again with the sid and an invalid subject": `SUB foo 1\r\nSUB a..b 1\r\n${pub("foo")}`,
  "SUB again with the sid and a queue": `SUB foo 1\r\nSUB foo q 1\r\n${pub("foo")}`,
  "sid used again after UNSUB": `SUB foo 1\r\nUNSUB 1\r\nSUB bar 1\r\n${pub("foo")}${pub("bar")}`,
  "sid used again after max": `SUB foo 1\r\nUNSUB 1 1\r\n${pub("foo", "x")}SUB bar 1\r\n${pub("foo")}${pub("bar").repeat(3)}`,
  "sid used again before max": `SUB foo 1\r\nUNSUB 1 2\r\n${pub("foo")}SUB bar 1\r\n${pub("foo")}${pub("foo")}${pub("bar")}`,
  "max raised": `SUB foo 1\r\nUNSUB 1 2\r\n${pub("foo")}UNSUB 1 4\r\n${pub("foo").repeat(6)}`,
  "max lowered": `SUB foo 1\r\nUNSUB 1 5\r\n${pub("foo").repeat(2)}UNSUB 1 3\r\n${pub("foo").repeat(6)}`,
  "max lowered below what came": `SUB foo 1\r\nUNSUB 1 5\r\n${pub("foo").repeat(3)}UNSUB 1 2\r\n${pub("foo").repeat(6)}`,
  "max taken back by UNSUB": `SUB foo 1\r\nUNSUB 1 5\r\n${pub("foo")}UNSUB 1\r\n${pub("foo").repeat(3)}`,
  "max of a wildcard": `SUB > 1\r\nUNSUB 1 3\r\n${pub("a")}${pub("b")}${pub("c")}${pub("d")}`,
  "max of two on one subject": `SUB foo 1\r\nSUB foo 2\r\nUNSUB 1 1\r\nUNSUB 2 2\r\n${pub("foo").repeat(4)}`,
  "max of one in a queue": `SUB foo q 1\r\nUNSUB 1 2\r\n${pub("foo").repeat(4)}`,
  "max one counts headers": `SUB foo 1\r\nUNSUB 1 1\r\nHPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n${pub("foo")}`,
  "max does not count what nobody hears": `SUB foo 1\r\nUNSUB 1 2\r\n${pub("bar").repeat(3)}${pub("foo").repeat(3)}`,
  "same subject twice": `SUB foo 1\r\nSUB foo 2\r\n${pub("foo", "x")}`,
  "same subject ten times": `${Array.from({ length: 10 }, (_, at) => `SUB foo ${at}\r\n`).join("")}${pub("foo", "x")}`,
  "patterns that overlap": `SUB foo.bar 1\r\nSUB foo.* 2\r\nSUB *.bar 3\r\nSUB *.* 4\r\nSUB > 5\r\nSUB foo.> 6\r\n${pub("foo.bar", "x")}`,
  "UNSUB one of several": `SUB foo 1\r\nSUB foo 2\r\nSUB foo 3\r\nUNSUB 2\r\n${pub("foo", "x")}`,
  "UNSUB is exact about the sid": `SUB foo 1\r\nSUB foo 01\r\nSUB foo 10\r\nUNSUB 01\r\n${pub("foo", "x")}`,
  "subject is exact about case": `SUB foo 1\r\nSUB FOO 2\r\n${pub("foo")}${pub("FOO")}${pub("Foo")}`,
  "subject of 500 tokens": `SUB ${"a.".repeat(499)}b 1\r\n${pub(`${"a.".repeat(499)}b`, "x")}`,
  "subject of 2000 tokens": `SUB > 1\r\n${pub(`${"a.".repeat(1_999)}b`, "x")}`,
  "wildcard of 64 stars": `SUB ${"*.".repeat(63)}* 1\r\n${pub(`${"a.".repeat(63)}b`, "x")}${pub("a.b")}`,
};

const patterns: readonly string[] = [
  "a",
  "*",
  ">",
  "a.b",
  "a.*",
  "*.b",
  "*.*",
  "a.>",
  "*.>",
  "a.*.c",
  "a.b.c",
  "a.*.*",
  "*.b.*",
  "*.*.c",
  "*.*.*",
  "a.b.>",
  "*.*.>",
  "a.*.>",
  "a.b.c.d",
  "*.b.>",
  "a.b*",
  "a.*b",
  "a>",
  "a.>b",
  "**",
  "*.**",
  "A.*",
  "$SYS.>",
  "_INBOX.>",
  "_INBOX.*",
  "_INBOX.*.*",
  "$JS.>",
]; // prettier-ignore
const published: readonly string[] = [
  "a",
  "b",
  "*",
  ">",
  "a.b",
  "a.c",
  "b.b",
  "a.*",
  "*.b",
  "a.>",
  "a.b.c",
  "a.c.c",
  "b.b.c",
  "a.b.c.d",
  "a.b*",
  "a.*b",
  "a>",
  "a.>b",
  "**",
  "A.b",
  "$SYS.x",
  "_INBOX.x",
  "_INBOX.x.y",
  "$JS.x",
  "a.",
  ".a",
  "a..b",
]; // prettier-ignore

export const subscribeScripts: readonly Script[] = [
  ...["plain", "verbose", "pedantic"].flatMap((profile) =>
    subjects.map((subject): Script => {
      const connect = connectLine(profile === "plain" ? {} : { [profile]: true });
      const send = `${connect}SUB ${subject} 1\r\n${pub(subject, "x")}${pub("a.b", "y")}UNSUB 1\r\n${pub("a.b")}`;
      return { name: `subscribe, ${profile}: ${shown(subject)}`, acts: [{ client: "a", send }] };
    }),
  ),
  ...subjects
    .slice(0, 60)
    .map((subject) =>
      afterHello(
        `subscribe with queue: ${shown(subject)}`,
        `SUB ${subject} q 1\r\n${pub(subject, "x")}${pub("a.b", "y")}`,
      ),
    ),
  ...sids.map((sid) =>
    afterHello(
      `sid: ${shown(sid)}`,
      `SUB foo ${sid}\r\n${pub("foo", "x", "r")}UNSUB ${sid}\r\n${pub("foo")}`,
    ),
  ),
  ...sids
    .slice(0, 12)
    .map((sid) =>
      afterHello(
        `sid in a queue: ${shown(sid)}`,
        `SUB foo q ${sid}\r\n${pub("foo", "x")}UNSUB ${sid} 2\r\n${pub("foo").repeat(3)}`,
      ),
    ),
  ...queues.map((queue) =>
    afterHello(
      `queue name: ${shown(queue)}`,
      `SUB foo ${queue} 1\r\n${pub("foo", "x")}${pub("foo", "y")}`,
    ),
  ),
  ...["q", "_sys_", "a.*"].map(
    (queue): Script => ({
      name: `queue name, verbose: ${queue}`,
      acts: [
        {
          client: "a",
          send: `${connectLine({ verbose: true })}SUB foo ${queue} 1\r\n${pub("foo", "x")}`,
        },
      ],
    }),
  ),
  ...counting(),
  ...Object.entries(lives).map(([name, text]) => afterHello(`life: ${name}`, text)),
  ...Object.entries(lives).map(
    ([name, text]): Script => ({
      name: `life, verbose: ${name}`,
      acts: [{ client: "a", send: connectLine({ verbose: true }) + text }],
    }),
  ),
  ...patterns.map((pattern) =>
    afterHello(
      `match: ${pattern}`,
      `SUB ${pattern} 1\r\n${published.map((subject) => pub(subject)).join("")}`,
    ),
  ),
  afterHello(
    "match: UTF-8 tokens",
    `SUB ${utf8("fö.*")} 1\r\n${pub(utf8("fö.ß"), "x")}${pub("f\xc3.x")}`,
  ),
];
