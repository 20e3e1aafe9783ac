// What a connection may do after it was let in: towards owners of spaces, within its own limits, and
// when the rules change under it.
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  type Authenticator,
  createPermissions,
  type Identity,
  type PermissionRules,
} from "./identity.ts";
import type { Client, SubjectSpace } from "./subject-space.ts";
import type { Subscription } from "./subscription.ts";
import { connectPeer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

/** An owner that keeps what it is handed. */
class Owner implements SubjectSpace {
  readonly prefix = "$own.";
  readonly published: string[] = [];
  readonly left: string[] = [];
  readonly held: [Client, Subscription][] = [];

  publish(_client: Client, subject: string, reply: string): void {
    this.published.push(`${subject} ${reply}`);
  }
  subscribe(client: Client, subscription: Subscription): void {
    this.held.push([client, subscription]);
  }
  unsubscribe(_client: Client, subscription: Subscription): void {
    this.left.push(`unsubscribe ${subscription.sid}`);
  }
  disconnect(_client: Client, subscriptions: readonly Subscription[]): void {
    this.left.push(`disconnect ${subscriptions.map(({ sid }) => sid).join()}`);
  }
}

const identity = (rules: PermissionRules, more: Partial<Identity> = {}): Identity => ({
  account: "A",
  user: "u",
  permissions: createPermissions(rules),
  ...more,
});
/** Lets everybody in as one identity. */
const always = (who: Identity): Authenticator => ({
  required: true,
  nonces: false,
  authenticate: () => who,
  renew: () => who,
});

describe("with an owner of subjects", () => {
  test("its answers go only where the asker could publish or listen", async () => {
    const owner = new Owner();
    const rules = { publish: { allow: ["$own.>", "open"] }, subscribe: { allow: ["_INBOX.me.>"] } };
    const authenticator = always(identity(rules));
    await using server = await startRouter({}, { authenticator }, owner);
    await using peer = await connectPeer(server.port);
    for (const reply of ["open", "_INBOX.me.1", "_INBOX.you.1", "closed", "_INBOX.>", ""]) {
      peer.send(`PUB $own.a ${reply === "" ? "" : `${reply} `}0\r\n\r\n`);
    }
    const refused = ["_INBOX.you.1", "closed", "_INBOX.>"];
    expect(await peer.flush()).toBe(
      refused
        .map((reply) => `-ERR 'Permissions Violation for Publish with Reply of "${reply}"'\r\n`)
        .join(""),
    );
    expect(owner.published).toEqual(["$own.a open", "$own.a _INBOX.me.1", "$own.a "]);
  });

  test("what it delivers is left out where it is denied, and grants leave to answer", async () => {
    const owner = new Owner();
    const rules = { subscribe: { deny: ["$own.no"] }, allowResponses: true } as const;
    await using server = await startRouter({}, { authenticator: always(identity(rules)) }, owner);
    await using peer = await connectPeer(server.port);
    peer.send("SUB $own.* 1\r\n");
    await peer.flush();
    const [client, subscription] = owner.held[0] ?? [];
    if (client === undefined || subscription === undefined) throw new Error("not subscribed");
    client.deliver(subscription, "$own.no", "", undefined, Buffer.from("hidden"));
    client.deliver(subscription, "$own.yes", "answer.here", undefined, Buffer.from("seen"));
    await peer.read("MSG $own.yes 1 answer.here 4\r\nseen\r\n");
    peer.send("PUB answer.here 0\r\n\r\nPUB answer.here 0\r\n\r\n");
    expect(await peer.flush()).toBe(
      "-ERR 'Permissions Violation for Publish to \"answer.here\"'\r\n",
    );
  });

  test("it is told of subscriptions that new rules end, and of rights that changed", async () => {
    const owner = new Owner();
    const before = always(identity({}, { rights: { send: 1 } }));
    await using server = await startRouter({}, { authenticator: before }, owner);
    await using peer = await connectPeer(server.port);
    peer.send("SUB $own.a 1\r\nSUB $own.b 2\r\nSUB c 3\r\nSUB d 4\r\n");
    await peer.flush();
    const rules = { subscribe: { allow: ["$own.b", "d"] } };
    server.router.reauthenticate(always(identity(rules, { rights: { send: 1 } })));
    expect(owner.left).toEqual(["unsubscribe 1"]);
    expect(await peer.flush()).toBe(
      ['"$own.a" (sid "1")', '"c" (sid "3")']
        .map((what) => `-ERR 'Permissions Violation for Subscription to ${what}'\r\n`)
        .join(""),
    );
    server.router.reauthenticate(always(identity(rules, { rights: { send: 2 } })));
    expect(owner.left).toEqual(["unsubscribe 1", "disconnect 2"]);
    expect(owner.held.map(([, { sid }]) => sid)).toEqual(["1", "2", "2"]);
    expect(await peer.flush()).toBe("");
  });
});

describe("limits of a user", () => {
  test("are lower than those of all, and another user has others", async () => {
    const narrow = identity({}, { maxSubscriptions: 1, maxPayloadBytes: 3 });
    const authenticator: Authenticator = {
      ...always(narrow),
      authenticate: ({ user }) => (user === "narrow" ? narrow : identity({})),
    };
    await using server = await startRouter({}, { authenticator });
    await using peer = await connectPeer(server.port, { ...quiet, user: "narrow" });
    peer.send("SUB a 1\r\nSUB b 2\r\nPUB x 3\r\nabc\r\n");
    expect(await peer.flush()).toBe("-ERR 'maximum subscriptions exceeded'\r\n");
    await using wide = await connectPeer(server.port, { ...quiet, user: "wide" });
    wide.send("SUB a 1\r\nSUB b 2\r\nPUB x 4\r\nabcd\r\n");
    expect(await wide.flush()).toBe("");
    peer.send("PUB x 4\r\nabcd\r\n");
    expect(await peer.readToEnd()).toBe("-ERR 'Maximum Payload Violation'\r\n");
  });
});

describe("while somebody is being looked at", () => {
  test("rules that change then count, and not those that were asked", async () => {
    let answer: (who: Identity) => void = () => {};
    const slow: Authenticator = {
      ...always(identity({})),
      authenticate: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    await using server = await startRouter({}, { authenticator: slow });
    await using peer = await connectPeer(server.port, null);
    const seen = new Promise<void>((resolve) => {
      const { authenticate } = slow;
      Object.assign(slow, {
        authenticate: (...given: Parameters<typeof authenticate>) => {
          resolve();
          return authenticate(...given);
        },
      });
    });
    peer.send(`CONNECT ${JSON.stringify(quiet)}\r\nPUB a 0\r\n\r\n`);
    await seen;
    server.router.reauthenticate({ ...slow, renew: () => "authorizationViolation" });
    answer(identity({}));
    expect(await peer.readToEnd()).toBe("-ERR 'Authorization Violation'\r\n");
  });
});

describe("whoever spoke before saying who it is", () => {
  const nobody = (account: string, rules: PermissionRules): Authenticator => ({
    ...always(identity(rules, { account, user: "default" })),
    required: false,
  });

  test("is bound by rules that come later, without another word of its own", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, null);
    peer.send("SUB secret 1\r\nSUB open 2\r\nPING\r\n");
    await peer.readThrough("PONG\r\n");
    const rules = { subscribe: { deny: ["secret"] } };
    server.router.reauthenticate(nobody("$G", rules));
    await peer.read('-ERR \'Permissions Violation for Subscription to "secret" (sid "1")\'\r\n');
    server.router.services.publish("$G", "secret", "", undefined, Buffer.from("s"));
    server.router.services.publish("$G", "open", "", undefined, Buffer.from("o"));
    await peer.read("MSG open 2 1\r\no\r\n");
  });

  test("is ended when it would be of another account now", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, null);
    peer.send("SUB a 1\r\nPING\r\n");
    await peer.readThrough("PONG\r\n");
    server.router.reauthenticate(nobody("B", {}));
    expect(await peer.readToEnd()).toBe("");
  });

  test("keeps what it has where everybody is let in before and after", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, null);
    peer.send("SUB a 1\r\nPING\r\n");
    await peer.readThrough("PONG\r\n");
    server.router.reauthenticate(undefined);
    peer.send(`CONNECT ${JSON.stringify(quiet)}\r\nPUB a 1\r\nx\r\n`);
    await peer.read("MSG a 1 1\r\nx\r\n");
  });

  test("may go on doing so when nobody has to say who they are any more", async () => {
    await using server = await startRouter({}, { authenticator: always(identity({})) });
    await using peer = await connectPeer(server.port, null);
    server.router.reauthenticate(nobody("A", {}));
    expect(await peer.flush()).toBe("");
  });
});

