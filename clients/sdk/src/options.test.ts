import { describe, expect, it } from "vitest";
import { type ConnectOptions, Pace, settingsOf } from "./options.ts";
import type { Surroundings } from "./transport/transport.ts";

const nowhere: Surroundings = { url: undefined, agent: undefined, creds: undefined };

function settings(options: ConnectOptions, around = nowhere): ReturnType<typeof settingsOf> {
  return settingsOf(options, around);
}

describe("an address", () => {
  it.each([
    [undefined, "nats://127.0.0.1:4222"],
    ["broker", "nats://broker"],
    ["broker:4333", "nats://broker:4333"],
    ["TLS://broker:1", "tls://broker:1"],
    ["nats://[::1]:4222", "nats://[::1]:4222"],
    ["wss://host/path?x=1", "wss://host/path?x=1"],
    ["nats://host/ignored", "nats://host"],
    ["nats://a:1, b:2", "nats://a:1,nats://b:2"],
  ])("%s is %s", (url, expected) => {
    expect(settings({ url }).url).toBe(expected);
  });

  it.each(["http://host", "nats://", "nats:// x", "", ",", "mq9://x"])("%j is none", (url) => {
    expect(() => settings({ url })).toThrow(/no address of a broker|url is empty/);
  });

  it.each([
    ["nats://ada:s3@cret@host", "ada", "s3@cret"],
    ["nats://ada:s3/cret@host:4222", "ada", "s3/cret"],
    ["nats://ada:s3?c#r:et@[::1]:4222", "ada", "s3?c#r:et"],
  ])("%s has all before its last @ as credentials", (url, user, pass) => {
    const { dial, url: shown } = settings({ url });
    expect([dial.authenticator].flat()[0]?.()).toEqual({ user, pass });
    expect(shown).not.toMatch(/s3|cret/);
  });

  it.each([
    "nats://ada:s3cret,x@host",
    "nats://ada:s3cret@ho st",
    "nats://host:s3cret",
    "x:s3cret",
  ])("that can not be read shows no password: %s", (url) => {
    expect(() => settings({ url })).toThrow(/is no address of a broker/);
    expect(() => settings({ url })).not.toThrow(/s3|cret/);
  });

  it("with credentials shows them to nobody", () => {
    const { url, identity, dial } = settings({ url: "nats://ada:s3cret@host,bob:other@b" });
    expect(url).toBe("nats://host,nats://b");
    expect(JSON.stringify({ url, identity, servers: dial.servers })).not.toMatch(/s3cret|other/);
    expect(() => settings({ url: "ftp://ada:s3cret@host" })).toThrow(/^'ftp:\/\/…@host' is no/);
  });
});

describe("credentials", () => {
  const signed = (options: ConnectOptions, around = nowhere): unknown => {
    const { authenticator } = settings(options, around).dial;
    return typeof authenticator === "function" ? authenticator("nonce") : undefined;
  };

  it("are those of the options, then of the address, then of the surroundings", () => {
    const url = "nats://ada:a%40b@host";
    expect(signed({ url })).toEqual({ user: "ada", pass: "a@b" });
    expect(signed({ url, user: "eve", password: "x" })).toEqual({ user: "eve", pass: "x" });
    expect(signed({ url: "nats://tok@host" })).toEqual({ auth_token: "tok" });
    expect(signed({ token: "t" })).toEqual({ auth_token: "t" });
    expect(signed({})).toBeUndefined();
    const around = {
      url: "nats://ada:x@host",
      agent: "planner",
      creds: undefined,
      inboxPrefix: "_INBOX_ada",
    };
    expect(settings({}, around).dial.inboxPrefix).toBe("_INBOX_ada");
    expect(settings({ inboxPrefix: "_INBOX_me" }, around).inboxPrefix).toBe("_INBOX_me");
    expect(signed({}, around)).toEqual({ user: "ada", pass: "x" });
    expect(settings({}, around)).toMatchObject({ agent: "planner", url: "nats://host" });
    expect(settings({ agent: "me" }, around).agent).toBe("me");
  });

  it("that are none are told before anybody dials", () => {
    expect(() => settings({ nkey: "SU" })).toThrow("the option nkey holds no valid credentials");
    expect(() => settings({ creds: "text" })).toThrow(
      "the option creds holds no valid credentials",
    );
  });
});

it("asks for TLS where the address or the options do", () => {
  expect(settings({ url: "tls://h" }).dial.tls).toEqual({});
  expect(settings({ url: "nats://h" }).dial.tls).toBeUndefined();
  expect(settings({ tls: { caFile: "ca.pem" } }).dial.tls).toEqual({ caFile: "ca.pem" });
});

it("waits longer with each failure, never more than four seconds, and begins anew", () => {
  const pace = new Pace();
  expect(pace.delayMs).toBeLessThanOrEqual(100);
  expect(pace.delayMs).toBe(pace.delayMs);
  for (let i = 0; i < 20; i += 1) pace.tried();
  expect(pace.delayMs).toBeGreaterThanOrEqual(2_000);
  expect(pace.delayMs).toBeLessThanOrEqual(4_000);
  pace.succeeded();
  expect(pace.delayMs).toBeLessThanOrEqual(100);
});
