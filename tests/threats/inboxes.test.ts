// Answers reach whoever asked and nobody else: other users of the account try every pattern to read
// along, and to take them away.
import type { AuthConfig } from "@mq9/auth";
import { connectRaw, type RawClient } from "@mq9/testkit";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";

const nuid = "Zk3qT8vB1xYp0mN5cR7wLd";
const agent = (name: string) => ({
  user: name,
  password: name,
  permissions: {
    publish: { allow: ["$mq9.AI.>", "service.>"] },
    subscribe: { allow: ["$mq9.AI.>", `_INBOX_${name}.>`] },
    allowResponses: true as const,
  },
});
const auth: AuthConfig = {
  accounts: [
    {
      name: "A",
      users: [
        ...["alice", "bob"].map((user) => ({ user, password: user })),
        {
          user: "snippet", // as everybody writes it
          password: "snippet",
          permissions: { publish: { allow: [">"] }, subscribe: { allow: ["tasks.>", "_INBOX.>"] } },
        },
        agent("anna"),
        agent("otto"),
      ],
    },
  ],
};

let server: BrokerInProcess;
beforeAll(async () => {
  server = await brokerInProcess({ auth });
});
afterAll(() => server[Symbol.asyncDispose]());

const as = (user: string): Promise<RawClient> =>
  connectRaw(server.address.port, { user, pass: user, headers: true });

const refused = [
  "_INBOX.>",
  "_INBOX.*",
  "_INBOX.*.*",
  "_INBOX.*.>",
  `_INBOX.*.${nuid}`,
  "_INBOX.Z.>",
  "_INBOX.Zk3qT8vB1xYp0mN.*",
  "_INBOX_anna.>",
  "_INBOX_anna.*",
];
const silent = [">", "*", "*.*", "*.>", "*.*.*", `*.${nuid}`, `*.${nuid}.>`, `*.${nuid}.*`];

describe("an inbox of somebody else", () => {
  it.each(refused)("can not be subscribed to: %s", async (subject) => {
    for (const user of ["bob", "snippet", "otto"]) {
      await using bob = await as(user);
      bob.send(`SUB ${subject} 1`, `SUB ${subject} workers 2`);
      await bob.expect(
        `-ERR 'Permissions Violation for Subscription to "${subject}"'`,
        `-ERR 'Permissions Violation for Subscription to "${subject}" using queue "workers"'`,
      );
      expect(await bob.flush()).toEqual([]);
    }
  });

  it.each(silent)("is left out of %s", async (subject) => {
    await using bob = await as("bob");
    await using alice = await as("alice");
    bob.send(`SUB ${subject} 1`, `SUB ${subject} workers 2`);
    expect(await bob.flush()).toEqual([]);
    alice.send(`SUB _INBOX.${nuid} 1`, `SUB _INBOX.${nuid}.* 2`);
    await alice.flush();
    alice.publish("$mq9.AI.MAILBOX.LIST", "{}", `_INBOX.${nuid}`);
    await alice.readMessage();
    alice.publish(`_INBOX.${nuid}.1`, "answer");
    await alice.readMessage();
    alice.publish("_INBOX_anna.1", "answer");
    await alice.flush();
    expect(await bob.flush()).toEqual([]);
  });

  it("can be had with the switch for it, as on a nats-server", async () => {
    await using open = await brokerInProcess({ auth: { ...auth, sharedInboxes: true } });
    await using bob = await connectRaw(open.address.port, { user: "bob", pass: "bob" });
    bob.send("SUB _INBOX.> 1");
    bob.publish("_INBOX.x", "heard");
    expect((await bob.flush()).map(({ payload }) => String(payload))).toEqual(["heard"]);
  });
});

describe("one's own inbox", () => {
  it.each([`_INBOX.${nuid}`, `_INBOX.${nuid}.*`, `_INBOX.${nuid}.>`, "_INBOX.by-hand"])(
    "is %s",
    async (subject) => {
      await using alice = await as("alice");
      alice.send(`SUB ${subject} 1`);
      alice.publish(subject.replace(/[*>]/, "1"), "answer");
      expect(await alice.flush()).toHaveLength(1);
    },
  );

  it("is whatever a rule names, for `profile: agent`", async () => {
    await using anna = await as("anna");
    anna.send("SUB _INBOX_anna.> 1");
    anna.publish("$mq9.AI.MAILBOX.LIST", "{}", "_INBOX_anna.1");
    expect((await anna.readMessage()).subject).toBe("_INBOX_anna.1");
  });

  it("does not end when another connection ends a subscription of the same number", async () => {
    await using alice = await as("alice");
    await using bob = await as("bob");
    alice.send(`SUB _INBOX.${nuid} 1`);
    bob.send("SUB other 1", "UNSUB 1", "UNSUB 1 1");
    await bob.flush();
    await alice.flush();
    bob.publish(`_INBOX.${nuid}`, "answer");
    await bob.flush();
    expect(await alice.flush()).toHaveLength(1);
  });

  it("serves a stock client's requests while others listen to all they can", async () => {
    const { port } = server.address;
    await using bob = await as("bob");
    bob.send(...silent.map((subject, sid) => `SUB ${subject} ${sid}`));
    await bob.flush();
    const nc = await connect({ port, user: "alice", pass: "alice" });
    nc.subscribe("service.echo", {
      callback: (_, message) => {
        message.respond(message.data);
      },
    });
    expect((await nc.request("service.echo", "secret")).string()).toBe("secret");
    await nc.close();
    const heard = (await bob.flush()).map(({ subject }) => subject);
    expect(new Set(heard)).toEqual(new Set(["service.echo"])); // the question, not the answer
  });
});
