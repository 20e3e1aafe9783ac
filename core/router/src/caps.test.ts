import { describe, expect, test } from "vitest";
import { connectionsWithin } from "./open-files.ts";
import type { Router } from "./router.ts";
import { connectPeer, type Peer } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

const mebibyte = 1_048_576;

async function connectPeers(port: number, count: number): Promise<Peer[]> {
  return await Promise.all(Array.from({ length: count }, () => connectPeer(port)));
}

async function dispose(peers: readonly Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
}

/** Waits for something the server does in its own time. */
async function until(met: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!met()) {
    expect(performance.now(), met.toString()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function subscriptionsOf(router: Router): number {
  let count = 0;
  for (const sublist of router.accounts.values()) count += sublist.size;
  return count;
}

describe("output of all connections together", () => {
  test("at the cap those with the most pending are closed, the others get everything", async () => {
    const ended: [string, number][] = [];
    await using server = await startRouter(
      { maxPendingTotalBytes: 16 * mebibyte },
      { disconnected: ({ id }, reason) => ended.push([reason, id]) },
    );
    await using writer = await connectPeer(server.port);
    await using fast = await connectPeer(server.port);
    fast.send("SUB all 1\r\n");
    await fast.flush();
    const slow = await connectPeers(server.port, 8);
    for (const [at, peer] of slow.entries()) {
      peer.send(`SUB all 1\r\nSUB some.${at % 2} 2\r\n`);
      await peer.flush();
      peer.socket.pause();
    }
    // Pieces that are copied, so that each reader's are memory of its own.
    const body = "y".repeat(10_000);
    const some = `PUB some.1 ${body.length}\r\n${body}\r\n`.repeat(20);
    const all = `PUB all ${body.length}\r\n${body}\r\n`;
    let sent = 0;
    while (ended.length === 0) {
      writer.send(some + all);
      await writer.flush();
      sent += 1;
      expect(sent, "the cap never came").toBeLessThan(3_000);
    }
    await until(() => ended.length > 0);
    expect(new Set(ended.map(([reason]) => reason))).toEqual(
      new Set(["Slow Consumer (Pending Bytes)"]),
    );
    // Ids: 1 writer, 2 fast, then the slow ones; every other of them has twenty times as much.
    const cutFirst = ended[0]?.[1] ?? 1;
    expect(cutFirst % 2).toBe(0);
    expect(server.router.stats.slowConsumers).toBe(ended.length);
    for (let at = 0; at < sent; at += 1) await fast.read(`MSG all 1 10000\r\n${body}\r\n`);
    expect(await writer.flush()).toBe("");
    await dispose(slow);
  });

  test("what many readers share counts once, so one large message ends none of them", async () => {
    await using server = await startRouter({ maxPendingTotalBytes: 16 * mebibyte });
    await using writer = await connectPeer(server.port);
    const readers = await connectPeers(server.port, 60);
    for (const peer of readers) {
      peer.send("SUB x 1\r\n");
      await peer.flush();
      peer.socket.pause();
    }
    // 60 readers with 8 MiB each, but only 8 MiB of memory.
    const body = "z".repeat(mebibyte);
    for (let at = 0; at < 8; at += 1) {
      writer.send(`PUB x ${body.length}\r\n${body}\r\n`);
      await writer.flush();
    }
    expect(server.router.stats.slowConsumers).toBe(0);
    await dispose(readers);
  });
});

describe("input of all connections together", () => {
  test("at the cap the operations begun first are ended, who goes on finishing is served", async () => {
    const ended: string[] = [];
    await using server = await startRouter(
      { maxPartialTotalBytes: 4 * mebibyte },
      { disconnected: (_, reason) => ended.push(reason) },
    );
    await using writer = await connectPeer(server.port);
    writer.send("SUB x 1\r\n");
    const half = "h".repeat(mebibyte / 2);
    const stuck = await connectPeers(server.port, 12);
    for (const peer of stuck) {
      peer.send(`PUB y ${mebibyte}\r\n${half}`);
      writer.send(`PUB x ${half.length}\r\n${half}\r\n`);
      await writer.read(`MSG x 1 ${half.length}\r\n${half}\r\n`);
    }
    await until(() => ended.length >= 4);
    expect(new Set(ended)).toEqual(new Set(["Too Much Unfinished Input"]));
    expect(stuck.at(-1)?.ended).toBe(false);
    await until(() => stuck[0]?.ended === true);
    expect(await writer.flush()).toBe("");
    await dispose(stuck);
  });
});

describe("connections of one address", () => {
  test("are limited in number, and a place that is free again can be taken", async () => {
    await using server = await startRouter({ maxConnectionsPerAddress: 3 });
    const peers = await connectPeers(server.port, 3);
    await using refused = await connectPeer(server.port, null);
    expect(await refused.readToEnd()).toBe("-ERR 'maximum connections exceeded'\r\n");
    await peers[0]?.[Symbol.asyncDispose]();
    await until(() => [...server.router.connections].length === 2);
    await using next = await connectPeer(server.port, null);
    next.send("CONNECT {}\r\nPING\r\n");
    await next.read("+OK\r\nPONG\r\n");
    await dispose(peers.slice(1));
  });

  test("may come at a rate as long as they do not get past CONNECT", async () => {
    await using server = await startRouter({ connectRatePerAddress: 3 });
    for (let at = 0; at < 10; at += 1) await dispose(await connectPeers(server.port, 1));
    const silent: Peer[] = [];
    let answer = "";
    while (answer === "" && silent.length < 100) {
      const peer = await connectPeer(server.port, null);
      silent.push(peer);
      // What is refused is told so at once, right behind INFO.
      await new Promise((resolve) => setTimeout(resolve, 10));
      answer = peer.received;
    }
    expect(answer).toBe("-ERR 'maximum connections exceeded'\r\n");
    expect(silent.length).toBeGreaterThan(3);
    await dispose(silent);
  });
});

describe("connections that do not say CONNECT", () => {
  test("stay where nobody asked for it", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, null);
    peer.send("PING\r\n");
    await peer.read("PONG\r\n");
  });

  test("are closed after connectTimeoutMs where somebody did", async () => {
    await using server = await startRouter({ connectTimeoutMs: 100 });
    await using peer = await connectPeer(server.port);
    await using silent = await connectPeer(server.port, null);
    expect(await silent.readToEnd()).toBe("-ERR 'Authentication Timeout'\r\n");
    expect(await peer.flush()).toBe("");
  });
});

