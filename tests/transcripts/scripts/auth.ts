// Scripts against servers that ask who is there: who gets in, and what each may publish and hear.
import { connectLine, hello, hpub, pub, type Script, shown } from "../script.ts";
import type { AuthSetup, SetupUser } from "../transcript.ts";

const users: readonly SetupUser[] = [
  { user: "all", password: "p" },
  {
    user: "lists",
    password: "p",
    permissions: {
      publish: {
        allow: ["foo.>", "*.pub", "one", "in.*"],
        deny: ["foo.secret", "foo.*.no", "x.pub"],
      },
      subscribe: {
        allow: ["bar.>", "one", "in.*", "w.*"],
        deny: ["bar.no", "bar.deny.>", "bar.*.x"],
      },
    },
  },
  {
    user: "queues",
    password: "p",
    permissions: { subscribe: { allow: ["q A", "r B.*", "s.* >", "plain", "t.> C"] } },
  },
  {
    user: "queue-deny",
    password: "p",
    permissions: { subscribe: { allow: ["q", "r"], deny: ["q A", "r B.>"] } },
  },
  {
    user: "denied",
    password: "p",
    permissions: { publish: { deny: ["x.>", "one"] }, subscribe: { deny: ["y.*", "one"] } },
  },
  {
    user: "none",
    password: "p",
    permissions: { publish: { deny: [">"] }, subscribe: { deny: [">"] } },
  },
  {
    user: "answers",
    password: "p",
    permissions: { subscribe: { allow: ["svc"] }, allowResponses: true },
  },
  {
    user: "answers2",
    password: "p",
    permissions: {
      publish: { allow: ["foo"] },
      subscribe: { allow: ["svc"] },
      allowResponses: { messagesMax: 2, ttlMs: 60_000 },
    },
  },
  { user: "wild", password: "p", permissions: { subscribe: { allow: ["foo.*", "bar.*.baz"] } } },
]; // prettier-ignore

const withUsers: AuthSetup = { users };

const connectAs = (user: string, more: Readonly<Record<string, unknown>> = {}): string =>
  connectLine({ user, pass: "p", ...more });
const script = (name: string, acts: Script["acts"], auth: AuthSetup = withUsers): Script => ({
  name,
  acts,
  setup: { auth },
});
const asUser = (
  user: string,
  name: string,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): Script => script(`${user}: ${name}`, [{ client: "a", send: connectAs(user, more) + text }]);

const publishSubjects = [
  "foo",
  "foo.a",
  "foo.a.b",
  "foo.secret",
  "foo.secret.x",
  "foo.a.no",
  "foo.b.no",
  "a.pub",
  "x.pub",
  "pub",
  "one",
  "two",
  "x",
  "x.a",
  "x.a.b",
  "foo.*",
  "foo.>",
  "*",
  ">",
  "*.pub",
  "a..pub",
  "foo.",
  "FOO.a",
  "$SYS.x",
  "_INBOX.a",
  "_R_.a",
  "_GR_.a",
  "y.a",
  "in.1",
  'a"b',
  "a\\b",
  "\xc3\xa9",
]; // prettier-ignore
const subscribeSubjects = [
  "bar",
  "bar.a",
  "bar.a.b",
  "bar.no",
  "bar.no.a",
  "bar.deny",
  "bar.deny.a",
  "bar.deny.>",
  "bar.*",
  "bar.>",
  "bar.a.x",
  "bar.*.x",
  "bar.*.y",
  "*",
  ">",
  "*.a",
  "one",
  "two",
  "in.*",
  "in.1",
  "in.>",
  "w.*",
  "w.a",
  "y",
  "y.a",
  "y.*",
  "y.>",
  "y.a.b",
  "foo",
  "foo.a",
  "foo.*",
  "foo.a.b",
  "bar.a.baz",
  "bar.*.baz",
  "q",
  "plain",
  "svc",
  "a..b",
  'a"b',
  "$SYS.>",
  "_INBOX.>",
]; // prettier-ignore
const queuePairs = [
  ["q", "A"],
  ["q", "B"],
  ["q", "a"],
  ["r", "B"],
  ["r", "B.x"],
  ["r", "B.x.y"],
  ["r", "C.x"],
  ["s.a", "Z"],
  ["s.*", "Z"],
  ["s.a.b", "Z"],
  ["plain", "A"],
  ["t.a", "C"],
  ["t.>", "C"],
  ["t.a", "D"],
  ["other", "A"],
  ["q", "_sys_"],
] as const; // prettier-ignore

