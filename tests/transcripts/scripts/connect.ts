// Scripts on CONNECT: every option alone and together, values of wrong types, odd JSON, and CONNECT again.
import {
  connectLine,
  hello,
  hpub,
  libraryOptions,
  pub,
  type Script,
  shown,
  utf8,
} from "../script.ts";

/** What shows all options at work, whatever they are: CONNECT, then this. */
const probe =
  `SUB foo 1\r\nSUB in.* 2\r\n${pub("foo", "own")}${pub("nobody", "", "in.1")}${pub("foo..bar", "x")}` +
  `${pub("foo.*", "y")}UNSUB 1\r\nPING\r\n${hpub("in.9", "NATS/1.0\r\nA: b\r\n\r\n", "z")}`;

function combinations(): Script[] {
  const flags = ["verbose", "pedantic", "echo", "headers", "no_responders"] as const;
  return Array.from({ length: 2 ** flags.length }, (_, bits): Script => {
    const options = Object.fromEntries(flags.map((flag, at) => [flag, (bits & (1 << at)) !== 0]));
    const on = flags.filter((flag) => options[flag] === true).join(" ") || "nothing";
    return {
      name: `options: ${on}`,
      acts: [{ client: "a", send: `${connectLine(options)}${probe}` }],
    };
  });
}

const keys = [
  "verbose",
  "pedantic",
  "echo",
  "headers",
  "no_responders",
  "tls_required",
  "protocol",
  "user",
  "pass",
  "auth_token",
  "jwt",
  "nkey",
  "sig",
  "name",
  "lang",
  "version",
  "account",
  "new_account",
  "unknown",
]; // prettier-ignore
const values: readonly string[] = ["true", "1", "0", "1.0", "1e0", '"x"', '""', "null", "[]", "{}"];

function types(): Script[] {
  return keys.flatMap((key) =>
    values.map((value): Script => {
      const { [key as keyof typeof libraryOptions]: _, ...others } = libraryOptions;
      const json = `${JSON.stringify(others).slice(0, -1)},"${key}":${value}}`;
      return {
        name: `value: ${key} = ${value}`,
        acts: [{ client: "a", send: `CONNECT ${json}\r\n${probe}` }],
      };
    }),
  );
}

const oddJson: Readonly<Record<string, string>> = {
  "an empty object": "{}",
  "an empty object with blanks": " {  } ",
  "an array": "[]",
  "a string": '"x"',
  "a number": "1",
  null: "null",
  true: "true",
  nothing: "",
  "blanks only": "   ",
  "an open object": "{",
  "a closed object": "}",
  "no quotes": "{verbose:false}",
  "single quotes": "{'verbose':false}",
  "a trailing comma": '{"verbose":false,}',
  "a comment": '{"verbose":false/*x*/}',
  "two objects": '{"verbose":false}{"verbose":true}',
  "something behind": '{"verbose":false} x',
  "blanks behind": '{"verbose":false}   \t',
  "duplicate keys": '{"verbose":true,"verbose":false}',
  "duplicate keys the other way": '{"verbose":false,"verbose":true}',
  "duplicate keys of two types": '{"verbose":"x","verbose":false}',
  "keys in capitals": '{"VERBOSE":false,"Pedantic":false}',
  "a key in two cases": '{"verbose":true,"VERBOSE":false}',
  "escaped letters in a key": '{"\\u0076erbose":false,"pedantic":false}',
  "escaped letters in a value": '{"verbose":false,"pedantic":false,"name":"\\u00e9\\ud83d\\udcec"}',
  "half a surrogate pair": '{"verbose":false,"pedantic":false,"name":"\\ud83d"}',
  "a bad escape": '{"verbose":false,"name":"\\x"}',
  "a raw tab in a string": '{"verbose":false,"name":"a\tb"}',
  "a raw NUL in a string": '{"verbose":false,"name":"a\0b"}',
  "UTF-8": utf8('{"verbose":false,"pedantic":false,"name":"grüße 📬"}'),
  "invalid UTF-8": '{"verbose":false,"pedantic":false,"name":"\xff\xfe"}',
  "a byte order mark": '\xef\xbb\xbf{"verbose":false}',
  "tabs between": '{\t"verbose"\t:\tfalse\t,\t"pedantic":false}',
  "a deep value": `{"verbose":false,"pedantic":false,"x":${"[".repeat(500)}${"]".repeat(500)}}`,
  "a deep open value": `{"x":${"[".repeat(500)}`,
  "a large number": '{"verbose":false,"pedantic":false,"x":1e400}',
  "a large protocol": '{"verbose":false,"protocol":99999999999999999999}',
  "protocol 2": '{"verbose":false,"protocol":2}',
  "protocol -1": '{"verbose":false,"protocol":-1}',
  "protocol 0": '{"verbose":false,"pedantic":false,"protocol":0}',
  "protocol 1.5": '{"verbose":false,"protocol":1.5}',
  "an account": '{"verbose":false,"account":"A"}',
  "an empty account": '{"verbose":false,"pedantic":false,"account":""}',
  "a new account": '{"verbose":false,"new_account":true}',
  "no new account": '{"verbose":false,"pedantic":false,"new_account":false}',
  "credentials nobody asks for":
    '{"verbose":false,"pedantic":false,"user":"u","pass":"p","auth_token":"t","jwt":"j","nkey":"n","sig":"s"}',
  __proto__: '{"verbose":false,"pedantic":false,"__proto__":{"verbose":true}}',
  constructor: '{"verbose":false,"pedantic":false,"constructor":1,"toString":2}',
  "an empty key": '{"verbose":false,"pedantic":false,"":1}',
  "1000 unknown keys": `{"verbose":false,"pedantic":false${Array.from({ length: 300 }, (_, at) => `,"k${at}":1`).join("")}}`,
  "a control line inside a string": '{"verbose":false,"pedantic":false,"name":"PUB foo 0\\r\\n"}',
  "an escaped slash": '{"verbose":false,"pedantic":false,"name":"a\\/b"}',
  "fractions of booleans": '{"verbose":fals}',
  "booleans in capitals": '{"verbose":FALSE}',
  NaN: '{"verbose":false,"x":NaN}',
  hexadecimal: '{"verbose":false,"protocol":0x1}',
  "a leading zero": '{"verbose":false,"protocol":01}',
  "a leading plus": '{"verbose":false,"protocol":+1}',
  "remote fields":
    '{"verbose":false,"pedantic":false,"import":{},"export":{},"remote_account":"x","proxy_sig":"y"}',
};

