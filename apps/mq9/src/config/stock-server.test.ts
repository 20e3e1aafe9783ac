// Every snippet goes to a stock nats-server (`-t`) and to us: both take it, or both refuse it, or the
// difference is in one of the lists below with its reason.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseNatsConfig } from "../nats-config/parse.ts";
import { ConfigError } from "../nats-config/tree.ts";
import { settingSnippets, syntaxSnippets } from "../testing/config-snippets.ts";
import { parseConfig } from "./file.ts";
import { brokerOptionsOf, combineLayers } from "./layers.ts";

const peer = path.join(import.meta.dirname, "../../../../.peers/bin/nats-server");
const isThere = existsSync(peer);
const reason = isThere ? "" : "is not installed; run: npm run peers";
if (!isThere && process.env["MQ9_REQUIRE_PEERS"]) throw new Error(`nats-server ${reason}`);

const numberInList = "a number may end at a bracket, as every other value may";
const noValue = "a key without a value is a mistake";
const syntaxDifferences: Readonly<Record<string, string>> = {
  "a:": noValue,
  "a: ": noValue,
  "a {b: }": noValue,
  "a: [1,2]": numberInList,
  "a: [1\n2]": numberInList,
  "a: [[1],[2]]": numberInList,
  "a: [1 # c\n 2]": numberInList,
  "a:[1]": numberInList,
  "a {b: [1], c: 1}": numberInList,
  "a [1]": numberInList,
  "a: [1]]": "a bracket too many is a mistake",
  "# c": "an empty file sets nothing",
  "// c": "an empty file sets nothing",
  "a: x\u0000": "a NUL is in no text file",
};

const lenient = "numbers and sizes may stand in quotes, durations may be bare seconds";
const range = "the highest and lowest values are our own";
const later = "it refuses this too, but only when it starts";
const repeated = "of two things said of one, one would be passed over";
const settingDifferences: Readonly<Record<string, string>> = {
  "port: 1\nport: 2": repeated,
  "Port: 4222\nport: 4222": repeated,
  "max_conn: 1\nmax_connections: 2": repeated,
  "authorization {user: a, password: b, pass: c}": repeated,
  "authorization {user: a, pass: b}\nauthorization {user: c, pass: d}": repeated,
  "accounts {A {users: [{user: a, pass: b}]}, A {users: [{user: c, pass: d}]}}": repeated,
  "accounts {A {exports: [{stream: foo}]}, B {imports: [{stream: {account: A, subject: foo}}]}}":
    "accounts share nothing here, and must not seem to",
  'port: "4222"': lenient,
  "port: 99999": later,
  "https: 8443": "never passed over: it would be in clear",
  'max_payload: "1MB"': lenient,
  "max_payload: 65mb": range,
  "max_payload: 0": range,
  "max_pending: 1k": range,
  "write_deadline: 5": lenient,
  'write_deadline: "5"': lenient,
  "ping_interval: 30": lenient,
  'ping_max: "3"': lenient,
  'lame_duck_duration: "1s"': range,
  "lame_duck_duration: 60": lenient,
  "authorization {user: a}": "an empty password is a mistake",
  "authorization {pass: b}": "it would let everybody in",
  "authorization {users: [{user: a}]}": "an empty password is a mistake",
  "authorization {users: [{user: a, pass: b, permissions: {allow_responses: {max: -1, expires: -1}}}]}":
    lenient,
  "accounts {A {nkey: x}}": "keys of accounts mean nothing here",
  "system_account: NOPE": later,
  "no_auth_user: a": later,
  "authorization {users: [{user: a, pass: b}]}\nno_auth_user: zz": later,
  "accounts {A {users: [{user: a, pass: b}]}}\nauthorization {user: x, pass: y}":
    "the one user is one of the account $G",
  "tls {cert_file: $CERT, key_file: $KEY, verify: true}": "whose certificates count has to be said",
  "tls {cert_file: $CERT, key_file: $KEY, verify_and_map: true}":
    "whose certificates count has to be said",
  "tls {cert_file: $CERT, key_file: $KEY, min_version: 1.3}": lenient,
  'tls {cert_file: $CERT, key_file: $KEY, pinned_certs: ["a8f407340dcc719864214b85ed96f98d16cbffa8f509d9fa4ca237b7bb3f9c32"]}':
    "without verify nobody shows a certificate",
  "websocket {port: 8080}": later,
  'websocket {port: 8080, no_tls: true, allowed_origins: ["::"]}': later,
  "websocket {port: 8080, no_tls: true, jwt_cookie: x}":
    "cookies without a rule about origins let every page in",
  "mq9 {ttl: 1h}": "the block is ours",
};

/** Whether it is what the stock server calls a mistake of the syntax, not of what the keys mean. */
const meaning = /unknown field|:\d+:\d+: (?!config is invalid)/;

describe.skipIf(!isThere)(`beside a nats-server ${reason}`, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "mq9-stock-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const stock = (file: string) => {
    const { status, stderr, stdout } = spawnSync(peer, ["-t", "-c", file], {
      encoding: "utf8",
      timeout: 10_000,
    });
    return { takes: status === 0, output: `${stderr}${stdout}` };
  };

  it("the dialect takes and refuses the same", () => {
    const file = path.join(folder, "s.conf");
    const differences = syntaxSnippets.filter((snippet) => {
      writeFileSync(file, snippet);
      const { takes, output } = stock(file);
      return (takes || meaning.test(output)) !== parses(snippet);
    });
    expect(differences.toSorted()).toEqual(Object.keys(syntaxDifferences).toSorted());
  }, 60_000);

  it("settings and blocks are taken and refused the same", () => {
    const [certFile, keyFile] = [path.join(folder, "c.pem"), path.join(folder, "k.pem")];
    const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    const made = spawnSync("openssl", [
      ...request.split(" "),
      ...["-subj", "/CN=localhost", "-keyout", keyFile, "-out", certFile],
    ]);
    expect(made.status).toBe(0);
    const file = path.join(folder, "s.conf");
    writeFileSync(path.join(folder, "inc.conf"), "port: 4444\n");
    const differences = settingSnippets.filter((snippet) => {
      const text = snippet.replaceAll("$CERT", certFile).replaceAll("$KEY", keyFile);
      writeFileSync(file, text);
      return stock(file).takes !== isUsable(text, file);
    });
    expect(differences.toSorted()).toEqual(Object.keys(settingDifferences).toSorted());
  }, 60_000);
});

function parses(text: string): boolean {
  const readFile = (): never => {
    throw new Error("there is no such file");
  };
  try {
    parseNatsConfig(text, "/dev/stdin", { environment: process.env, readFile });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return false;
  }
}

function isUsable(text: string, file: string): boolean {
  try {
    brokerOptionsOf(combineLayers([parseConfig(text, file, process.env)]));
    return true;
  } catch (error) {
    if ((error as Error).name !== "ExitError") throw error;
    return false;
  }
}