const restricted = ["lists", "denied", "none", "answers2", "wild"];

const permissions: readonly Script[] = [
  ...restricted.flatMap((user) => [
    ...publishSubjects.map((subject) =>
      asUser(user, `PUB ${shown(subject)}`, pub(subject, "x") + pub(subject)),
    ),
    ...subscribeSubjects.map((subject) =>
      asUser(user, `SUB ${shown(subject)}`, `SUB ${subject} 1\r\n`),
    ),
  ]),
  ...["queues", "queue-deny", "lists"].flatMap((user) =>
    queuePairs.map(([subject, queue]) =>
      asUser(user, `SUB ${subject} in ${queue}`, `SUB ${subject} ${queue} 1\r\n`),
    ),
  ),
  ...["queues", "queue-deny"].flatMap((user) =>
    ["q", "r", "s.a", "plain", "t.a", "other"].map((subject) =>
      asUser(user, `SUB ${subject} alone`, `SUB ${subject} 1\r\n`),
    ),
  ),
  ...publishSubjects
    .slice(0, 12)
    .map((subject) =>
      asUser("lists", `verbose PUB ${shown(subject)}`, pub(subject, "x"), { verbose: true }),
    ),
  ...publishSubjects
    .slice(0, 12)
    .map((subject) =>
      asUser("lists", `HPUB ${shown(subject)}`, hpub(subject, "NATS/1.0\r\nA: b\r\n\r\n", "x")),
    ),
  ...subscribeSubjects.slice(0, 12).map((subject) =>
    asUser("lists", `verbose SUB ${shown(subject)}`, `SUB ${subject} 1\r\nUNSUB 1\r\n`, {
      verbose: true,
    }),
  ),
  ...["nobody", "foo.secret", "foo.nobody"].map((subject) =>
    asUser("lists", `request to ${subject}`, `SUB in.* 1\r\n${pub(subject, "", "in.1")}`),
  ),
  asUser(
    "lists",
    "the sid of a refused subscription is free",
    `SUB no 1\r\nSUB one 1\r\n${pub("one", "x")}`,
  ),
  asUser(
    "lists",
    "a refused subscription is none",
    `SUB one 1\r\nSUB no 2\r\nUNSUB 2\r\n${pub("one", "x")}`,
  ),
  asUser("lists", "refused again and again", pub("no", "x").repeat(5) + "SUB no 1\r\n".repeat(5)),
];