describe("subscriptions", () => {
  test("of too many tokens are refused and the connection stays", async () => {
    await using server = await startRouter({ maxSubscriptionTokens: 4 });
    await using peer = await connectPeer(server.port);
    peer.send("SUB a.b.c.d 1\r\nSUB a.*.c.d.> 2\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Subscription to "a.*.c.d.>", too many tokens'\r\n`,
    );
  });

  test("of a connection with very many go in slices, and none of them gets anything meanwhile", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    const many = await connectPeer(server.port);
    const count = 50_000;
    let lines = "";
    for (let at = 0; at < count; at += 1) lines += `SUB many.${at}.*.> ${at}\r\n`;
    many.send(lines);
    await many.flush();
    expect(subscriptionsOf(server.router)).toBe(count);
    await many[Symbol.asyncDispose]();
    await until(() => [...server.router.connections].length === 1);
    const before = server.router.stats.outMsgs;
    peer.send(`PUB many.${count - 1}.x.y 0\r\n\r\n`);
    await peer.flush();
    expect(server.router.stats.outMsgs).toBe(before);
    await until(() => subscriptionsOf(server.router) === 0);
  });
});

describe("work of one connection", () => {
  test("that takes long is done in turns, in order, and others are heard in between", async () => {
    await using server = await startRouter();
    await using other = await connectPeer(server.port);
    await using busy = await connectPeer(server.port);
    // Every publish walks some thousand nodes of patterns; only the last one reaches somebody.
    let lines = "SUB end 0\r\n";
    for (let at = 1; at < 256; at += 1) {
      const tokens = Array.from({ length: 8 }, (_, bit) => ((at >> bit) & 1 ? "*" : "a"));
      lines += `SUB ${tokens.join(".")}.a.a.a.a.a.a.a.a.${at} ${at}\r\n`;
    }
    busy.send(lines);
    await busy.flush();
    const count = 500;
    let publishes = "";
    for (let at = 0; at < count; at += 1) {
      publishes += `PUB a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.x${at} 0\r\n\r\n`;
    }
    busy.send(`${publishes}PUB end 2\r\nok\r\n`);
    while (server.router.stats.inMsgs === 0) await new Promise(setImmediate);
    expect(server.router.stats.inMsgs).toBeLessThan(count);
    await other.flush();
    await busy.read("MSG end 0 2\r\nok\r\n");
    expect(server.router.stats.inMsgs).toBe(count + 1);
    expect(await busy.flush()).toBe("");
  });

  test("does not mix with a CONNECT that takes time", async () => {
    await using server = await startRouter(
      {},
      {
        authenticator: {
          required: true,
          nonces: false,
          authenticate: async () => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            return { account: "A", user: "u", permissions: undefined };
          },
          renew: (identity) => identity,
        },
      },
    );
    await using peer = await connectPeer(server.port, null);
    let lines = "";
    for (let at = 0; at < 1_000; at += 1) lines += `SUB s.${at} ${at}\r\n`;
    const connect = 'CONNECT {"verbose":false,"pedantic":false}\r\n';
    peer.send(`${connect}${lines}${connect}${lines}PUB s.999 2\r\nok\r\nPING\r\n`);
    await peer.read("MSG s.999 999 2\r\nok\r\nPONG\r\n");
  });
});

test("other limits move the marks that are parts of them", async () => {
  await using server = await startRouter({ maxPayloadBytes: 1_000 });
  server.router.reloadLimits({ maxPendingBytes: 4_000 });
  expect(server.router.options).toMatchObject({ highWaterBytes: 1_000, lowWaterBytes: 1_000 });
  const marks = { highWaterBytes: 2_000, lowWaterBytes: 500 };
  await using chosen = await startRouter({ maxPayloadBytes: 1_000, ...marks });
  chosen.router.reloadLimits({ maxPendingBytes: 4_000 });
  expect(chosen.router.options).toMatchObject(marks);
});

describe("connectionsWithin", () => {
  test.each([
    [64, 32],
    [1_024, 512],
    [20_000, 17_440],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])("of %d open files %d are for clients", (files, connections) => {
    expect(connectionsWithin(files)).toBe(connections);
  });
});
