// Scripts on PUB: sizes, payloads and their ends, subjects and reply subjects of every kind.
import {
  type Act,
  afterHello,
  connectLine,
  hpub,
  pub,
  type Script,
  shown,
  utf8,
} from "../script.ts";

const sizes: readonly string[] = [
  "0",
  "1",
  "2",
  "3",
  "00",
  "02",
  "002",
  "000000002",
  "0000000002",
  "-1",
  "-0",
  "+2",
  "2.0",
  "2e0",
  "0x2",
  "a",
  "2a",
  "a2",
  "'2'",
  "999999999",
  "1000000000",
  "9999999999",
  "2147483647",
  "2147483648",
  "4294967298",
  "9223372036854775807",
  "18446744073709551618",
  "1048577",
  "1048580",
  "NaN",
  "\xb2",
  "2,",
  ";2",
  "*",
  ">",
  ".",
]; // prettier-ignore

const limit = 1_048_576;

/** Payload of two bytes with something wrong, or right, behind it. */
const terminators: readonly string[] = [
  "",
  "\r",
  "\n",
  "\r\r\n",
  "\n\r",
  "\n\n",
  "x\r\n",
  "xx",
  " \r\n",
  "\0\r\n",
  "\r\n\r\n",
  "\rX",
  "\r\nX",
  "PING\r\n",
  "\r\n ",
]; // prettier-ignore

const payloads: Readonly<Record<string, string>> = {
  empty: "",
  "a CRLF": "\r\n",
  "an LF": "\n",
  "a NUL": "\0",
  "all bytes": Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join(""),
  "a publish": "PUB foo 2\r\nhi\r\n",
  "an error": "-ERR 'x'\r\n",
  "invalid UTF-8": "\xff\xfe\xc3",
  "UTF-8": utf8("grüße ✓ 📬"),
  "127 bytes": "x".repeat(127),
  "128 bytes": "x".repeat(128),
  "512 bytes": "x".repeat(512),
  "1023 bytes": "x".repeat(1_023),
  "4096 bytes": "x".repeat(4_096),
  "8192 bytes": "x".repeat(8_192),
  "32768 bytes": "x".repeat(32_768),
  "65535 bytes": "x".repeat(65_535),
  "65536 bytes": "x".repeat(65_536),
  "100000 bytes": "x".repeat(100_000),
  "999999 bytes": "x".repeat(999_999),
  "the limit less one": "x".repeat(limit - 1),
  "the limit": "x".repeat(limit),
};

export const subjects: readonly string[] = [
  "a",
  "foo",
  "foo.bar",
  "foo.bar.baz",
  "FOO",
  "foo.Bar",
  "0",
  "-",
  "_",
  "foo-bar",
  "foo_bar",
  "foo/bar",
  "foo\\bar",
  "foo:bar",
  "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z",
  ".",
  "..",
  "...",
  ".a",
  "a.",
  "a..b",
  "a...b",
  "..a",
  "a..",
  "*",
  ">",
  "a.*",
  "*.a",
  "a.*.b",
  "a.>",
  ">.a",
  "a.>.b",
  "**",
  ">>",
  "*>",
  "a*",
  "*a",
  "a.b*",
  "a.*b",
  "a.>b",
  "foo>",
  "f*o.b>r",
  "$",
  "$a",
  "$SYS",
  "$SYS.a",
  "$SYS.REQ.SERVER.PING.X",
  "$JS.a",
  "$JS.API.INFO.X",
  "$KV.a.b",
  "$O.a.b",
  "$G",
  "_INBOX",
  "_INBOX.a",
  "_INBOX.a.b",
  "_INBOX.a.*",
  "_R_",
  "_R_.",
  "_R_.a",
  "_GR_",
  "_GR_.",
  "_GR_.a",
  "$GNR",
  "$GNR.",
  "$GNR.a",
  "$NRG",
  "$NRG.",
  "$NRG.a",
  "$JS.ACK",
  "$JS.ACK.",
  "$JS.ACK.a",
  "_sys_",
  "\0",
  "a\0b",
  "\x01.\x7f",
  "\xff",
  "a.\xc3",
  "\xc3\xa9",
  "\xf0\x9f\x93\xac.x",
  "\x0b",
  "a\x0bb",
  "\x0c",
  "a\x0cb",
  "'",
  '"',
  "a'b",
  'a"b',
  "%",
  "%s",
  "{}",
  "[0]",
  "~",
  "`",
  "!",
  "@",
  "#",
  "^",
  "&",
  "(",
  ")",
  "=",
  "+",
  ",",
  ";",
  "<",
  "?",
  "|",
]; // prettier-ignore