/** What somebody with all rights publishes while the user listens. */
const heard: readonly Script[] = [
  ...["bar.*", "bar.>", "bar.a", "bar.*.*"].flatMap((pattern) => {
    const said = [
      "bar.a",
      "bar.no",
      "bar.deny.a",
      "bar.deny.a.b",
      "bar.a.x",
      "bar.a.y",
      "bar.no.no",
    ];
    return ["", " q"].map((queue) =>
      script(`lists: hears of ${pattern}${queue}`, [
        { client: "a", send: `${connectAs("lists")}SUB ${pattern}${queue} 1\r\n` },
        { client: "p", send: connectAs("all") + said.map((subject) => pub(subject, "x")).join("") },
      ]),
    );
  }),
  ...["y.>", "*.a", ">", "*"].map((pattern) =>
    script(`denied: hears of ${pattern}`, [
      { client: "a", send: `${connectAs("denied")}SUB ${pattern} 1\r\n` },
      {
        client: "p",
        send:
          connectAs("all") +
          ["y", "y.a", "y.a.b", "one", "two", "z.a"].map((subject) => pub(subject, "x")).join(""),
      },
    ]),
  ),
  ...["answers", "answers2"].flatMap((user) =>
    [1, 2, 3].map((answers) =>
      script(`${user}: ${answers} answers to a request`, [
        { client: "s", send: `${connectAs(user)}SUB svc 1\r\n` },
        { client: "p", send: `${connectAs("all")}SUB in.* 9\r\n${pub("svc", "q", "in.1")}` },
        { client: "s", send: pub("in.1", "a").repeat(answers) },
      ]),
    ),
  ),
  ...["answers", "answers2"].flatMap((user) => [
    script(`${user}: answers nobody asked for`, [
      { client: "s", send: `${connectAs(user)}SUB svc 1\r\n${pub("in.1", "a")}${pub("foo", "b")}` },
    ]),
    script(`${user}: a request without reply`, [
      { client: "s", send: `${connectAs(user)}SUB svc 1\r\n` },
      { client: "p", send: connectAs("all") + pub("svc", "q") },
      { client: "s", send: pub("in.1", "a") },
    ]),
    script(`${user}: answers to two requests`, [
      { client: "s", send: `${connectAs(user)}SUB svc 1\r\n` },
      {
        client: "p",
        send: `${connectAs("all")}SUB in.* 9\r\n${pub("svc", "q", "in.1")}${pub("svc", "q", "in.2")}`,
      },
      { client: "s", send: pub("in.2", "a") + pub("in.1", "b") + pub("in.1", "c") },
    ]),
    script(`${user}: the same reply subject twice`, [
      { client: "s", send: `${connectAs(user)}SUB svc 1\r\n` },
      { client: "p", send: `${connectAs("all")}SUB in.* 9\r\n${pub("svc", "q", "in.1")}` },
      { client: "s", send: pub("in.1", "a") },
      { client: "p", send: pub("svc", "q", "in.1") },
      { client: "s", send: pub("in.1", "b") + pub("in.1", "c") + pub("in.1", "d") },
    ]),
  ]),
];

const first: Readonly<Record<string, string>> = {
  PING: "PING\r\n",
  PONG: "PONG\r\n",
  "+OK": "+OK\r\n",
  INFO: "INFO {}\r\n",
  SUB: "SUB foo 1\r\n",
  PUB: pub("foo", "x"),
  UNSUB: "UNSUB 1\r\n",
  junk: "JUNK\r\n",
  "an empty line": "\r\n",
  "half a CONNECT": "CONN\r\n",
  "a word with c": "cow\r\n",
  "lower case CONNECT": `${hello.replace("CONNECT", "connect")}`,
  "CONNECT that is no JSON": "CONNECT x\r\n",
  "CONNECT that is empty": "CONNECT {}\r\n",
}; // prettier-ignore

const credentials: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  none: {},
  right: { user: "all", pass: "p" },
  "a wrong password": { user: "all", pass: "q" },
  "an unknown user": { user: "eve", pass: "p" },
  "no password": { user: "all" },
  "no user": { pass: "p" },
  "an empty user": { user: "", pass: "p" },
  "an empty password": { user: "all", pass: "" },
  "a user in capitals": { user: "ALL", pass: "p" },
  "blanks around": { user: " all ", pass: "p" },
  "a token": { auth_token: "p" },
  "a token and a user": { user: "all", pass: "p", auth_token: "x" },
  "a number as password": { user: "all", pass: 1 },
  "null as user": { user: null, pass: "p" },
  "an account": { user: "all", pass: "p", account: "A" },
  "a wrong protocol": { user: "all", pass: "p", protocol: 3 },
  "no headers": { user: "all", pass: "p", headers: false },
  "an nkey": { nkey: "UABC", sig: "x" },
  "a jwt": { jwt: "a.b.c", sig: "x" },
  "a jwt and a user": { user: "all", pass: "p", jwt: "a.b.c" },
}; // prettier-ignore

