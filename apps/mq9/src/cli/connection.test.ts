import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConnectionFlags, connectionFacts } from "./connection.ts";
import { withoutSecrets } from "./session.ts";

let home = "";

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), "mq9-contexts-"));
  const write = (name: string, text: string) => {
    const file = path.join(home, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  write(
    "mq9/context/work.json",
    '{"url":"nats://work","user":"ann","password":"pw","agent":"ann-1"}',
  );
  write("mq9/context/half.json", '{"user":"bob","password":"pw"}');
  write("mq9/context/wrong.json", '{"uri":"nats://x"}');
  write("mq9/context/text.json", "nats://x");
  write("mq9/context/files.json", '{"url":"tls://f","creds":"f.creds","tlsCa":"~/ca.pem"}');
  write(
    "nats/context/theirs.json",
    '{"url":"nats://theirs","token":"t","nkey":"","color_scheme":""}',
  );
  write("chosen/mq9/context.txt", "work\n");
  write("chosen/mq9/context/work.json", '{"url":"nats://chosen"}');
});

afterAll(() => rmSync(home, { recursive: true }));

function facts(flags: ConnectionFlags = {}, env: Readonly<Record<string, string>> = {}) {
  return connectionFacts(flags, { XDG_CONFIG_HOME: home, ...env });
}

describe("where a command connects", () => {
  it.each<[string, ConnectionFlags, Readonly<Record<string, string>>, string, string]>([
    ["nothing", {}, {}, "nats://127.0.0.1:4222", "default"],
    ["NATS_URL", {}, { NATS_URL: "nats://n" }, "nats://n", "NATS_URL"],
    ["MQ9_URL before it", {}, { NATS_URL: "nats://n", MQ9_URL: "nats://m" }, "nats://m", "MQ9_URL"],
    [
      "MQ9_CONTEXT",
      {},
      { MQ9_CONTEXT: "work", MQ9_URL: "nats://m" },
      "nats://work",
      "context work",
    ],
    ["NATS_CONTEXT", {}, { NATS_CONTEXT: "theirs" }, "nats://theirs", "context theirs"],
    ["the chosen context", {}, { XDG_CONFIG_HOME: "chosen" }, "nats://chosen", "context work"],
    ["--context", { context: "work" }, { MQ9_URL: "nats://m" }, "nats://work", "context work"],
    ["--url", { url: "nats://u" }, { MQ9_CONTEXT: "work" }, "nats://u", "--url"],
    ["--server", { server: "nats://u" }, {}, "nats://u", "--url"],
  ])("%s", (_name, flags, env, url, source) => {
    const chosen = env["XDG_CONFIG_HOME"];
    const all = chosen === undefined ? env : { ...env, XDG_CONFIG_HOME: path.join(home, chosen) };
    expect(facts(flags, all)).toMatchObject({ url, source });
  });
});

describe("as whom", () => {
  it("a context's credentials go nowhere but to its own address", () => {
    expect(facts({ context: "work" })).toMatchObject({ user: "ann", password: "pw" });
    expect(facts({ url: "nats://u" }, { MQ9_CONTEXT: "work" }).user).toBeUndefined();
    expect(facts({ url: "nats://u", context: "work" })).toMatchObject({ user: "ann" });
  });

  it("who one is comes from one place as a whole", () => {
    const env = { MQ9_USER: "eve", MQ9_PASSWORD: "epw", MQ9_CREDS: "/e.creds" };
    expect(facts({}, env)).toMatchObject({ user: "eve", password: "epw", creds: "/e.creds" });
    const flags = facts({ token: "t" }, env);
    expect([flags.user, flags.password, flags.token, flags.creds]).toEqual([
      undefined,
      undefined,
      "t",
      undefined,
    ]);
    expect(facts({ context: "work" }, env).creds).toBeUndefined();
    expect(() => facts({ password: "pw" })).toThrow("a password needs a user");
  });

  it("some time has to be there for an answer", () => {
    expect(() => facts({ requestTimeout: 0 })).toThrow("--request-timeout");
    expect(facts({ requestTimeout: 1 }).timeoutMs).toBe(1);
  });

  it("a context without an address goes to the default one", () => {
    expect(facts({ context: "half" })).toMatchObject({ url: "nats://127.0.0.1:4222", user: "bob" });
  });

  it("knows the agent's name", () => {
    expect(facts({ context: "work" }).agent).toBe("ann-1");
    expect(facts({ context: "work" }, { MQ9_AGENT: "me" }).agent).toBe("me");
  });

  it("finds files of a context beside it", () => {
    const { creds, tlsCa } = facts({ context: "files" });
    expect(creds).toBe(path.join(home, "mq9/context/f.creds"));
    expect(tlsCa).toMatch(/^\/.*\/ca\.pem$/);
  });
});

describe("a context that can not be used", () => {
  it.each([
    ["nobody", "there is no context nobody"],
    ["../work", "can not be the name of a context"],
    ["wrong", "uri means nothing here"],
    ["text", "is no JSON object"],
  ])("%s: %s", (context, says) => {
    expect(() => facts({ context })).toThrow(says);
  });
});

it("shows no secrets of an address", () => {
  expect(withoutSecrets("nats://ann:secret@a:1,tls://token@b")).toBe("nats://ann@a:1,tls://b");
});
