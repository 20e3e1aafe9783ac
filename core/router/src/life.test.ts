import { describe, expect, test } from "vitest";
import { type Authenticator, createPermissions, type Identity, type Refusal } from "./identity.ts";
import { resolveRouterOptions } from "./options.ts";
import { connectPeer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

describe("keep-alive", () => {
  test("pings, and closes a connection that does not answer", async () => {
    await using server = await startRouter({ pingIntervalMs: 200, pingMax: 2 });
    await using peer = await connectPeer(server.port);
    expect(await peer.readToEnd()).toBe("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n");
    expect(server.router.stats.staleConnections).toBe(1);
  });

  test("goes on with a connection that answers, and measures it", async () => {
    await using server = await startRouter({ pingIntervalMs: 100, pingMax: 3 });
    await using peer = await connectPeer(server.port);
    for (let at = 0; at < 6; at += 1) {
      await peer.read("PING\r\n");
      peer.send("PONG\r\n");
    }
    expect(await peer.flush()).not.toContain("-ERR");
    const [connection] = server.router.connections;
    expect(connection?.keepAlive.roundTripMs).toBeGreaterThanOrEqual(0);
  });

  test("does not ping a connection that speaks, once its round trip is known", async () => {
    // An interval that even a busy machine fills with chatter, and the first ping well before it.
    const pingIntervalMs = 2_500;
    await using server = await startRouter({ pingIntervalMs, firstPingMs: 50, pingMax: 2 });
    await using peer = await connectPeer(server.port);
    await peer.readThrough("PING\r\n");
    peer.send("PONG\r\n");
    const chatter = setInterval(() => peer.send("PUB x 0\r\n\r\n"), 10);
    // Two pings would have been due.
    await new Promise((resolve) => setTimeout(resolve, 2.4 * pingIntervalMs));
    clearInterval(chatter);
    expect(peer.received).toBe("");
  });

  test("knows when something was last said, in either direction", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    await peer.flush();
    const [connection] = server.router.connections;
    const { router } = server;
    const activeMs = (): number => connection?.keepAlive.activeAtMs(router.nowMs()) ?? -1;
    let sinceMs = router.nowMs();
    peer.send("SUB to.me 1\r\n");
    await peer.flush();
    const heardMs = activeMs();
    expect(heardMs).toBeGreaterThanOrEqual(sinceMs);
    expect(activeMs()).toBe(heardMs); // nothing was said meanwhile
    sinceMs = router.nowMs();
    router.services.publish("$G", "to.me", "", undefined, Buffer.from("x"));
    expect(activeMs()).toBeGreaterThanOrEqual(sinceMs);
  });
});

/** Hooks that let in whom this function lets in. */
function asking(
  authenticate: Authenticator["authenticate"],
  more: Partial<Authenticator> = {},
): { readonly authenticator: Authenticator } {
  const renew: Authenticator["renew"] = (identity) => identity;
  return { authenticator: { required: true, nonces: true, authenticate, renew, ...more } };
}

