import type { Connection } from "@mq9/router";
import { expect, test } from "vitest";
import { ClosedConnections } from "./closed-connections.ts";

/** As much of a connection as is remembered of it. */
function ended(id: number, more: Partial<Connection> = {}): Connection {
  return {
    id,
    account: "$G",
    remoteAddress: "127.0.0.1",
    remotePort: 1,
    sinceMs: 0,
    closed: true,
    inMsgs: 2,
    inBytes: 20,
    outMsgs: 1,
    outBytes: 10,
    identity: undefined,
    options: { name: `n${id}`, lang: "", version: "" },
    peer: { kind: "STANDARD", tls: undefined },
    keepAlive: { activeAtMs: () => 0, roundTripMs: -1 },
    subscriptions: new Map(),
    ...more,
  } as unknown as Connection;
}

test("keeps the newest, the oldest of them first", () => {
  const closed = new ClosedConnections(3);
  for (let id = 1; id <= 7; id += 1) closed.add(ended(id), "Client Closed", id);
  expect([...closed].map(({ id, stoppedMs }) => [id, stoppedMs])).toEqual([
    [5, 5],
    [6, 6],
    [7, 7],
  ]);
  expect(closed.reasons).toEqual(new Map([["Client Closed", 7]]));
});

test("keeps none, and still counts", () => {
  const closed = new ClosedConnections(0);
  closed.add(ended(1), "Slow Consumer (Pending Bytes)", 1);
  expect(closed.size).toBe(0);
  expect(closed.accounts.get("$G")).toEqual({
    connections: 1,
    inMsgs: 2,
    inBytes: 20,
    outMsgs: 1,
    outBytes: 10,
    slowConsumers: 1,
  });
});

test("holds nothing of the connection, and no long name of it", () => {
  const closed = new ClosedConnections(1);
  const options = { name: "n".repeat(100_000), lang: "l".repeat(9_999), version: "" };
  closed.add(ended(1, { options } as Partial<Connection>), "Client Closed", 1);
  const [kept] = [...closed];
  expect(kept?.connection).toBeUndefined();
  expect(kept?.name).toHaveLength(256);
  expect(kept?.lang).toHaveLength(256);
});

test("counts reasons beyond the known ones together", () => {
  const closed = new ClosedConnections(0);
  for (let at = 0; at < 100; at += 1) closed.add(ended(at), `reason ${at}`, at);
  expect(closed.reasons.size).toBe(65);
  expect(closed.reasons.get("other")).toBe(36);
});
