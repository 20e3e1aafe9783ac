// What a hostile or clumsy peer of the monitoring ports gets.
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { createMonitoringEdge } from "@mq9/monitoring";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rig, raw, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers, "", ""].join("\r\n");

describe("the host of a request", () => {
  test.each(["localhost", "localhost:1", "127.0.0.1:8222", "[::1]:8222", "LOCALHOST"])(
    "%s is this machine",
    async (host) => {
      const text = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      expect(await raw(rig.httpPort, text)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example:80",
    "",
    "a b",
    "@",
  ])("'%s' is not", async (host) => {
    const text = `GET /varz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const answer = await raw(rig.httpPort, text);
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(answer).not.toContain("server_id");
  });

  test("may not be given twice, and may be missing in HTTP/1.0 only", async () => {
    const twice = get("/varz", "Host: localhost");
    expect(await raw(rig.httpPort, twice)).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(await raw(rig.httpPort, "GET /varz HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(rig.httpPort, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 200 /);
  });

  test("may be one that was allowed", async () => {
    await using other = await startRig({}, { allowedHosts: ["mq9.internal"] });
    const text = "GET /healthz HTTP/1.1\r\nHost: mq9.internal:8222\r\nConnection: close\r\n\r\n";
    expect(await raw(other.httpPort, text)).toMatch(/^HTTP\/1\.1 200 /);
    const metricsPort = other.edge.metricsAddress?.port ?? 0;
    const evil = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    expect(await raw(metricsPort, evil)).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("a request", () => {
  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])(
    "that would %s is refused",
    async (method) => {
      const answer = await raw(rig.httpPort, get("/varz").replace("GET", method));
      expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).toMatch(/\r\nAllow: GET, HEAD\r\n/);
    },
  );

  test("of HEAD has the headers alone, long answers too", async () => {
    const head = get("/varz").replace("GET", "HEAD");
    const answer = await raw(rig.httpPort, head);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.slice(answer.indexOf("\r\n\r\n"))).toBe("\r\n\r\n");
  });

  test.each([
    ["two lengths", "Content-Length: 5\r\nContent-Length: 6"],
    ["a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked"],
    ["chunks", "Transfer-Encoding: chunked"],
    ["a coding nobody knows", "Transfer-Encoding: chunked, identity"],
    ["a length that is none", "Content-Length: +5"],
    ["a folded header", "X-A: b\r\n c: d"],
    ["a header without a name", ": value"],
    ["a NUL", "X-A: \0"],
  ])("with %s reaches nothing behind it", async (_what, headers) => {
    const smuggled = get("/varz");
    const answer = await raw(rig.httpPort, `${get("/connz", headers)}0\r\n\r\n${smuggled}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain("server_id");
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  test("with a body is refused, and ends the connection", async () => {
    const answer = await raw(rig.httpPort, `${get("/varz", "Content-Length: 5")}hello`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    const asking = await raw(
      rig.httpPort,
      get("/varz", "Expect: 100-continue", "Content-Length: 5"),
    );
    expect(asking).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("with headers of more than 8 KiB is refused", async () => {
    const answer = await raw(rig.httpPort, get("/varz", `X-A: ${"a".repeat(9_000)}`));
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(rig.httpPort, get(`/varz?${"a".repeat(9_000)}`))).toMatch(
      /^HTTP\/1\.1 4\d\d /,
    );
  });

  test.each([
    "http://evil.example/varz",
    "*",
    "//evil.example/varz",
    "/%",
    "/../varz/..",
    "/varz/",
  ])("for %s finds nothing", async (target) => {
    const answer = await raw(rig.httpPort, get(target));
    expect(answer).toMatch(/^HTTP\/1\.1 (?:40[04]|200) /);
    expect(answer).not.toContain("server_id");
  });
});

test("answers say how little a browser may do with them", async () => {
  const varz = await rig.get("/varz", { headers: { Origin: "https://evil.example" } });
  expect(varz.headers.get("access-control-allow-origin")).toBeNull();
  expect(varz.headers.get("x-content-type-options")).toBe("nosniff");
  expect(varz.headers.get("cache-control")).toBe("no-store");
  expect(varz.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  const page = await rig.get("/");
  expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src/);
  expect(await page.text()).not.toMatch(/<script|onload|javascript:/i);
});

test("origins that were allowed may read", async () => {
  await using some = await startRig({}, { allowedOrigins: ["https://dash.example"] });
  const origin = async (text: string): Promise<string | null> =>
    (await some.get("/varz", { headers: { Origin: text } })).headers.get(
      "access-control-allow-origin",
    );
  expect(await origin("https://dash.example")).toBe("https://dash.example");
  expect(await origin("https://evil.example")).toBeNull();
  await using all = await startRig({}, { allowedOrigins: ["*"] });
  expect((await all.get("/varz")).headers.get("access-control-allow-origin")).toBe("*");
});

test("what a client calls itself is text, wherever it is shown", async () => {
  const client = await rig.client("</style><script>alert(1)</script>");
  const answer = await rig.get("/connz");
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.text()).toContain("alert(1)");
  const refused = await rig.get("/connz?sort=<script>");
  expect(refused.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  await client.close();
});

test("a peer that says nothing is let go of, and keeps nobody from being answered", async () => {
  const silent = Array.from({ length: 20 }, () =>
    connectSocket({ host: "127.0.0.1", port: rig.httpPort }),
  );
  const ends = silent.map(async (socket) => {
    socket.on("error", () => {});
    socket.write("GET /varz HTTP/1.1\r\nHost: local");
    socket.resume();
    await once(socket, "close");
  });
  expect((await rig.get("/healthz")).status).toBe(200);
  await Promise.all(ends); // after the five seconds that headers may take
});

test("a reader that takes nothing of a long answer keeps nobody waiting", async () => {
  const client = await rig.client();
  for (let at = 0; at < 9_000; at += 1) client.subscribe(`many.${"x".repeat(60)}.${at}`);
  await client.flush();
  const slow = connectSocket({ host: "127.0.0.1", port: rig.httpPort });
  slow.on("error", () => {});
  slow.pause();
  slow.write(get("/subsz?subs=1&limit=10000").repeat(1));
  await once(slow, "connect");
  const whole = await rig.json("/subsz?subs=1&limit=10000");
  expect(whole.subscriptions_list).toHaveLength(9_000);
  expect((await rig.get("/healthz")).status).toBe(200);
  slow.destroy();
  await client.close();
});

test("a defect is told to whoever runs the broker, and not to whoever asks", async () => {
  const failures: unknown[] = [];
  const view = Object.create(rig.broker.monitor, {
    router: {
      get: () => {
        throw new Error("canary");
      },
    },
  }) as typeof rig.broker.monitor;
  await using broken = await createMonitoringEdge({
    broker: { monitor: view },
    host: "127.0.0.1",
    port: 0,
    failed: (error) => failures.push(error),
  });
  const answer = await fetch(`http://127.0.0.1:${broken.address?.port}/varz`);
  expect([answer.status, await answer.text()]).toEqual([500, "internal error\n"]);
  expect(failures).toEqual([new Error("canary")]);
});
