import { expect, it } from "vitest";
import { Pace } from "./pace.ts";
import { connectPeer } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

it("lets two seconds' worth pass at once, then as much as is earned", () => {
  const pace = new Pace({ messagesPerSecond: 10 });
  for (let at = 0; at < 20; at++) expect(pace.published(99, 1_000)).toBe(0);
  expect(pace.published(0, 1_000)).toBe(100);
  expect(pace.published(0, 1_100)).toBe(100);
  expect(pace.published(0, 1_300)).toBe(0);
  expect(pace.published(0, 1_300)).toBe(100);
});

it("counts what others get of it", () => {
  const pace = new Pace({ deliveriesPerSecond: 100 });
  expect(pace.published(200, 0)).toBe(0);
  expect(pace.published(0, 0)).toBe(0);
  expect(pace.published(1_000, 0)).toBe(10_000);
  expect(pace.published(0, 9_000)).toBe(1_000);
  expect(pace.published(0, 10_000)).toBe(0);
});

it("waits for the slower of both, and for nothing without limits", () => {
  const both = new Pace({ messagesPerSecond: 1, deliveriesPerSecond: 10 });
  expect(both.published(0, 0)).toBe(0);
  expect(both.published(0, 0)).toBe(0);
  expect(both.published(25, 0)).toBe(1_000);
  const none = new Pace({});
  for (let at = 0; at < 1_000; at++) expect(none.published(1_000, 0)).toBe(0);
});

it("goes by time that passed, not by what the clock says", () => {
  const pace = new Pace({ messagesPerSecond: 1 });
  for (let at = 0; at < 2; at++) pace.published(0, 5_000);
  expect(pace.published(0, 1_000)).toBe(1_000); // a clock that steps back earns nothing
});

it("makes nobody wait for so long that he is taken for dead", async () => {
  class Slow extends Pace {
    override published(): number {
      return 600;
    }
  }
  const identity = { account: "$G", user: "slow", permissions: undefined, pace: new Slow({}) };
  await using server = await startRouter(
    { pingIntervalMs: 50, firstPingMs: 50, pingMax: 1 },
    {
      authenticator: {
        required: false,
        nonces: false,
        authenticate: () => identity,
        renew: (before) => before,
      },
    },
  );
  await using peer = await connectPeer(server.port);
  peer.socket.on("data", (chunk: Buffer) => {
    for (const _ of chunk.toString("latin1").matchAll(/PING\r\n/g)) peer.send("PONG\r\n");
  });
  peer.send("SUB after 1\r\nPUB slow 2\r\nhi\r\nPUB after 2\r\nhi\r\n");
  await peer.readThrough("MSG after 1 2\r\nhi\r\n");
});