const token: AuthSetup = { token: "s3cr3t" };
const tokens: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  none: {},
  right: { auth_token: "s3cr3t" },
  wrong: { auth_token: "s3cr3" },
  "in capitals": { auth_token: "S3CR3T" },
  empty: { auth_token: "" },
  "as password": { pass: "s3cr3t" },
  "as user": { user: "s3cr3t" },
  "with a user": { auth_token: "s3cr3t", user: "u", pass: "p" },
  "a number": { auth_token: 1 },
}; // prettier-ignore

const open: AuthSetup = { users, noAuthUser: "lists" };
const accounts: AuthSetup = {
  accounts: {
    A: [
      { user: "ann", password: "p" },
      { user: "amy", password: "p" },
    ],
    B: [{ user: "bob", password: "p" }],
  },
}; // prettier-ignore

const probe = `SUB foo.* 1\r\n${pub("foo.x", "y")}`;

const entry: readonly Script[] = [
  ...Object.entries(first).map(([what, send]) =>
    script(`first word: ${what}`, [{ client: "a", send }]),
  ),
  ...Object.entries(credentials).map(([what, more]) =>
    script(`credentials: ${what}`, [{ client: "a", send: connectLine(more) + probe }]),
  ),
  ...Object.entries(credentials).map(([what, more]) =>
    script(
      `credentials where there is a default user: ${what}`,
      [{ client: "a", send: connectLine(more) + probe }],
      open,
    ),
  ),
  ...Object.entries(first).map(([what, send]) =>
    script(`first word where there is a default user: ${what}`, [{ client: "a", send }], open),
  ),
  script(
    "default user: subscribes before CONNECT",
    [
      { client: "a", send: "SUB in.1 1\r\n" },
      { client: "a", send: hello + pub("in.1", "x") + pub("no", "y") },
    ],
    open,
  ),
  script(
    "default user: becomes another one",
    [
      { client: "a", send: "SUB in.1 1\r\nSUB no 2\r\n" },
      { client: "a", send: connectAs("all") + pub("in.1", "x") + pub("no", "y") },
    ],
    open,
  ),
  script(
    "default user: is bound by permissions without CONNECT",
    [
      {
        client: "a",
        send:
          pub("foo.a", "x") +
          pub("foo.secret", "x") +
          pub("no", "x") +
          "SUB bar.* 1\r\nSUB no 2\r\n",
      },
      { client: "p", send: connectAs("all") + pub("bar.a", "x") + pub("bar.no", "x") },
    ],
    open,
  ),
  ...Object.entries(tokens).map(([what, more]) =>
    script(`token: ${what}`, [{ client: "a", send: connectLine(more) + probe }], token),
  ),
  ...["all", "lists", "none"].map((user) =>
    script(`again as ${user}`, [
      { client: "a", send: `${connectAs("all")}SUB one 1\r\n${pub("one", "x")}` },
      { client: "a", send: `${connectAs(user)}SUB one 2\r\n${pub("one", "y")}${pub("no", "z")}` },
    ]),
  ),
  script("again with a wrong password", [
    { client: "a", send: connectAs("all") },
    { client: "a", send: connectLine({ user: "all", pass: "x" }) },
  ]),
  script("silence is ended", [{ client: "a", send: "", settle: "silence" }], {
    users,
    timeoutMs: 100,
  }),
];

const apart: readonly Script[] = [
  ["ann", "amy"],
  ["ann", "bob"],
  ["bob", "ann"],
].flatMap(([reader = "", writer = ""]) => [
  script(
    `accounts: ${reader} listens, ${writer} speaks`,
    [
      { client: "s", send: `${connectAs(reader)}SUB foo 1\r\nSUB > 2\r\n` },
      { client: "p", send: `${connectAs(writer)}SUB in.* 9\r\n${pub("foo", "x", "in.1")}` },
    ],
    accounts,
  ),
  {
    ...script(
      `accounts: a queue group of ${reader} and ${writer}`,
      [
        { client: "s", send: `${connectAs(reader)}SUB foo q 1\r\n` },
        { client: "p", send: `${connectAs(writer)}SUB foo q 1\r\n${pub("foo", "x").repeat(40)}` },
      ],
      accounts,
    ),
    pools: [["s:1", "p:1"]],
  },
]); // prettier-ignore

