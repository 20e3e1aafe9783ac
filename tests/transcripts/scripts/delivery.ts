// Scripts of several clients: who gets what, queue groups, echo, headers for those who take none, no
// responders, coming and going.
import {
  type Act,
  between,
  connectLine,
  hello,
  hpub,
  type Pool,
  pub,
  type Script,
} from "../script.ts";

const block = "NATS/1.0\r\nA: b\r\n\r\n";
type Talk = readonly (readonly [client: string, text: string])[];

const talks: Readonly<Record<string, Talk>> = {
  "one to one": [
    ["s", "SUB foo 1\r\n"],
    ["p", pub("foo", "x")],
  ],
  "one to two": [
    ["s", "SUB foo 1\r\n"],
    ["t", "SUB foo 1\r\n"],
    ["p", pub("foo", "x")],
  ],
  "two to one": [
    ["s", "SUB foo 1\r\n"],
    ["p", pub("foo", "x")],
    ["q", pub("foo", "y")],
  ],
  "the publisher hears itself": [
    ["s", "SUB foo 1\r\n"],
    ["p", `SUB foo 1\r\n${pub("foo", "x")}`],
  ],
  "nobody listens": [
    ["s", "SUB bar 1\r\n"],
    ["p", pub("foo", "x")],
  ],
  "subscribed too late": [
    ["p", pub("foo", "x")],
    ["s", "SUB foo 1\r\n"],
    ["p", pub("foo", "y")],
  ],
  "unsubscribed in between": [
    ["s", "SUB foo 1\r\n"],
    ["p", pub("foo", "x")],
    ["s", "UNSUB 1\r\n"],
    ["p", pub("foo", "y")],
  ],
  "subscribed again in between": [
    ["s", "SUB foo 1\r\n"],
    ["s", "UNSUB 1\r\n"],
    ["s", "SUB foo 2\r\n"],
    ["p", pub("foo", "y")],
  ],
  "sids are of the connection": [
    ["s", "SUB foo 1\r\n"],
    ["t", "SUB bar 1\r\n"],
    ["s", "UNSUB 1\r\n"],
    ["p", pub("bar", "x")],
  ],
  "order of one publisher": [
    ["s", "SUB a 1\r\nSUB b 2\r\n"],
    ["p", Array.from({ length: 50 }, (_, at) => pub(at % 3 === 0 ? "a" : "b", `${at}`)).join("")],
  ],
  "order over wildcards": [
    ["s", "SUB o.* 1\r\n"],
    ["p", Array.from({ length: 50 }, (_, at) => pub(`o.${at % 7}`, `${at}`)).join("")],
  ],
  "500 messages": [
    ["s", "SUB foo 1\r\n"],
    ["p", pub("foo", "x").repeat(500)],
  ],
  "request and reply": [
    ["s", "SUB svc 1\r\n"],
    ["p", `SUB in.* 9\r\n${pub("svc", "q", "in.1")}`],
    ["s", pub("in.1", "a")],
  ],
  "request and two replies": [
    ["s", "SUB svc 1\r\n"],
    ["t", "SUB svc 1\r\n"],
    ["p", `SUB in.* 9\r\n${pub("svc", "q", "in.1")}`],
    ["s", pub("in.1", "a")],
    ["t", pub("in.1", "b")],
  ],
  "request with max 1": [
    ["s", "SUB svc 1\r\n"],
    ["p", `SUB in.1 9\r\nUNSUB 9 1\r\n${pub("svc", "q", "in.1")}`],
    ["s", pub("in.1", "a") + pub("in.1", "b")],
  ],
  "reply to who left": [
    ["s", "SUB svc 1\r\n"],
    ["p", `SUB in.1 9\r\n${pub("svc", "q", "in.1")}UNSUB 9\r\n`],
    ["s", pub("in.1", "a")],
  ],
  "request to nobody": [
    ["p", `SUB in.* 9\r\n${pub("svc", "q", "in.1")}`],
    ["s", "SUB svc 1\r\n"],
    ["p", pub("svc", "q", "in.2")],
  ],
  "request to nobody, inbox of another": [
    ["s", "SUB in.* 1\r\n"],
    ["p", pub("svc", "q", "in.1")],
  ],
  "request to nobody, inbox in a queue": [["p", `SUB in.* q 9\r\n${pub("svc", "q", "in.1")}`]],
  "request to nobody, inbox of both": [
    ["s", "SUB in.* 1\r\n"],
    ["p", `SUB in.* 9\r\n${pub("svc", "q", "in.1")}`],
  ],
  "request to nobody, two inboxes": [
    ["p", `SUB in.* 8\r\nSUB in.1 9\r\n${pub("svc", "q", "in.1")}`],
  ],
  "request to nobody, inbox with max": [
    ["p", `SUB in.* 8\r\nUNSUB 8 1\r\n${pub("svc", "q", "in.1")}${pub("svc", "q", "in.2")}`],
  ],
  "request to nobody with headers": [["p", `SUB in.* 8\r\n${hpub("svc", block, "q", "in.1")}`]],
  "request to oneself": [["p", `SUB svc 1\r\nSUB in.* 8\r\n${pub("svc", "q", "in.1")}`]],
  "request to an empty queue group": [
    ["s", "SUB svc q 1\r\n"],
    ["s", "UNSUB 1\r\n"],
    ["p", `SUB in.* 8\r\n${pub("svc", "q", "in.1")}`],
  ],
  "request where max was reached": [
    ["s", "SUB svc 1\r\nUNSUB 1 1\r\n"],
    ["p", `SUB in.* 8\r\n${pub("svc", "q", "in.1")}${pub("svc", "q", "in.2")}`],
  ],
  "request to the inbox itself": [["p", `SUB in.* 8\r\n${pub("in.1", "q", "in.1")}`]],
  "request with a long subject": [["p", `SUB in.* 8\r\n${pub("s".repeat(300), "", "in.1")}`]],
  "reply of two levels": [
    ["s", "SUB svc 1\r\n"],
    ["p", `SUB in.> 9\r\n${pub("svc", "q", "in.1")}`],
    ["s", pub("in.1", "a", "in.2")],
  ],
  "headers to both kinds": [
    ["s", "SUB foo 1\r\n"],
    ["p", hpub("foo", block, "x", "r")],
  ],
  "wildcards of two clients": [
    ["s", "SUB foo.* 1\r\n"],
    ["t", "SUB *.bar 2\r\nSUB > 3\r\n"],
    ["p", pub("foo.bar", "x") + pub("foo.baz") + pub("a.bar")],
  ],
  "max of one reader among two": [
    ["s", "SUB foo 1\r\nUNSUB 1 2\r\n"],
    ["t", "SUB foo 1\r\n"],
    ["p", pub("foo", "x").repeat(4)],
  ],
  "max counted over two publishers": [
    ["s", "SUB foo 1\r\nUNSUB 1 2\r\n"],
    ["p", pub("foo", "x")],
    ["q", pub("foo", "y") + pub("foo", "z")],
  ],
  "publishing to one's own wildcard and another's": [
    ["s", "SUB a.> 1\r\n"],
    ["p", `SUB *.b 2\r\n${pub("a.b", "x", "a.c")}`],
  ],
  "large and small in turn": [
    ["s", "SUB foo 1\r\n"],
    ["p", (pub("foo", "x".repeat(70_000)) + pub("foo", "y")).repeat(5)],
  ],
  "an error does not end the other": [
    ["s", "SUB foo 1\r\n"],
    ["b", "JUNK\r\n"],
    ["p", pub("foo", "x")],
  ],
  "a dead reader is forgotten": [
    ["b", "SUB foo 1\r\n"],
    ["b", "JUNK\r\n"],
    ["p", `SUB in.* 9\r\n${pub("foo", "x", "in.1")}`],
  ],
}; // prettier-ignore

