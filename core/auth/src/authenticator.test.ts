import { inspect } from "node:util";
import { type ConnectOptions, type Peer, parseConnect } from "@mq9/router";
import bcrypt from "bcryptjs";
import { describe, expect, test } from "vitest";
import { createAuthenticator } from "./authenticator.ts";
import type { AuthConfig } from "./config.ts";

const peer: Peer = {
  kind: "STANDARD",
  address: "192.0.2.1",
  port: 4711,
  nonce: "",
  tls: undefined,
};
const says = (options: Readonly<Record<string, unknown>>): ConnectOptions => {
  const parsed = parseConnect(JSON.stringify(options));
  if (parsed === undefined) throw new Error("no CONNECT");
  return parsed;
};
const authenticator = (config: AuthConfig) => createAuthenticator(config, { nowMs: Date.now });
const refused = "authorizationViolation";
const user = (name: string, password = "secret") => ({ user: name, password });

async function enter(
  config: AuthConfig,
  options: Readonly<Record<string, unknown>>,
  from: Partial<Peer> = {},
): Promise<string> {
  const identity = await authenticator(config).authenticate(says(options), { ...peer, ...from });
  return typeof identity === "string" ? identity : `${identity.account}/${identity.user}`;
}

describe("an authenticator", () => {
  test("of nothing lets everybody in, whatever they say", async () => {
    expect(await enter({}, {})).toBe("$G/");
    expect(await enter({}, { user: "a", pass: "b" })).toBe("$G/");
    expect(authenticator({}).required).toBe(false);
  });

  test("looks for users before the token, and takes no token for a user", async () => {
    const config = { token: "t", accounts: [{ name: "A", users: [user("a")] }] };
    expect(await enter(config, { auth_token: "t" })).toBe("$G/");
    expect(await enter(config, { user: "a", pass: "secret" })).toBe("A/a");
    expect(await enter(config, { user: "a", pass: "t", auth_token: "t" })).toBe(refused);
    expect(await enter(config, { user: "", pass: "t" })).toBe(refused);
  });

  test("never takes the password of one for another, or for a name that nobody has", async () => {
    const config = { users: [user("a", "one"), user("b", bcrypt.hashSync("two", 4))] };
    for (const name of ["a", "b", "c", "d", "e", "__proto__", "constructor"]) {
      expect(await enter(config, { user: name, pass: "one" })).toBe(
        name === "a" ? "$G/a" : refused,
      );
      expect(await enter(config, { user: name, pass: "two" })).toBe(
        name === "b" ? "$G/b" : refused,
      );
      expect(await enter(config, { user: name })).toBe(refused);
    }
  });

  test("takes no password of a user that only a certificate names", async () => {
    const config = { users: [{ user: "cert" }], certificateNamesUser: true };
    expect(await enter(config, { user: "cert", pass: "" })).toBe(refused);
    expect(await enter(config, {})).toBe(refused);
  });

  test("goes by the certificate and not by what the client calls itself", async () => {
    const config = { users: [user("a@b.c"), user("other")], certificateNamesUser: true };
    const certificate = {
      subject: "CN=x",
      emails: ["a@b.c"],
      dnsNames: [],
      uris: [],
      spkiSha256: "",
      authorities: [],
    };
    const tls = { version: "TLSv1.3", cipher: "x", certificate };
    expect(await enter(config, { user: "other", pass: "secret" }, { tls })).toBe("$G/a@b.c");
  });

  test("gives the default user to those who say nothing, by the ways that are open to it", async () => {
    const config: AuthConfig = {
      users: [{ ...user("guest"), connectionTypes: ["WEBSOCKET"] }, user("a")],
      noAuthUser: "guest",
    };
    expect(await enter(config, {}, { kind: "WEBSOCKET" })).toBe("$G/guest");
    expect(await enter(config, {})).toBe(refused);
    expect(await enter(config, { user: "guest", pass: "secret" })).toBe(refused);
    expect(await enter(config, { user: "x" }, { kind: "WEBSOCKET" })).toBe(refused);
  });

  test("tells owners of mailboxes what they may know", () => {
    const mailboxes = { send: ["a.>"] };
    const config: AuthConfig = {
      systemAccount: "OPS",
      accounts: [
        { name: "A", sendTo: "granted", users: [{ ...user("a"), mailboxes }] },
        { name: "OPS", users: [user("ops")] },
      ],
    };
    const rightsOf = (name: string) => {
      const answer = authenticator(config).authenticate(says({ user: name, pass: "secret" }), peer);
      if (answer instanceof Promise || typeof answer === "string") throw new Error("not in");
      return answer.rights;
    };
    expect(rightsOf("a")).toEqual({ mailboxes, sendTo: "granted", isOperator: false });
    expect(rightsOf("ops")).toEqual({ mailboxes: undefined, sendTo: "anyone", isOperator: true });
  });

  test("gives identities that show no secrets when printed", async () => {
    const config = { token: "canary", users: [user("a", "canary")] };
    const one = authenticator(config);
    for (const options of [{ user: "a", pass: "canary" }, { auth_token: "canary" }]) {
      const identity = await one.authenticate(says(options), peer);
      expect(typeof identity).toBe("object");
      const shown = inspect([one, identity], { depth: 9, showHidden: true });
      expect(shown + JSON.stringify([one, identity])).not.toContain("canary");
    }
  });
});