test("leave to answer outlives rules that grant the same, and ends with others", async () => {
  const rules = { subscribe: { allow: ["work"] }, allowResponses: true } as const;
  await using server = await startRouter({}, { authenticator: always(identity(rules)) });
  await using peer = await connectPeer(server.port);
  peer.send("SUB work 1\r\n");
  await peer.flush();
  for (const reply of ["answer.1", "answer.2"]) {
    server.router.services.publish("A", "work", reply, undefined, Buffer.alloc(0));
    await peer.read(`MSG work 1 ${reply} 0\r\n\r\n`);
  }
  server.router.reauthenticate(always(identity({ ...rules, publish: { allow: ["more"] } })));
  peer.send("PUB answer.1 0\r\n\r\n");
  expect(await peer.flush()).toBe("");
  const others = { ...rules, allowResponses: { messagesMax: 2, ttlMs: 1_000 } };
  server.router.reauthenticate(always(identity(others)));
  peer.send("PUB answer.2 0\r\n\r\n");
  expect(await peer.flush()).toBe("-ERR 'Permissions Violation for Publish to \"answer.2\"'\r\n");
});

test("another CONNECT is told of when it makes somebody else of a connection", async () => {
  const authenticator: Authenticator = {
    ...always(identity({})),
    authenticate: ({ user }) => identity({}, { user }),
  };
  const told: string[] = [];
  const connected = ({ identity: who }: Client): unknown => told.push(who?.user ?? "");
  await using server = await startRouter({}, { authenticator, connected });
  await using peer = await connectPeer(server.port, { ...quiet, user: "ann" });
  for (const user of ["ann", "bob", "bob"]) {
    peer.send(`CONNECT ${JSON.stringify({ ...quiet, user })}\r\n`);
  }
  expect(await peer.flush()).toBe("");
  expect(told).toEqual(["ann", "bob"]);
});

