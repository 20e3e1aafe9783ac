import { describe, expect, it } from "vitest";
import {
  clientAddress,
  cookieCredentials,
  judgeUpgrade,
  type OriginRules,
  trustedProxies,
  type UpgradeRequest,
} from "./websocket-handshake.ts";

const anyOrigin: OriginRules = { sameOrigin: false, allowedOrigins: [] };

function request(headers: Record<string, string | undefined> = {}): UpgradeRequest {
  const all: Record<string, string | undefined> = {
    host: "broker.example:8080",
    upgrade: "websocket",
    connection: "keep-alive, Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    ...headers,
  };
  const distinct = Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, value === undefined ? undefined : [value]]),
  );
  return { method: "GET", url: "/any/path?x=1", headers: all, distinct, encrypted: false };
}

describe("judgeUpgrade", () => {
  it("answers the key of the standard's example", () => {
    expect(judgeUpgrade(request(), anyOrigin).accept).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("refuses in the order of the standard", () => {
    const broken: [string, number][] = [
      ["sec-websocket-version", 400],
      ["sec-websocket-key", 400],
      ["connection", 400],
      ["upgrade", 400],
      ["host", 400],
    ];
    const headers: Record<string, string | undefined> = { origin: "https://evil.example" };
    const rules = { sameOrigin: true, allowedOrigins: [] };
    const words = [judgeUpgrade(request(headers), rules)];
    for (const [name] of broken) {
      headers[name] = undefined;
      words.push(judgeUpgrade(request(headers), rules));
    }
    words.push(judgeUpgrade({ ...request(headers), method: "POST" }, rules));
    expect(words).toEqual([
      { status: 403, words: "pages of this origin may not connect" },
      { status: 400, words: "Sec-WebSocket-Version must be 13" },
      { status: 400, words: "no valid Sec-WebSocket-Key" },
      { status: 400, words: "Connection must be Upgrade" },
      { status: 400, words: "this port speaks NATS over WebSocket: Upgrade is missing" },
      { status: 400, words: "one Host is needed" },
      { status: 405, words: "the method must be GET" },
    ]);
  });

  it.each(["", "short", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==, x", "A".repeat(24)])(
    "takes %j for no key",
    (key) => {
      expect(judgeUpgrade(request({ "sec-websocket-key": key }), anyOrigin)).toMatchObject({
        status: 400,
      });
    },
  );

  const origins: [string, OriginRules, string | undefined, boolean][] = [
    ["any without rules", anyOrigin, "https://evil.example", true],
    ["programs", { sameOrigin: true, allowedOrigins: [] }, undefined, true],
    ["the same", { sameOrigin: true, allowedOrigins: [] }, "http://broker.example:8080", true],
    ["another port", { sameOrigin: true, allowedOrigins: [] }, "http://broker.example", false],
    [
      "another scheme",
      { sameOrigin: true, allowedOrigins: [] },
      "https://broker.example:8080",
      false,
    ],
    ["one listed", { sameOrigin: false, allowedOrigins: ["https://a.b"] }, "https://a.b:443", true],
    [
      "one not listed",
      { sameOrigin: false, allowedOrigins: ["https://a.b"] },
      "https://a.b.c",
      false,
    ],
    [
      "a listed host by http",
      { sameOrigin: false, allowedOrigins: ["https://a.b"] },
      "http://a.b",
      false,
    ],
    ["any by name", { sameOrigin: false, allowedOrigins: ["*"] }, "https://evil.example", true],
    ["sandboxed pages", { sameOrigin: false, allowedOrigins: ["https://a.b"] }, "null", false],
    ["nonsense", { sameOrigin: true, allowedOrigins: [] }, "http://", false],
    ["both rules", { sameOrigin: true, allowedOrigins: ["https://a.b"] }, "https://a.b", false],
    ["local pages", { ...anyOrigin, localOrigins: true }, "http://localhost:3000", true],
    ["local pages by address", { ...anyOrigin, localOrigins: true }, "http://127.0.0.1:3000", true],
    ["local pages by IPv6", { ...anyOrigin, localOrigins: true }, "http://[::1]", true],
    [
      "foreign pages",
      { ...anyOrigin, localOrigins: true },
      "https://localhost.evil.example",
      false,
    ],
    [
      "a name that only resolves here",
      { ...anyOrigin, localOrigins: true },
      "http://broker.example:8080",
      false,
    ],
  ];
  it.each(origins)("origins: %s", (_, rules, origin, allowed) => {
    const verdict = judgeUpgrade(request({ origin }), rules);
    expect(verdict.accept !== undefined).toBe(allowed);
  });

  it("refuses two origins, whatever they are", () => {
    const two = request();
    const distinct = { ...two.distinct, origin: ["https://a.b", "https://a.b"] };
    const rules = { sameOrigin: false, allowedOrigins: ["https://a.b"] };
    expect(judgeUpgrade({ ...two, distinct }, rules)).toMatchObject({ status: 403 });
  });
});

describe("clientAddress", () => {
  const proxies = trustedProxies(["10.0.0.0/8", "::1"]);

  it("believes nobody who is no proxy", () => {
    expect(clientAddress("192.0.2.1", "198.51.100.7", proxies)).toBe("192.0.2.1");
    expect(clientAddress("10.1.2.3", "198.51.100.7", trustedProxies([]))).toBe("10.1.2.3");
  });

  it("takes the last address that is no proxy's", () => {
    expect(clientAddress("10.1.2.3", "203.0.113.9, 198.51.100.7, 10.9.9.9", proxies)).toBe(
      "198.51.100.7",
    );
    expect(clientAddress("::1", "2001:db8::1", proxies)).toBe("2001:db8::1");
  });

  it("stays with what it knows when the header is missing or nonsense", () => {
    expect(clientAddress("10.1.2.3", undefined, proxies)).toBe("10.1.2.3");
    expect(clientAddress("10.1.2.3", "unknown", proxies)).toBe("10.1.2.3");
  });

  it("names what is no address", () => {
    expect(() => trustedProxies(["proxy.example"])).toThrow("proxy.example is no IP address");
    expect(() => trustedProxies(["10.0.0.0/99"])).toThrow("10.0.0.0/99");
  });
});

describe("cookieCredentials", () => {
  it("reads the cookies that are named, the first of each", () => {
    const names = { token: "t", user: "u", pass: "p" };
    expect(cookieCredentials('t=abc; u="me"; t=other; x=y', names)).toEqual({
      jwt: undefined,
      user: "me",
      pass: undefined,
      token: "abc",
    });
  });

  it("reads none when none are named", () => {
    expect(cookieCredentials("t=abc", undefined)).toBeUndefined();
    expect(cookieCredentials(undefined, { token: "t" })).toBeUndefined();
  });
});