/** Members as `client:sid`, patterns of each, what is published, how often, and the groups. */
const groups: readonly (readonly [name: string, talk: Talk, pools: readonly Pool[]])[] = [
  [
    "two members",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["p", pub("foo", "x").repeat(40)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "three members",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["u", "SUB foo q 1\r\n"],
      ["p", pub("foo", "x").repeat(60)],
    ],
    [["s:1", "t:1", "u:1"]],
  ],
  [
    "members of one client",
    [
      ["s", "SUB foo q 1\r\nSUB foo q 2\r\nSUB foo q 3\r\n"],
      ["p", pub("foo", "x").repeat(60)],
    ],
    [["s:1", "s:2", "s:3"]],
  ],
  [
    "two groups",
    [
      ["s", "SUB foo q 1\r\nSUB foo r 2\r\n"],
      ["t", "SUB foo q 1\r\nSUB foo r 2\r\n"],
      ["p", pub("foo", "x").repeat(40)],
    ],
    [
      ["s:1", "t:1"],
      ["s:2", "t:2"],
    ],
  ],
  [
    "a group and a plain one",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\nSUB foo 2\r\n"],
      ["p", pub("foo", "x").repeat(20)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "different patterns",
    [
      ["s", "SUB foo.* q 1\r\n"],
      ["t", "SUB foo.bar q 1\r\n"],
      ["u", "SUB > q 1\r\n"],
      ["p", pub("foo.bar", "x").repeat(60)],
    ],
    [["s:1", "t:1", "u:1"]],
  ],
  [
    "different patterns, one fits",
    [
      ["s", "SUB foo.* q 1\r\n"],
      ["t", "SUB bar.* q 1\r\n"],
      ["p", pub("foo.bar", "x").repeat(10)],
    ],
    [["s:1"], ["t:1"]],
  ],
  [
    "names are exact",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo Q 1\r\n"],
      ["p", pub("foo", "x").repeat(10)],
    ],
    [["s:1"], ["t:1"]],
  ],
  [
    "the publisher is a member",
    [
      ["s", "SUB foo q 1\r\n"],
      ["p", `SUB foo q 1\r\n${pub("foo", "x").repeat(40)}`],
    ],
    [["s:1", "p:1"]],
  ],
  [
    "one member left",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["t", "UNSUB 1\r\n"],
      ["p", pub("foo", "x").repeat(10)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "one member gone by an error",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["t", "JUNK\r\n"],
      ["p", pub("foo", "x").repeat(10)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "with headers",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["p", hpub("foo", block, "x").repeat(40)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "with replies",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["p", pub("foo", "x", "r.1").repeat(40)],
    ],
    [["s:1", "t:1"]],
  ],
  [
    "many groups",
    [
      ["s", Array.from({ length: 8 }, (_, at) => `SUB foo q${at} ${at}\r\n`).join("")],
      ["p", pub("foo", "x").repeat(5)],
    ],
    Array.from({ length: 8 }, (_, at) => [`s:${at}`]),
  ],
  [
    "two publishers",
    [
      ["s", "SUB foo q 1\r\n"],
      ["t", "SUB foo q 1\r\n"],
      ["p", pub("foo", "x").repeat(20)],
      ["o", pub("foo", "x").repeat(20)],
    ],
    [["s:1", "t:1"]],
  ],
]; // prettier-ignore

const leaving: readonly Script[] = [
  ["SUB foo 1\r\n", ""],
  ["SUB foo q 1\r\n", " of a queue group"],
  ["SUB > 1\r\n", " with a wildcard"],
].map(([subscribe = "", how = ""]) => ({
  name: `clients: a reader${how} hangs up`,
  acts: [
    { client: "s", send: `${hello}${subscribe}` },
    { client: "p", send: `${hello}SUB in.* 9\r\n${pub("foo", "x", "in.1")}` },
    { client: "s", send: "", leaves: true },
    { client: "p", send: pub("foo", "y", "in.2") },
  ],
}));

/** One client with each pair of echo and headers, beside a stock one. */
function optionsAgainstDelivery(): Script[] {
  const pairs = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ]; // prettier-ignore
  return pairs.flatMap(([echo, headers]) => {
    const connect = connectLine({ echo, headers, no_responders: headers });
    const own: Readonly<Record<string, string>> = {
      "its own subscription": `SUB foo 1\r\n${pub("foo", "x")}`,
      "two of its own": `SUB foo 1\r\nSUB fo* 2\r\nSUB > 3\r\n${pub("foo", "x")}`,
      "a request to itself": `SUB foo 1\r\nSUB in.* 2\r\n${pub("foo", "x", "in.1")}`,
      "a request to its own queue group": `SUB foo q 1\r\nSUB in.* 2\r\n${pub("foo", "x", "in.1")}`,
      "max of its own": `SUB foo 1\r\nUNSUB 1 1\r\n${pub("foo", "x").repeat(2)}`,
    };
    const alone = Object.entries(own).map(
      ([what, text]): Script => ({
        name: `echo ${echo}, headers ${headers}: ${what}`,
        acts: [{ client: "a", send: connect + text }],
      }),
    );
    const beside = Object.entries(own).map(
      ([what, text]): Script => ({
        name: `echo ${echo}, headers ${headers}: ${what}, and a reader`,
        acts: [
          { client: "s", send: `${hello}SUB foo 1\r\n` },
          { client: "a", send: connect + text },
          { client: "s", send: hpub("foo", block, "h", "r") },
        ],
      }),
    );
    const grouped: Script = {
      name: `echo ${echo}, headers ${headers}: a queue group of both`,
      acts: [
        { client: "s", send: `${hello}SUB foo q 1\r\n` },
        { client: "a", send: `${connect}SUB foo q 1\r\n${pub("foo", "x").repeat(40)}` },
      ],
      pools: [["s:1", "a:1"]],
    };
    return [...alone, ...beside, grouped];
  });
}

function reconnecting(): Script[] {
  const first: Act = { client: "a", send: `${hello}SUB foo 1\r\nSUB bar q 2\r\n` };
  const left: Act = { client: "a", send: "", leaves: true };
  const publish: Act = { client: "p", send: `${hello}${pub("foo", "x")}${pub("bar", "y")}` };
  return [
    {
      name: "clients: subscribes again from a new connection",
      acts: [first, left, { client: "b", send: first.send }, publish],
    },
    {
      name: "clients: a new connection has no subscriptions",
      acts: [first, left, { client: "b", send: hello }, publish],
    },
    {
      name: "clients: hangs up in the middle of a publish",
      acts: [
        first,
        { client: "b", send: `${hello}PUB foo 10\r\nhalf`, settle: "silence" },
        { client: "b", send: "", leaves: true },
        publish,
      ],
    },
    {
      name: "clients: hangs up in the middle of a line",
      acts: [
        first,
        { client: "b", send: `${hello}PUB fo`, settle: "silence" },
        { client: "b", send: "", leaves: true },
        publish,
      ],
    },
    {
      name: "clients: publishes and hangs up",
      acts: [
        first,
        { client: "b", send: hello + pub("foo", "last") },
        { client: "b", send: "", leaves: true },
        publish,
      ],
    },
    ...["", "SUB foo 1\r\n"].map(
      (text): Script => ({
        name: `clients: second CONNECT with ${text === "" ? "no" : "one"} subscription`,
        acts: [{ client: "a", send: hello + text }, { client: "a", send: hello }, publish],
      }),
    ),
  ];
}

export const deliveryScripts: readonly Script[] = [
  ...Object.entries(talks).map(([name, talk]) => between(`clients: ${name}`, talk)),
  ...groups.map(([name, talk, pools]) => between(`queue: ${name}`, talk, pools)),
  ...leaving,
  ...optionsAgainstDelivery(),
  ...reconnecting(),
];
