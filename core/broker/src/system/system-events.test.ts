import type { Connection, RouterServices } from "@mq9/router";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MonitorView } from "../monitor/view.ts";
import { Envelope } from "./envelope.ts";
import { SystemEvents } from "./system-events.ts";

const connection = { account: "A", identity: { account: "A", user: "ann" } } as Connection;

/** Events of a server whose figures can not be read: building one throws. */
function startEvents(interested: (subject: string) => boolean) {
  const asked: string[] = [];
  const published: string[] = [];
  const services = {
    hasInterest: (account: string, subject: string) => {
      asked.push(`${account} ${subject}`);
      return interested(subject);
    },
    publish: (_: string, subject: string) => {
      published.push(subject);
      return 1;
    },
  } as unknown as RouterServices;
  const router = { serverId: "N", server: { serverName: "n" }, connections: [connection] };
  const view = { router } as unknown as MonitorView;
  const events = new SystemEvents({ services, view, envelope: new Envelope(view) });
  return { events, asked, published };
}

describe("events", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("are not built when nobody listens", () => {
    const { events, asked, published } = startEvents(() => false);
    events.operate("SYS");
    events.connected(connection);
    events.disconnected(connection, "Client Closed");
    events.turnedAway(connection, "Authentication Failure");
    events.lameDuck();
    vi.advanceTimersByTime(30_000);
    expect(new Set(asked)).toEqual(
      new Set([
        "SYS $SYS.ACCOUNT.A.CONNECT",
        "SYS $SYS.ACCOUNT.A.DISCONNECT",
        "SYS $SYS.SERVER.N.CLIENT.AUTH.ERR",
        "SYS $SYS.SERVER.N.LAMEDUCK",
        "SYS $SYS.SERVER.N.STATSZ",
        "SYS $SYS.ACCOUNT.A.SERVER.CONNS",
        "SYS $SYS.SERVER.ACCOUNT.A.CONNS",
      ]),
    );
    expect(asked.filter((each) => each.endsWith("STATSZ"))).toHaveLength(3);
    expect(published).toEqual([]);
    events.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("are nobody's business without a system account", () => {
    const { events, asked } = startEvents(() => true);
    events.operate("SYS");
    events.operate(undefined);
    events.connected(connection);
    events.lameDuck();
    vi.advanceTimersByTime(60_000);
    expect(asked).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of many connections at one time are one about their account", () => {
    const { events, asked } = startEvents(() => false);
    events.operate("SYS");
    for (let at = 0; at < 1_000; at++) events.connected(connection);
    vi.advanceTimersByTime(1_000);
    expect(asked.filter((each) => each.endsWith("SERVER.CONNS"))).toHaveLength(1);
    events.stop();
  });
});
