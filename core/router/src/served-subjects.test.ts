import { describe, expect, test } from "vitest";
import { type Authenticator, createPermissions, type Identity } from "./identity.ts";
import type { SubjectSpace } from "./subject-space.ts";
import { connectPeer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

const status = (subject: string): string => `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`;
const ann: Identity = { account: "A", user: "ann", permissions: undefined };
const bob: Identity = { account: "B", user: "bob", permissions: undefined };
const authenticator: Authenticator = {
  required: true,
  nonces: false,
  authenticate: ({ user }) =>
    user === "ann" ? ann : user === "bob" ? bob : "authorizationViolation",
  renew: (identity) => identity,
};
const as = (user: string): Record<string, unknown> => ({ ...quiet, user });

describe("a served subject", () => {
  test("is answered within its account, and nobody's in the others", async () => {
    await using server = await startRouter({}, { authenticator });
    const heard: string[] = [];
    const { services } = server.router;
    services.serve("A", "$SYS.REQ.*", ({ account, subject, reply, payload }) => {
      heard.push(`${account} ${subject} ${payload.toString()}`);
      services.publish(account, reply, "", undefined, Buffer.from("pong"));
    });
    await using inside = await connectPeer(server.port, as("ann"));
    await using outside = await connectPeer(server.port, as("bob"));
    const request = "SUB in.* 1\r\nPUB $SYS.REQ.PING in.1 2\r\nhi\r\n";
    inside.send(request);
    expect(await inside.flush()).toBe("MSG in.1 1 4\r\npong\r\n");
    outside.send(request);
    const said = status("$SYS.REQ.PING");
    expect(await outside.flush()).toBe(`HMSG in.1 1 ${said.length} ${said.length}\r\n${said}\r\n`);
    expect(heard).toEqual(["A $SYS.REQ.PING hi"]);
  });

  test("reaches ordinary subscriptions too, in every account where it is served in all", async () => {
    await using server = await startRouter({}, { authenticator });
    let count = 0;
    const end = server.router.services.serve("*", "$SYS.X", () => {
      count++;
    });
    for (const user of ["ann", "bob"]) {
      await using peer = await connectPeer(server.port, as(user));
      peer.send("SUB $SYS.> 1\r\nPUB $SYS.X 1\r\nx\r\nPUB $SYS.Y 1\r\ny\r\n");
      expect(await peer.flush()).toBe("MSG $SYS.X 1 1\r\nx\r\nMSG $SYS.Y 1 1\r\ny\r\n");
    }
    expect(count).toBe(2);
    end();
    await using peer = await connectPeer(server.port, as("ann"));
    peer.send("SUB in 1\r\nPUB $SYS.X in 0\r\n\r\n");
    expect(await peer.flush()).toContain("503");
    expect(count).toBe(2);
  });

  test("has no empty tokens, and may be taken literally", async () => {
    await using server = await startRouter();
    const heard: string[] = [];
    const { services } = server.router;
    services.serve("*", "$SYS.*.X", ({ subject }) => heard.push(subject));
    services.serve("*", "$SYS.a.X", ({ subject }) => heard.push(subject));
    await using peer = await connectPeer(server.port);
    peer.send("PUB $SYS..X 0\r\n\r\nPUB $SYS.b.X 0\r\n\r\nPUB $SYS.a.X 0\r\n\r\n");
    await peer.flush();
    expect(heard).toEqual(["$SYS.b.X", "$SYS.a.X", "$SYS.a.X"]);
  });

  test("never hears what the server publishes", async () => {
    await using server = await startRouter();
    let count = 0;
    server.router.services.serve("$G", "$SYS.X", () => {
      count++;
    });
    expect(server.router.services.publish("$G", "$SYS.X", "", undefined, Buffer.alloc(0))).toBe(0);
    expect(count).toBe(0);
  });

  test("whose handler throws ends the connection at hand only", async () => {
    const errors: unknown[] = [];
    await using server = await startRouter({}, { ownerFailed: (_, error) => errors.push(error) });
    server.router.services.serve("*", "$SYS.X", () => {
      throw new Error("a defect");
    });
    await using peer = await connectPeer(server.port);
    await using other = await connectPeer(server.port);
    peer.send("PUB $SYS.X 0\r\n\r\n");
    await peer.readToEnd();
    expect(errors).toHaveLength(1);
    expect(await other.flush()).toBe("");
  });
});

describe("interest", () => {
  test("is known without delivering", async () => {
    await using server = await startRouter();
    const { services } = server.router;
    expect(services.hasInterest("nowhere", "a.b")).toBe(false);
    await using peer = await connectPeer(server.port);
    expect(services.hasInterest("$G", "a.b")).toBe(false);
    peer.send("SUB a.* q 1\r\n");
    await peer.flush();
    expect(services.hasInterest("$G", "a.b")).toBe(true);
    expect(services.hasInterest("$G", "b")).toBe(false);
  });
});

describe("quarantine", () => {
  test("stops reads and writes of one principal until it is lifted", async () => {
    const refused: string[] = [];
    await using server = await startRouter(
      {},
      { authenticator, refused: (_, what, subject) => refused.push(`${what} ${subject}`) },
    );
    await using peer = await connectPeer(server.port, as("ann"));
    await using witness = await connectPeer(server.port, as("bob"));
    peer.send("SUB x 1\r\nSUB y 2\r\nSUB z q 3\r\n");
    await peer.flush();
    expect(server.router.quarantine("A", "ann", true)).toBe(1);
    peer.send("PUB x 1\r\nm\r\nSUB w 4\r\nUNSUB 2\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Publish to "x"'\r\n` +
        `-ERR 'Permissions Violation for Subscription to "w"'\r\n`,
    );
    expect(refused).toEqual(["publish x", "subscribe w"]);
    const { services } = server.router;
    const say = (subject: string): number =>
      services.publish("A", subject, "", undefined, Buffer.from("s"));
    expect([say("x"), say("z")]).toEqual([0, 0]);
    await using again = await connectPeer(server.port, as("ann"));
    again.send("SUB x 1\r\n");
    expect(await again.flush()).toContain("Permissions Violation for Subscription");

    expect(server.router.quarantine("A", "ann", false)).toBe(2);
    peer.send("PUB x 1\r\nm\r\nPUB y 1\r\nm\r\nPUB z 1\r\nm\r\n");
    expect(await peer.flush()).toBe("MSG x 1 1\r\nm\r\nMSG z 3 1\r\nm\r\n");
    expect(await witness.flush()).toBe("");
  });

  test("outlasts a change of the rules, and ends by the rules of then", async () => {
    await using server = await startRouter({}, { authenticator });
    await using peer = await connectPeer(server.port, as("ann"));
    peer.send("SUB x 1\r\nSUB y 2\r\n");
    await peer.flush();
    server.router.quarantine("A", "ann", true);
    const permissions = createPermissions({ subscribe: { allow: ["x"] } });
    server.router.reauthenticate({ ...authenticator, renew: () => ({ ...ann, permissions }) });
    peer.send("PUB x 1\r\nm\r\n");
    expect(await peer.flush()).toBe(`-ERR 'Permissions Violation for Publish to "x"'\r\n`);
    server.router.quarantine("A", "ann", false);
    peer.send("PUB x 1\r\nm\r\nPUB y 1\r\nm\r\n");
    const said = await peer.flush();
    expect(said).toMatch(/^-ERR 'Permissions Violation for Subscription to "y"/);
    expect(said).toContain("MSG x 1 1\r\nm\r\n");
    expect(said).not.toContain("MSG y");
  });

  test("is to the owner of a space as if the connection had left, and come back", async () => {
    const seen: string[] = [];
    const space: SubjectSpace = {
      prefix: "$own.",
      publish: (_, subject) => seen.push(`publish ${subject}`),
      subscribe: (_, { subject }) => seen.push(`subscribe ${subject}`),
      unsubscribe: (_, { subject }) => seen.push(`unsubscribe ${subject}`),
      refuse: (client, subject, reply) => {
        seen.push(`refuse ${subject}`);
        server.router.services.tell(client, reply, Buffer.from("no"));
      },
      disconnect: (_, held) => seen.push(`disconnect ${held.map(({ sid }) => sid).join()}`),
    };
    await using server = await startRouter({}, { authenticator }, space);
    await using peer = await connectPeer(server.port, as("ann"));
    peer.send("SUB $own.a 1\r\nSUB $own.b 2\r\nSUB in 3\r\n");
    await peer.flush();
    server.router.quarantine("A", "ann", true);
    peer.send("PUB $own.c in 0\r\n\r\nUNSUB 2\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Publish to "$own.c"'\r\nMSG in 3 2\r\nno\r\n`,
    );
    server.router.quarantine("A", "ann", false);
    peer.send("PUB $own.c 0\r\n\r\n");
    await peer.flush();
    expect(seen).toEqual([
      "subscribe $own.a",
      "subscribe $own.b",
      "disconnect 1,2",
      "refuse $own.c",
      "unsubscribe $own.b",
      "subscribe $own.a",
      "publish $own.c",
    ]);
  });
});
