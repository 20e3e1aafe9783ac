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

test("secrets of CONNECT are not kept", async () => {
  await using server = await startRouter({}, { authenticator: always(identity({})) });
  const secrets = { pass: "canary", auth_token: "canary", jwt: "canary", sig: "canary" };
  await using peer = await connectPeer(server.port, { ...quiet, user: "u", ...secrets });
  expect(await peer.flush()).toBe("");
  const [connection] = server.router.connections;
  expect(connection?.options.user).toBe("u");
  const shown = inspect(connection, { depth: 6, showHidden: true });
  expect(shown + JSON.stringify(connection?.options)).not.toContain("canary");
});
