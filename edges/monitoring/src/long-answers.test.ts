// Many ask for long lists at once, and some of them never read.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type HttpListener, listenHttp } from "./http-listener.ts";
import type { LongAnswerLimits } from "./long-answers.ts";

let listener: HttpListener | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener?.close();
});

async function listen(build: () => Promise<object>, limits: Partial<LongAnswerLimits> = {}) {
  listener = await listenHttp(
    {
      host: "127.0.0.1",
      port: 0,
      allowedHosts: [],
      allowedOrigins: [],
      failed: () => {},
      longAnswers: limits,
    },
    ({ path }) => (path === "/list" ? { kind: "list", build } : { kind: "json", body: {} }),
  );
  const base = `http://127.0.0.1:${listener.address.port}`;
  return { port: listener.address.port, get: (path: string) => fetch(base + path) };
}

/** A request whose answer nobody takes. */
async function deaf(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write("GET /list HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return socket;
}

/** Far more than sockets take in by themselves. */
const long = { list: Array.from({ length: 8_000 }, () => "x".repeat(1_000)) };

test("one is built at a time, and whoever is too many hears when to come again", async () => {
  let building = 0;
  let most = 0;
  const { get } = await listen(
    async () => {
      building += 1;
      most = Math.max(most, building);
      await new Promise((resolve) => setTimeout(resolve, 5));
      building -= 1;
      return { list: [1] };
    },
    { waitingMax: 8 },
  );
  const answers = await Promise.all(Array.from({ length: 40 }, () => get("/list")));
  const refused = answers.filter(({ status }) => status === 503);
  expect(most).toBe(1);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(9);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers } of refused) expect(headers.get("retry-after")).toBe("1");
  expect((await get("/list")).status).toBe(200);
});

test("what is short does not wait for them", async () => {
  let finish = (): void => {};
  const { get } = await listen(() => new Promise((resolve) => (finish = () => resolve({}))));
  const waiting = get("/list");
  expect((await get("/short")).status).toBe(200);
  finish();
  expect(await (await waiting).json()).toEqual({});
});

test("who does not read is ended for the sake of who does, and holds no more than is allowed", async () => {
  const { port, get } = await listen(async () => long, { heldBytesMax: 20_000_000, patienceMs: 0 });
  const first = await deaf(port);
  const ended = once(first.resume().pause(), "close").catch(() => {});
  await deaf(port);
  for (let at = 0; at < 5; at += 1) {
    expect(await (await get("/list")).json()).toEqual(long);
  }
  first.resume(); // it gets the beginning, and no end
  await ended;
});

test("nobody is ended a moment after he asked", async () => {
  const { port, get } = await listen(async () => long, {
    heldBytesMax: 10_000_000,
    patienceMs: 60_000,
  });
  await deaf(port);
  for (;;) {
    const answer = await get("/list");
    await answer.text();
    if (answer.status === 503) break;
  }
  expect((await get("/short")).status).toBe(200);
});

test("a defect is a status, and keeps nobody from being answered", async () => {
  let broken = true;
  const { get } = await listen(async () => {
    if (broken) throw new Error("canary");
    return {};
  });
  const answer = await get("/list");
  expect([answer.status, await answer.text()]).toEqual([500, "internal error\n"]);
  broken = false;
  expect((await get("/list")).status).toBe(200);
});
