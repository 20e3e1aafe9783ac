// What a reference server of an earlier release was seen to answer, row by row, as scripts.
import {
  afterHello,
  between,
  connectLine,
  hello,
  hpub,
  pub,
  type Script,
  utf8,
} from "../script.ts";

const a = (name: string, send: string): Script => ({
  name: `row: ${name}`,
  acts: [{ client: "a", send }],
});
const b = (name: string, text: string): Script => afterHello(`row: ${name}`, text);
const block = "NATS/1.0\r\nBar: Baz\r\n\r\n";

export const appendixScripts: readonly Script[] = [
  a("PING before CONNECT", "PING\r\n"),
  a("no CONNECT is verbose", `SUB a 1\r\n${pub("a", "hi")}UNSUB 1\r\nPING\r\n`),
  a("verbose", `CONNECT {"verbose":true}\r\n${pub("foo")}PING\r\n`),
  a(
    "lower case, tabs, LF",
    `connect ${hello.slice(8).trim()}\nsub\tfoo.*\t\t 9\npub  foo.bar   5  \nhello\r\n`,
  ),
  ...["ping\n", "PING   \r\n", "PINGxyz\r\n"].map((text) =>
    b(`PING as ${JSON.stringify(text)}`, text),
  ),
  ...["PUB foo 5\r\nhelloX\r\n", "PUB foo 2\r\nhello\r\n", "PUB foo 5\r\nhello\nPING"].map((text) =>
    b(`payload end ${JSON.stringify(text)}`, text),
  ),
  ...["FOO\r\n", "\r\n", "MSG foo 1 2\r\nhi\r\n", "PUB\r\n", "UNSUB\r\n"].map((text) =>
    b(`unknown ${JSON.stringify(text)}`, text),
  ),
  ...[
    "PUB foo",
    "PUB foo a b 2",
    "PUB foo -1",
    "PUB foo 1048577000",
    "SUB foo",
    "SUB foo q 1 x",
    "HPUB foo 5 4",
  ].map((line) => b(`arguments ${line}`, `${line}\r\n`)),
  b("payload above the limit", "PUB foo 1048577\r\n"),
  b("empty payload", `SUB foo 1\r\n${pub("foo")}`),
  b(
    "odd publish subjects",
    `SUB > 1\r\n${["foo..bar", ".a", "a.", "foo.*", "foo.>", "*"].map((subject) => pub(subject)).join("")}`,
  ),
  a(
    "pedantic publish subjects",
    `${connectLine({ pedantic: true })}SUB > 1\r\n${["foo..bar", "foo.*", "a.>", "x*y"].map((subject) => pub(subject)).join("")}`,
  ),
  b("invalid SUB subjects", "SUB foo..bar 1\r\nSUB foo.>.bar 2\r\n"),
  b("odd SUB subjects", `SUB foo.*a 4\r\nSUB foo ABC\r\n${pub("foo", "x")}`),
  b("sid taken", `SUB foo 1\r\nSUB bar 1\r\n${pub("bar")}${pub("foo")}`),
  b("UNSUB unknown", "UNSUB 99\r\n"),
  b("UNSUB max ahead", `SUB foo 1\r\nUNSUB 1 2\r\n${pub("foo").repeat(3)}`),
  b("UNSUB max behind", `SUB foo 1\r\n${pub("foo").repeat(3)}UNSUB 1 2\r\n${pub("foo").repeat(2)}`),
  b(
    "UNSUB max 0 and no number",
    `SUB foo 1\r\nSUB foo 2\r\nUNSUB 1 0\r\nUNSUB 2 abc\r\n${pub("foo")}`,
  ),
  b("no responders", `SUB in.* 7\r\n${pub("nobody", "hi", "in.1")}`),
  b("no responders, reply not covered", `SUB in.* 7\r\n${pub("nobody", "hi", "other.1")}`),
  a(
    "no responders by echo",
    `${connectLine({ echo: false })}SUB foo 1\r\nSUB r 2\r\n${pub("foo", "x", "r")}`,
  ),
  a("no responders without headers", 'CONNECT {"no_responders":true}\r\n'),
  a("HPUB without headers", `CONNECT {"verbose":false}\r\n${hpub("foo", block, "hi")}`),
  b("HPUB", `SUB foo 1\r\n${hpub("foo", block, "hi")}${hpub("foo", block, "hi", "rep")}`),
  {
    name: "row: HPUB to a client without headers",
    acts: [
      { client: "s", send: `${connectLine({ headers: false, no_responders: false })}SUB h 1\r\n` },
      { client: "p", send: hello + hpub("h", block, "hi", "r") },
    ],
  }, // prettier-ignore
  a("protocol 2", 'CONNECT {"protocol":2}\r\n'),
  ...[4_090, 4_096, 5_000].map((bytes) =>
    b(`arguments of ${bytes} bytes`, `SUB ${"x".repeat(bytes - 2)} 1\r\n`),
  ),
  a("CONNECT with account", 'CONNECT {"account":"A"}\r\n'),
  ...["-ERR 'x'\r\n", "+OK\r\n", "INFO {}\r\n", "INFO junk\r\n"].map((text) =>
    b(`from the client ${JSON.stringify(text)}`, text),
  ),
  b("reserved replies", `${pub("foo", "", "_R_.abc")}${pub("foo", "", "$JS.ACK.x")}`),
  b("reserved queue", "SUB foo _sys_ 1\r\n"),
  between(
    "row: one queue group over patterns",
    [
      ["s", "SUB foo.* q 1\r\nSUB foo.bar q 2\r\nSUB > q 3\r\n"],
      ["p", pub("foo.bar").repeat(4)],
    ],
    [["s:1", "s:2", "s:3"]],
  ),
  b("UTF-8 subjects", `SUB ${utf8("fö.*")} 5\r\n${pub(utf8("fö.ß"), "x")}`),
]; // prettier-ignore