test("what follows CONNECT does not make the user of those who say nothing of it", async () => {
  let answer: (who: Identity) => void = () => {};
  const asked: string[] = [];
  const slow: Authenticator = {
    required: false,
    nonces: false,
    authenticate: ({ user }) => {
      asked.push(user);
      if (user === "") return "authorizationViolation";
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    renew: (who) => who,
  };
  const { router } = await startRouter({}, { authenticator: slow });
  const written: string[] = [];
  const events = router.accept({
    kind: "STANDARD",
    remoteAddress: "127.0.0.1",
    remotePort: 1,
    tls: undefined,
    entrance: undefined,
    write: (bytes) => written.push(bytes.toString("latin1")) > 0,
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => {},
  });
  events.data(Buffer.from(`CONNECT ${JSON.stringify({ ...quiet, user: "u" })}\r\n`));
  events.data(Buffer.from("PING\r\n")); // of the same read: a pause does not hold it back
  answer(identity({}));
  await new Promise(setImmediate);
  expect(asked).toEqual(["u"]);
  expect(written.at(-1)).toBe("PONG\r\n");
  events.ended();
  await router.close();
});

test("an inbox of before another CONNECT hears nothing, however many there were", async () => {
  await using server = await startRouter();
  await using peer = await connectPeer(server.port);
  const others = Array.from({ length: 2_500 }, (_, at) => `SUB other.${at} ${at + 2}\r\n`);
  peer.send(`${others.join("")}SUB _INBOX.1 1\r\n`);
  await peer.flush();
  const again = `CONNECT ${JSON.stringify(quiet)}\r\n`;
  peer.send(`${again}PUB nobody _INBOX.1 0\r\n\r\nSUB late 9\r\n`);
  expect(await peer.flush()).toBe("");
});

test.each(["somebody", "nobody"])(
  "secrets of CONNECT are not kept when %s is asked",
  async (who) => {
    const hooks = who === "somebody" ? { authenticator: always(identity({})) } : {};
    await using server = await startRouter({}, hooks);
    const secrets = { pass: "canary", auth_token: "canary", jwt: "canary", sig: "canary" };
    await using peer = await connectPeer(server.port, { ...quiet, user: "u", ...secrets });
    expect(await peer.flush()).toBe("");
    const [connection] = server.router.connections;
    expect(connection?.options.user).toBe("u");
    const shown = inspect(connection, { depth: 6, showHidden: true });
    expect(shown + JSON.stringify(connection?.options)).not.toContain("canary");
  },
);
