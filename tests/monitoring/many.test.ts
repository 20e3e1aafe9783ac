// Many connections: what is remembered of those that ended is bounded, and a listing of all does not
// keep others waiting.
import { connect as connectSocket, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** One connection that says who it is. */
function open(name: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: "127.0.0.1", port: rig.port });
    socket.on("error", reject);
    socket.write(`CONNECT {"verbose":false,"name":"${name}"}\r\nPING\r\n`);
    let got = "";
    socket.on("data", (chunk) => {
      got += chunk.toString("latin1");
      if (got.includes("PONG\r\n")) resolve(socket);
    });
  });
}

test("of 10,500 connections that ended the last 10,000 are known", async () => {
  let opened = 0;
  const worker = async (): Promise<void> => {
    while (opened < 10_500) {
      const number = opened;
      opened += 1;
      const socket = await open(`c${number}`);
      await new Promise((resolve) => socket.once("close", resolve).destroy());
    }
  };
  await Promise.all(Array.from({ length: 64 }, worker));
  await eventually(async () => (await rig.json("/varz")).connections === 0);
  const { total, num_connections, connections } = await rig.json(
    "/connz?state=closed&limit=10000&sort=stop",
  );
  expect([total, num_connections]).toEqual([10_000, 10_000]);
  const stops = connections.map(({ stop }: { stop: string }) => Date.parse(stop));
  expect(stops).toEqual([...stops].sort((a, b) => a - b));
  expect(Math.min(...connections.map(({ cid }: { cid: number }) => cid))).toBeGreaterThan(400);
  const { account_statz } = await rig.json("/accstatz");
  expect(account_statz[0].total_conns).toBe(10_500);
}, 60_000);

test("other requests are answered while a long list is written", async () => {
  const sockets = await Promise.all(Array.from({ length: 600 }, (_, at) => open(`many ${at}`)));
  for (const socket of sockets) {
    for (let at = 0; at < 30; at += 1) socket.write(`SUB many.subject.${at} ${at}\r\n`);
  }
  await eventually(async () => (await rig.json("/varz")).subscriptions === 18_000);
  const order: string[] = [];
  const long = rig.json("/connz?subs=detail&limit=10000&state=any").then((connz) => {
    order.push("long");
    return connz;
  });
  const short = Promise.all(
    Array.from({ length: 5 }, async () => {
      await rig.json("/healthz");
      order.push("short");
    }),
  );
  const [{ num_connections }] = await Promise.all([long, short]);
  expect(num_connections).toBe(10_000);
  expect(order.at(-1)).toBe("long");
  for (const socket of sockets) socket.destroy();
});