/** Reply subjects that mean something to some server, or are odd. */
const replies: readonly string[] = [
  "r",
  "_INBOX.x",
  "_INBOX.x.1",
  "_R_",
  "_R_.",
  "_R_.a",
  "_R_.a.b",
  "_R_a",
  "_GR_",
  "_GR_.",
  "_GR_.a",
  "_GR_a",
  "$JS.ACK",
  "$JS.ACK.",
  "$JS.ACK.a",
  "$JS.ACK.a.b.c",
  "$JS.a",
  "$GNR.a",
  "$NRG.a",
  "$SYS.a",
  "a..b",
  ".",
  ".a",
  "a.",
  "*",
  ">",
  "a.*",
  "a.>",
  "\xff",
  "a\0b",
  '"',
  "\\",
  "$",
  "_",
]; // prettier-ignore

const profiles: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  plain: {},
  pedantic: { pedantic: true },
  verbose: { verbose: true },
  "verbose and pedantic": { verbose: true, pedantic: true },
};

function subjectsByProfile(): Script[] {
  return Object.entries(profiles).flatMap(([profile, changes]) =>
    subjects.map((subject): Script => {
      const send = `${connectLine(changes)}SUB > 1\r\nSUB in.* 9\r\n${pub(subject, "x")}${pub(subject, "", "in.1")}`;
      return { name: `publish, ${profile}: ${shown(subject)}`, acts: [{ client: "a", send }] };
    }),
  );
}

function repliesByProfile(): Script[] {
  return ["plain", "verbose"].flatMap((profile) =>
    replies.map((reply): Script => {
      const send =
        `${connectLine(profiles[profile] ?? {})}SUB foo 1\r\nSUB > 2\r\n${pub("foo", "x", reply)}` +
        `UNSUB 1\r\n${pub("nobody", "", reply)}${hpub("foo", "NATS/1.0\r\nA: b\r\n\r\n", "x", reply)}`;
      return { name: `reply, ${profile}: ${shown(reply)}`, acts: [{ client: "a", send }] };
    }),
  );
}

const cut: Partial<Act> = { settle: "silence" };

export const publishScripts: readonly Script[] = [
  ...sizes.map((size) =>
    afterHello(`size: ${shown(size)}`, `SUB foo 1\r\nPUB foo ${size}\r\nhi\r\n`),
  ),
  ...sizes.map((size) =>
    afterHello(`size with reply: ${shown(size)}`, `SUB foo 1\r\nPUB foo r ${size}\r\nhi\r\n`),
  ),
  ...terminators.map((end) =>
    afterHello(
      `payload end: ${shown(end)}`,
      `SUB foo 1\r\nPUB foo 2\r\nhi${end}`,
      end.length < 2 ? cut : {},
    ),
  ),
  ...terminators.map((end) =>
    afterHello(
      `headers and payload end: ${shown(end)}`,
      `SUB foo 1\r\nHPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi${end}`,
      end.length < 2 ? cut : {},
    ),
  ),
  ...[0, 1, 2, 3, 4].map((bytes) =>
    afterHello(
      `payload of 3 declared, ${bytes} sent`,
      `SUB foo 1\r\nPUB foo 3\r\n${"x".repeat(bytes)}\r\n${pub("foo", "y")}`,
    ),
  ),
  ...Object.entries(payloads).map(([what, payload]) =>
    afterHello(`payload: ${what}`, `SUB foo 1\r\nPUB foo ${payload.length}\r\n${payload}\r\n`),
  ),
  ...Object.entries(payloads)
    .slice(0, 18)
    .map(([what, payload]) =>
      afterHello(
        `payload behind headers: ${what}`,
        `SUB foo 1\r\n${hpub("foo", "NATS/1.0\r\nA: b\r\n\r\n", payload, "r")}`,
      ),
    ),
  ...Object.entries(payloads)
    .slice(0, 11)
    .map(([what, payload]) =>
      afterHello(
        `payload in pieces of 3: ${what}`,
        `SUB foo 1\r\nPUB foo r ${payload.length}\r\n${payload}\r\n`,
        { pieceBytes: 3 },
      ),
    ),
  ...subjectsByProfile(),
  ...repliesByProfile(),
];