describe("authentication", () => {
  const lists = createPermissions({
    publish: { allow: ["foo.>", "other"], deny: ["foo.secret"] },
    subscribe: { allow: ["foo.>", "_INBOX.>"], deny: ["foo.no"] },
    allowResponses: true,
  });
  const people: Readonly<Record<string, Identity>> = {
    ann: { account: "A", user: "ann", permissions: undefined },
    bob: { account: "B", user: "bob", permissions: undefined },
    carl: { account: "A", user: "carl", permissions: lists },
  };
  const hooks = asking(({ user }) => people[user] ?? "authorizationViolation");
  const as = (user: string): Record<string, unknown> => ({ ...quiet, user });

  test("lets nobody speak before CONNECT", async () => {
    await using server = await startRouter({}, hooks);
    await using peer = await connectPeer(server.port, null);
    expect(JSON.parse(peer.infoLine.slice(5))).toMatchObject({ auth_required: true });
    peer.send("PING\r\n");
    expect(await peer.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n");
  });

  test("takes who speaks before CONNECT for the user that is for it, and binds it", async () => {
    const guest: Identity = { account: "A", user: "guest", permissions: lists };
    const authenticate: Authenticator["authenticate"] = ({ user }) =>
      user === "" ? guest : (people[user] ?? "authorizationViolation");
    await using server = await startRouter({}, asking(authenticate, { required: false }));
    await using ann = await connectPeer(server.port, as("ann"));
    ann.send("SUB > 1\r\n");
    await ann.flush();
    await using peer = await connectPeer(server.port, null);
    peer.send("PUB bar 0\r\n\r\nSUB foo.x 1\r\nPUB foo.x 0\r\n\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Publish to "bar"'\r\n` +
        "+OK\r\n+OK\r\nMSG foo.x 1 0\r\n\r\n",
    );
    expect(await ann.flush()).toBe("MSG foo.x 1 0\r\n\r\n");
    // Who says who they are then, in another account, has nothing of the guest's.
    peer.send(`CONNECT ${JSON.stringify(as("bob"))}\r\nPUB foo.x 0\r\n\r\n`);
    expect(await peer.flush()).toBe("");
  });

  test("waits only so long", async () => {
    await using server = await startRouter({ authTimeoutMs: 100 }, hooks);
    await using peer = await connectPeer(server.port, null);
    expect(await peer.readToEnd()).toBe("-ERR 'Authentication Timeout'\r\n");
  });

  test("refuses strangers, and whoever names an account", async () => {
    await using server = await startRouter({}, hooks);
    for (const connect of [as("eve"), { ...as("ann"), account: "A" }]) {
      await using peer = await connectPeer(server.port, null);
      peer.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
      expect(await peer.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n");
    }
  });

  test("keeps accounts apart", async () => {
    await using server = await startRouter({}, hooks);
    await using ann = await connectPeer(server.port, as("ann"));
    await using bob = await connectPeer(server.port, as("bob"));
    bob.send("SUB > 1\r\n");
    await bob.flush();
    ann.send("SUB > 1\r\nPUB foo 1\r\nx\r\n");
    expect(await ann.flush()).toBe("MSG foo 1 1\r\nx\r\n");
    expect(await bob.flush()).toBe("");
  });

  test("binds to permissions, by subsets and at delivery", async () => {
    await using server = await startRouter({}, hooks);
    await using ann = await connectPeer(server.port, as("ann"));
    await using carl = await connectPeer(server.port, as("carl"));
    carl.send(
      "PUB bar 0\r\n\r\nPUB foo.secret 0\r\n\r\nSUB > 1\r\nSUB foo.no 2\r\nSUB foo.> 3\r\n",
    );
    carl.send("PUB foo.ok 0\r\n\r\n");
    expect(await carl.flush()).toBe(
      `-ERR 'Permissions Violation for Publish to "bar"'\r\n` +
        `-ERR 'Permissions Violation for Publish to "foo.secret"'\r\n` +
        `-ERR 'Permissions Violation for Subscription to ">"'\r\n` +
        `-ERR 'Permissions Violation for Subscription to "foo.no"'\r\n` +
        "MSG foo.ok 3 0\r\n\r\n",
    );
    ann.send("PUB foo.no 0\r\n\r\nPUB foo.yes 0\r\n\r\n");
    await ann.flush();
    expect(await carl.flush()).toBe("MSG foo.yes 3 0\r\n\r\n");
  });

  test("gives leave to answer a request once", async () => {
    await using server = await startRouter({}, hooks);
    await using ann = await connectPeer(server.port, as("ann"));
    await using carl = await connectPeer(server.port, as("carl"));
    carl.send("SUB foo.service 1\r\n");
    await carl.flush();
    ann.send("SUB in.* 1\r\nPUB foo.service in.7 0\r\n\r\n");
    await carl.read("MSG foo.service 1 in.7 0\r\n\r\n");
    carl.send("PUB in.7 2\r\nhi\r\nPUB in.7 2\r\nno\r\n");
    expect(await carl.flush()).toBe(`-ERR 'Permissions Violation for Publish to "in.7"'\r\n`);
    expect(await ann.flush()).toBe("MSG in.7 1 2\r\nhi\r\n");
  });

  test("may take its time: what follows CONNECT waits, in order", async () => {
    let admit: (answer: Identity | Refusal) => void = () => {};
    const late = asking(
      () =>
        new Promise((resolve) => {
          admit = resolve;
        }),
    );
    await using server = await startRouter({}, late);
    await using first = await connectPeer(server.port, null);
    first.send(`CONNECT ${JSON.stringify(quiet)}\r\nSUB foo 1\r\nPUB foo 1\r\n`);
    while (admit.length === 0) await new Promise((resolve) => setImmediate(resolve));
    first.send("x\r\nPING\r\n");
    admit(people["ann"] as Identity);
    await first.read("MSG foo 1 1\r\nx\r\nPONG\r\n");
    await using second = await connectPeer(server.port, null);
    second.send(`CONNECT ${JSON.stringify(quiet)}\r\nPING\r\n`);
    while (server.router.stats.totalConnections < 2) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await first.flush();
    admit("authorizationViolation");
    expect(await second.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n");
  });

  test("can ask for a signature of a nonce", async () => {
    let asked = "";
    const signed = asking((_, { nonce }) => {
      asked = nonce;
      return people["ann"] as Identity;
    });
    await using server = await startRouter({}, signed);
    await using peer = await connectPeer(server.port);
    const { nonce } = JSON.parse(peer.infoLine.slice(5)) as { nonce: string };
    expect(nonce).toMatch(/^[\w-]{15}$/);
    expect(asked).toBe(nonce);
  });

  test("is asked about again when the rules change", async () => {
    await using server = await startRouter({}, hooks);
    await using ann = await connectPeer(server.port, as("ann"));
    await using bob = await connectPeer(server.port, as("bob"));
    ann.send("PUB bar 0\r\n\r\n");
    expect(await ann.flush()).toBe("");
    const { authenticator } = asking(() => "authorizationViolation", {
      renew: ({ user }) =>
        user === "ann" ? { ...(people["carl"] as Identity), user } : "authenticationRevoked",
    });
    server.router.reauthenticate(authenticator);
    expect(await bob.readToEnd()).toBe("-ERR 'User Authentication Revoked'\r\n");
    ann.send("PUB bar 0\r\n\r\n");
    expect(await ann.flush()).toBe(`-ERR 'Permissions Violation for Publish to "bar"'\r\n`);
  });
});

describe("limits of the server", () => {
  test("the connection over the limit is told and closed, and its place is free again", async () => {
    await using server = await startRouter({ maxConnections: 1 });
    {
      await using first = await connectPeer(server.port);
      await using second = await connectPeer(server.port, null);
      expect(await second.readToEnd()).toBe("-ERR 'maximum connections exceeded'\r\n");
      expect(await first.flush()).toBe("");
    }
    while ([...server.router.connections].length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await using third = await connectPeer(server.port);
    expect(await third.flush()).toBe("");
  });

  test("a subscription over the limit is refused and the connection stays", async () => {
    await using server = await startRouter({ maxSubscriptions: 2 });
    await using peer = await connectPeer(server.port);
    peer.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 1\r\nSUB d 4\r\n");
    expect(await peer.flush()).toBe("-ERR 'maximum subscriptions exceeded'\r\n");
  });

  test("options that contradict are refused", () => {
    expect(() => resolveRouterOptions({ port: 70_000 })).toThrow(RangeError);
    expect(() => resolveRouterOptions({ maxPayloadBytes: 1e9 })).toThrow(RangeError);
    expect(() => resolveRouterOptions({ pingIntervalMs: 0 })).toThrow(RangeError);
    expect(() => resolveRouterOptions({ maxSubscriptions: 1.5 })).toThrow(RangeError);
    expect(() => resolveRouterOptions({ lowWaterBytes: 2e6 })).toThrow(RangeError);
  });
});

describe("stopping", () => {
  test("a lame duck tells clients that understand, then closes all", async () => {
    await using server = await startRouter();
    await using modern = await connectPeer(server.port);
    await using old = await connectPeer(server.port, { verbose: false });
    const drained = server.router.drain({ graceMs: 50, spreadMs: 20 });
    expect(await modern.readThrough("\r\n")).toContain('"ldm":true');
    await expect(connectPeer(server.port)).rejects.toThrow();
    expect(await modern.flush(), "it still serves").toBe("");
    expect(await modern.readToEnd()).toBe("");
    expect(await old.readToEnd()).toBe("");
    await drained;
  });

  test("what was said before the close is still delivered", async () => {
    const server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send("SUB x 1\r\n");
    await peer.flush();
    server.router.services.publish("$G", "x", "", undefined, Buffer.alloc(300_000, 121));
    await Promise.all([server.router.close(), server.router.close()]);
    expect(await peer.readToEnd()).toBe(`MSG x 1 300000\r\n${"y".repeat(300_000)}\r\n`);
  });

  test("a connection that left holds nothing in the router", async () => {
    const events: string[] = [];
    await using server = await startRouter(
      {},
      {
        connected: (one) => events.push(`connected ${one.name}`),
        disconnected: (one, reason) => events.push(`${reason} ${one.name}`),
      },
    );
    {
      await using peer = await connectPeer(server.port, { ...quiet, name: "n" });
      peer.send("SUB a.* 1\r\nSUB b q 2\r\n");
      await peer.flush();
      expect(server.router.accounts.get("$G")?.size).toBe(2);
    }
    while ([...server.router.connections].length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.router.accounts.get("$G")?.size).toBe(0);
    expect(events).toEqual(["connected n", "Client Closed n"]);
  });
});
