import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig, readConfigFile } from "./file.ts";

function problem(text: string, file = "mq9.yaml"): string {
  try {
    parseConfig(text, file);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the file was accepted");
}

describe("parseConfig", () => {
  it("reads YAML with units, plain numbers and comments", () => {
    const { values, sources } = parseConfig(
      "# ours\nport: -1\nmax_payload: 2MiB # twice\nmax_pending: 67108864\ninsecure: yes\nttl: 90\n",
      "mq9.yaml",
    );
    expect(values).toEqual({
      port: -1,
      maxPayload: 2_097_152,
      maxPending: 67_108_864,
      insecure: true,
      ttl: 90,
    });
    expect(sources.port).toBe("file mq9.yaml:2");
  });

  it("reads JSON", () => {
    expect(parseConfig('{"port": 4333, "insecure": true, "ttl": "2d"}', "f").values).toEqual({
      port: 4333,
      insecure: true,
      ttl: 172_800,
    });
  });

  it("takes an empty file for one that sets nothing", () => {
    expect(parseConfig("", "f").values).toEqual({});
    expect(parseConfig("# nothing\n", "f").values).toEqual({});
  });

  it("names an unknown key and the one that was probably meant", () => {
    expect(problem("max_paylod: 1")).toBe(
      "configuration file mq9.yaml:1:1: max_paylod: there is no such setting; did you mean max_payload?",
    );
    expect(problem("wholly_unlike_anything: 1")).not.toContain("mean");
  });

  it("lists everything that is wrong at once", () => {
    const text = problem("port: 99999\nttl: soon\nhost:\ninsecure: 3\nlimits: {}\n__proto__: {}");
    for (const key of ["port", "ttl", "host", "insecure", "limits", "__proto__"]) {
      expect(text).toMatch(new RegExp(`\\n  mq9.yaml:\\d:1: ${key}: `));
    }
  });

  it("says where the syntax breaks", () => {
    expect(problem("port: [1\nttl: 2")).toMatch(/mq9\.yaml:2:1: no valid YAML or JSON/);
  });

  it.each([
    [
      "server.conf",
      "port: 1\nttl: 2\nport: 3",
      ["3:1: port: stands here for the second time, after line 1"],
    ],
    [
      "mq9.yaml",
      "port: 1\nttl: 2\nport: 3",
      ["3:1: port: stands here for the second time, after line 1"],
    ],
    [
      "mq9.json",
      '{"port": 1,\n"port": 2}',
      ["2:1: port: stands here for the second time, after line 1"],
    ],
    ["mq9.yaml", "Port: 1\nport: 2", ["2:1: port: stands here for the second time, after line 1"]],
    [
      "server.conf",
      "max_conn: 1\nmax_connections: 2",
      ["max_connections is something else in line 1"],
    ],
    ["server.conf", "http_port: 1\nhttp: 2", ["2:1: http_port is something else in line 1"]],
    [
      "server.conf",
      "authorization {\n user: a\n pass: b\n password: c\n}",
      ["4:2: password: is another name of pass, line 3"],
    ],
    [
      "server.conf",
      "accounts {\n A { users: [] }\n A { users: [] }\n}",
      ["3:2: A: stands here for the second time, after line 2"],
    ],
    [
      "server.conf",
      "authorization { users: [\n {user: a, pass: b}\n {user: a, pass: c}\n {user: d}\n] }",
      ["3:2: user a is there twice; first in line 2", "4:2: user d has no password"],
    ],
    [
      "server.conf",
      "authorization { user: a }\naccounts { A { users: [\n {user: a, pass: c}\n] } }",
      ["1:1: user a has no password", "3:2: user a is there twice; first in line 1"],
    ],
    [
      "server.conf",
      'authorization { users: [\n {user: a, pass: b, mailboxes { send: "a..b" }}\n] }',
      ["2:33: send:"],
    ],
  ])("refuses in %s what is said twice, or not at all: %j", (file, text, expected) => {
    for (const line of expected) expect(problem(text, file)).toContain(line);
  });

  it("lets a file change in parts what it includes, and says so", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "mq9-file-"));
    writeFileSync(path.join(folder, "base.conf"), "port: 1\nmax_payload: 2MB\n");
    const { values, remarks } = parseConfig(
      "include ./base.conf\nport: 2\n",
      path.join(folder, "server.conf"),
    );
    rmSync(folder, { recursive: true });
    expect(values.port).toBe(2);
    expect(remarks.join()).toMatch(
      /server\.conf:2: port takes the place of that in .*base\.conf:1/,
    );
  });

  it("tells of ten mistakes and counts the rest", () => {
    const keys = Array.from({ length: 14 }, (_, at) => `nothing_like_${at}: 1`);
    const lines = problem(keys.join("\n")).split("\n");
    expect(lines).toHaveLength(12);
    expect(lines[1]).toContain("mq9.yaml:1:1: nothing_like_0");
    expect(lines.at(-1)).toBe("  and 4 more");
  });

  it("refuses what is no list of settings", () => {
    expect(problem("- port")).toContain("one `key: value` per line");
    expect(problem("4222")).toContain("one `key: value` per line");
  });

  it("does not unfold a file that multiplies itself", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 9; i++) {
      const [from, to] = [String.fromCharCode(96 + i), String.fromCharCode(97 + i)];
      bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(", ")}]`);
    }
    expect(problem(bomb.join("\n"))).toContain("configuration file mq9.yaml");
  });
});

describe("readConfigFile", () => {
  it("says so when there is no such file, or it is a folder", () => {
    expect(() => readConfigFile("./no/such/file.yaml")).toThrow(
      "there is no configuration file ./no/such/file.yaml",
    );
    expect(() => readConfigFile(".")).toThrow("is a folder");
  });
});
