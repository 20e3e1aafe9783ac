import { describe, expect, test } from "vitest";
import { connectPeer } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

const mebibyte = 1_048_576;

describe("a reader that does not read", () => {
  test("is cut off when too much is pending, others are served, and it is counted", async () => {
    const ended: string[] = [];
    await using server = await startRouter(
      { maxPendingBytes: 4 * mebibyte },
      { disconnected: (_, reason) => ended.push(reason) },
    );
    await using slow = await connectPeer(server.port);
    await using fast = await connectPeer(server.port);
    await using writer = await connectPeer(server.port);
    for (const peer of [slow, fast]) {
      peer.send("SUB x 1\r\n");
      await peer.flush();
    }
    slow.socket.pause();
    const body = "y".repeat(100_000);
    let sent = 0;
    while (server.router.stats.slowConsumers === 0) {
      writer.send(`PUB x ${body.length}\r\n${body}\r\n`);
      await writer.flush();
      sent += 1;
      expect(sent, "the limit never came").toBeLessThan(1_000);
    }
    for (let at = 0; at < sent; at += 1) await fast.read(`MSG x 1 100000\r\n${body}\r\n`);
    expect(ended).toEqual(["Slow Consumer (Pending Bytes)"]);
    slow.socket.resume();
    expect(await slow.readToEnd()).not.toContain("-ERR");
    expect([...server.router.connections]).toHaveLength(2);
  });

  test("is cut off when one write takes too long", async () => {
    const ended: string[] = [];
    await using server = await startRouter(
      { writeDeadlineMs: 100 },
      { disconnected: (_, reason) => ended.push(reason) },
    );
    await using slow = await connectPeer(server.port);
    await using writer = await connectPeer(server.port);
    slow.send("SUB x 1\r\n");
    await slow.flush();
    slow.socket.pause();
    const body = "y".repeat(mebibyte);
    // More than any socket buffer takes.
    for (let at = 0; at < 16; at += 1) writer.send(`PUB x ${body.length}\r\n${body}\r\n`);
    while (server.router.stats.slowConsumers === 0) await writer.flush();
    expect(ended).toEqual(["Slow Consumer (Write Deadline)"]);
  });

  test("holds its producer back for a moment once it is crowded, and loses nothing by it", async () => {
    await using server = await startRouter({ maxPendingBytes: 8 * mebibyte, stallMs: 50 });
    await using reader = await connectPeer(server.port);
    await using writer = await connectPeer(server.port);
    reader.send("SUB x 1\r\n");
    await reader.flush();
    reader.socket.pause();
    const producer = [...server.router.connections].find((one) => one.id === 2);
    const body = "y".repeat(50_000);
    let sent = 0;
    while (producer?.isPaused === false) {
      writer.send(`PUB x ${body.length}\r\n${body}\r\n`);
      sent += 1;
      await writer.flush();
      expect(sent, "it was never held").toBeLessThan(1_000);
    }
    reader.socket.resume();
    for (let at = 0; at < sent; at += 1) await reader.read(`MSG x 1 50000\r\n${body}\r\n`);
    expect(await writer.flush()).toBe("");
    expect(server.router.stats.slowConsumers).toBe(0);
    expect(producer?.isPaused).toBe(false);
  });
});

describe("a writer that drips", () => {
  test.each([
    ["in a control line", "SUB fo"],
    ["in a payload", "PUB foo 100000\r\nabc"],
    ["in headers", "HPUB foo 20000 100000\r\nNATS/1.0\r\nA: "],
    ["in a line that never ends", "PING"],
    ["in the name of an operation", "S"],
  ])("%s is closed, idle ones are not", async (_where, text) => {
    await using server = await startRouter({ partialTimeoutMs: 100 });
    await using idle = await connectPeer(server.port);
    await using drip = await connectPeer(server.port);
    drip.send(text);
    const timer = setInterval(() => text !== "S" && drip.send("o"), 20);
    expect(await drip.readToEnd()).toBe("");
    clearInterval(timer);
    expect(await idle.flush()).toBe("");
  });

  test("before CONNECT is closed too", async () => {
    await using server = await startRouter({ partialTimeoutMs: 100 });
    await using drip = await connectPeer(server.port, null);
    drip.send("CONNECT {");
    const timer = setInterval(() => drip.send(" "), 20);
    expect(await drip.readToEnd()).toBe("");
    clearInterval(timer);
  });

  test("may take its time with a large payload as long as it comes along", async () => {
    // Ten pieces need twice the timeout, each a fifth of it: a machine may stall for most of a timeout.
    const partialTimeoutMs = 2_000;
    await using server = await startRouter({ partialTimeoutMs });
    await using peer = await connectPeer(server.port);
    const piece = "z".repeat(100_000);
    peer.send("SUB x 1\r\nPUB x 1000000\r\n");
    for (let at = 0; at < 10; at += 1) {
      peer.send(piece);
      await new Promise((resolve) => setTimeout(resolve, partialTimeoutMs / 5));
    }
    peer.send("\r\n");
    await peer.read(`MSG x 1 1000000\r\n${piece.repeat(10)}\r\n`);
  });
});