/** Before, and with, a second CONNECT. */
const again: Readonly<Record<string, readonly string[]>> = {
  "the same": [connectLine(), connectLine(), probe],
  "now verbose": [connectLine(), connectLine({ verbose: true }), probe],
  "no longer verbose": [connectLine({ verbose: true }), connectLine({ verbose: false }), probe],
  "now pedantic": [connectLine(), connectLine({ pedantic: true }), probe],
  "no echo any more": [connectLine(), connectLine({ echo: false }), probe],
  "echo again": [connectLine({ echo: false }), connectLine({ echo: true }), probe],
  "no headers any more": [
    connectLine(),
    connectLine({ headers: false, no_responders: false }),
    probe,
  ],
  "headers only now": [connectLine({ headers: false, no_responders: false }), connectLine(), probe],
  "another protocol": [connectLine(), connectLine({ protocol: 0 }), probe],
  "a wrong protocol": [connectLine(), connectLine({ protocol: 5 }), probe],
  "no JSON": [connectLine(), "CONNECT x\r\n", probe],
  "no responders without headers": [connectLine(), connectLine({ headers: false }), probe],
  "an account": [connectLine(), connectLine({ account: "A" }), probe],
  "after SUB": [
    connectLine(),
    "SUB foo 1\r\n",
    connectLine(),
    pub("foo", "x"),
    "SUB foo 1\r\n",
    pub("foo", "y"),
  ],
  "after SUB without CONNECT": ["SUB foo 1\r\n", connectLine(), pub("foo", "x")],
  "after PING": ["PING\r\n", connectLine(), probe],
  "after PUB without CONNECT": [pub("foo", "x"), connectLine(), probe],
  "three times": [connectLine(), connectLine(), connectLine(), probe],
  "another name": [connectLine({ name: "x" }), connectLine({ name: "y" }), probe],
};

const without: Readonly<Record<string, string>> = {
  probe,
  PING: "PING\r\n",
  PONG: "PONG\r\n",
  "+OK": "+OK\r\n",
  INFO: "INFO {}\r\n",
  "-ERR": "-ERR 'x'\r\n",
  SUB: `SUB foo 1\r\n${pub("foo", "x")}`,
  "SUB with queue": `SUB foo q 1\r\n${pub("foo", "x")}`,
  "SUB invalid": "SUB a..b 1\r\n",
  UNSUB: "UNSUB 1\r\n",
  "PUB pedantic": `SUB > 1\r\n${pub("a..b", "x")}${pub("a.*", "x")}`,
  "a request to nobody": `SUB in.* 1\r\n${pub("x", "", "in.1")}`,
};

export const connectScripts: readonly Script[] = [
  ...combinations(),
  ...types(),
  ...Object.entries(oddJson).map(
    ([what, json]): Script => ({
      name: `CONNECT: ${what}`,
      acts: [{ client: "a", send: `CONNECT ${json}\r\n${probe}` }],
    }),
  ),
  ...[
    "CONNECT{}",
    "CONNECT\t{}",
    "CONNECT   {}",
    "connect {}",
    "CONNECT",
    "CONNECT ",
    "CONNECT{",
    "CONNECTx",
    'CONNECT"x"',
  ].map(
    (line): Script => ({
      name: `CONNECT line: ${shown(line)}`,
      acts: [{ client: "a", send: `${line}\r\n${probe}` }],
    }),
  ),
  ...Object.entries(again).map(
    ([what, sends]): Script => ({
      name: `CONNECT again: ${what}`,
      acts: [{ client: "a", send: sends.join("") }],
    }),
  ),
  ...Object.entries(again).map(
    ([what, sends]): Script => ({
      name: `CONNECT again, one by one: ${what}`,
      acts: sends.map((send) => ({ client: "a", send })),
    }),
  ),
  ...Object.entries(without).map(
    ([what, send]): Script => ({
      name: `no CONNECT: ${what}`,
      acts: [{ client: "a", send }],
    }),
  ),
  { name: "silence: nothing is said", acts: [{ client: "a", send: "" }] },
  { name: "CONNECT in pieces of 1", acts: [{ client: "a", send: hello + probe, pieceBytes: 1 }] },
  { name: "CONNECT in pieces of 50", acts: [{ client: "a", send: hello + probe, pieceBytes: 50 }] },
];