const key = "UCNGL4W5QX66CFX6A6DCBVDH5VOHMI7B2UZZU7TXAUQQSI2JPHULCKBR";

/** The same things said in other words of the configuration, with the users that may then come. */
const wordings: Readonly<Record<string, string>> = {
  "one user": 'authorization { user: all, password: "p" }',
  "one user, short key": 'authorization { username: "all", pass: p }',
  "a bcrypt hash":
    'authorization { users: [ { user: all, password: "$2b$04$2TeyUdXQVjoyCHwyTXo8Aept6EnoJWka6hchexXVebPsklpgoUqVC" } ] }',
  "one subject as a word":
    'authorization { users: [ { user: all, password: p, permissions: { publish: "foo.x", subscribe: "foo.*" } } ] }',
  "lists of subjects":
    'authorization { users: [ { user: all, password: p, permissions: { pub: ["foo.x", "a.>"], sub: ["foo.*", "b q"] } } ] }',
  "allow and deny as words":
    'authorization { users: [ { user: all, password: p, permissions: { publish: { allow: "foo.>", deny: "foo.x" }, subscribe: { deny: "foo.x" } } } ] }',
  "default permissions":
    'authorization { default_permissions: { publish: "foo.x", subscribe: "a" }, users: [ { user: all, password: p }, { user: other, password: p, permissions: { publish: "b" } } ] }',
  "answers by default":
    'authorization { default_permissions: { allow_responses: true, subscribe: "foo.*" }, users: [ { user: all, password: p } ] }',
  variables:
    'RIGHTS = { publish: "foo.x", subscribe: [ "foo.*", "in.*" ] }\nauthorization { users: [ { user: all, password: p, permissions: $RIGHTS } ] }',
  "a key beside a user": `authorization { users: [ { nkey: ${key} }, { user: all, password: p } ] }`,
  "keys alone": `authorization { users: [ { nkey: ${key} } ] }`,
  "other connections only":
    'authorization { users: [ { user: all, password: p, allowed_connection_types: ["WEBSOCKET"] } ] }',
  "this kind of connection":
    'authorization { users: [ { user: all, password: p, allowed_connection_types: ["STANDARD", "WEBSOCKET"] } ] }',
  accounts:
    "accounts { A { users: [ { user: all, password: p } ] }, B { users: [ { user: other, password: p } ] } }",
  "accounts and a default user":
    "no_auth_user: other\naccounts { A: { users: [ { user: all, password: p } ] }, B: { users: [ { user: other, password: p } ] } }",
  "default permissions of an account":
    'accounts { A { default_permissions: { publish: "foo.x" }, users: [ { user: all, password: p } ] } }',
};

const visitors: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  nobody: {},
  all: { user: "all", pass: "p" },
  other: { user: "other", pass: "p" },
  "all with a wrong password": { user: "all", pass: "P" },
  "a key without signature": { nkey: key },
  "a key with a wrong signature": { nkey: key, sig: "AAAA" },
  "an unknown key": { nkey: `${key.slice(0, -1)}A`, sig: "x" },
}; // prettier-ignore

const reworded: readonly Script[] = Object.entries(wordings).flatMap(([what, text]) =>
  Object.entries(visitors).map(([who, more]) =>
    script(
      `worded as ${what}: ${who}`,
      [
        {
          client: "a",
          send: `${connectLine(more)}SUB foo.x 1\r\nSUB foo.* 2\r\nSUB b q 3\r\nSUB in.* 4\r\n`,
        },
        {
          client: "a",
          send: `${pub("foo.x", "x", "in.1")}${pub("foo.y")}${pub("a.b")}${pub("b")}`,
        },
      ],
      { text },
    ),
  ),
); // prettier-ignore

export const authScripts: readonly Script[] = [
  ...entry,
  ...permissions,
  ...heard,
  ...apart,
  ...reworded,
];
