// Users, passwords, keys and permissions mean the same as on the real nats-server: both get the same
// users and hear the same words, and every answer is compared.
import { createHmac } from "node:crypto";
import type { AuthConfig, UserConfig } from "@mq9/auth";
import { connectRaw, findPeer } from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import bcrypt from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Door, linesOf, ourDoor, talk, theirDoor } from "./doors.ts";

const peer = findPeer("nats-server");
const agent = nkeys.createUser();
const stranger = nkeys.createUser();
const password = "correct horse battery";

const member = (user: string, permissions?: UserConfig["permissions"]): UserConfig => ({
  user,
  password,
  permissions,
});

const auth: AuthConfig = {
  accounts: [
    {
      name: "A",
      users: [
        member("plain"),
        { user: "hashed", password: bcrypt.hashSync(password, 4) },
        { nkey: agent.getPublicKey() },
        { nkey: "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4", permissions: {} },
        { ...member("websocket"), connectionTypes: ["WEBSOCKET"] },
        member("oracle", {
          publish: { allow: ["foo.>"], deny: ["foo.secret"] },
          subscribe: { allow: ["bar.>", "q A"], deny: ["bar.no"] },
        }),
        member("answers", { subscribe: { allow: ["service", "_INBOX.>"] }, allowResponses: true }),
        member("twice", {
          subscribe: { allow: ["service"] },
          publish: { allow: ["other"] },
          allowResponses: { messagesMax: 2, ttlMs: 60_000 },
        }),
        member("queues", {
          subscribe: { allow: ["foo", "foo v1", "foo v1.>", "foo *.dev"], deny: ["> *.prod"] },
        }),
        member("denied", { publish: { deny: ["x.>", "*.y"] }, subscribe: { deny: ["x.>", "z"] } }),
        member("nothing", { publish: { deny: [">"] }, subscribe: { deny: [">"] } }),
        member("öäü", { publish: { allow: ["fö.*"] }, subscribe: { allow: ["fö.*"] } }),
      ],
    },
    { name: "B", users: [member("other")] },
  ],
};

interface Saying {
  readonly name: string;
  readonly user: string;
  readonly lines: readonly string[];
}

const publish = (subject: string, reply = "") =>
  `PUB ${subject}${reply === "" ? "" : ` ${reply}`} 2\r\nhi`;

const sayings: readonly Saying[] = [
  {
    name: "publishing where it may and where it may not",
    user: "oracle",
    lines: ["foo.a", "foo.a.b", "foo.secret", "foo", "bar.x", "foo.*", "foo.>", "_INBOX.a"].map(
      (subject) => publish(subject),
    ),
  },
  {
    name: "subscribing where it may and where it may not",
    user: "oracle",
    lines: ["bar.a", "bar.*", "bar.>", "bar.no", "bar", "q", ">", "*", "foo.a"].map(
      (subject, at) => `SUB ${subject} ${at + 1}`,
    ),
  },
  {
    name: "subscribing in queues",
    user: "oracle",
    lines: ["SUB q A 1", "SUB q B 2", "SUB bar.x any 3", "SUB bar.no any 4", "SUB q _sys_ 5"],
  },
  {
    name: "queues with wildcards",
    user: "queues",
    lines: ["v1", "v1.a", "v1.a.b", "x.dev", "v2", "v1.prod", "x.y.dev"].map(
      (queue, at) => `SUB foo ${queue} ${at + 1}`,
    ),
  },
  { name: "a plain one beside queues", user: "queues", lines: ["SUB foo 1", "SUB foo.a 2"] },
  {
    name: "denials alone",
    user: "denied",
    lines: [
      ...["x.a", "a.y", "a", "x", "x.y.z"].map((subject) => publish(subject)),
      ...["x.a", "x.>", "z", "a", ">", "x.*"].map((subject, at) => `SUB ${subject} ${at + 1}`),
    ],
  },
  {
    name: "leave for nothing",
    user: "nothing",
    lines: [publish("a"), publish("_INBOX.a"), "SUB a 1", "SUB > 2"],
  },
  {
    name: "subjects that are not ASCII",
    user: "öäü",
    lines: [publish("fö.a"), publish("fo.a"), "SUB fö.* 1", "SUB fo.* 2"],
  },
  {
    name: "UNSUB of what is refused",
    user: "oracle",
    lines: [publish("foo.a"), publish("foo.secret"), "SUB bar.no 1", "SUB bar.* 2", "UNSUB 2"],
  },
  {
    name: "reserved replies and subjects",
    user: "plain",
    lines: [publish("a", "_R_.x"), publish("a", "$JS.ACK.x"), publish("_GR_.x"), publish("$SYS.a")],
  },
];

const credentials: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["a right password", { user: "plain", pass: password }],
  ["a wrong password", { user: "plain", pass: "wrong" }],
  ["no password", { user: "plain" }],
  ["a right password of a hash", { user: "hashed", pass: password }],
  ["a wrong password of a hash", { user: "hashed", pass: "wrong" }],
  ["an unknown user", { user: "nobody", pass: password }],
  ["a name in capitals", { user: "PLAIN", pass: password }],
  ["nothing", {}],
  ["a token", { auth_token: password }],
  ["a user and a token", { user: "plain", pass: password, auth_token: "x" }],
  ["a user of another way in", { user: "websocket", pass: password }],
  ["a user and an account", { user: "plain", pass: password, account: "A" }],
  ["a user and an empty account", { user: "plain", pass: password, account: "" }],
  ["a user that is no text", { user: 1, pass: password }],
  ["a key without signature", { nkey: agent.getPublicKey() }],
  ["a key with a short signature", { nkey: agent.getPublicKey(), sig: "AAAA" }],
  ["a JWT", { jwt: "a.b.c" }],
  ["a user and a JWT", { user: "plain", pass: password, jwt: "a.b.c" }],
];

describe.skipIf(peer.path === undefined)(`as on the real server ${peer.reason}`, () => {
  const doors: Door[] = [];
  beforeAll(async () => {
    doors.push(await ourDoor(auth), await theirDoor(auth));
  });
  afterAll(async () => {
    for (const door of doors) await door[Symbol.asyncDispose]();
  });

  async function both<T>(ask: (port: number) => Promise<T>): Promise<void> {
    const [ours, theirs] = doors;
    if (ours === undefined || theirs === undefined) throw new Error("no servers");
    expect(await ask(ours.port)).toEqual(await ask(theirs.port));
  }

  test.each(credentials)("%s is answered the same", async (_name, options) => {
    await both((port) => talk(port, options, "SUB a 1"));
  });

  test.each(sayings)("$name, as $user", async ({ user, lines }) => {
    await both((port) => talk(port, { user, pass: password }, ...lines));
  });

  test.each(["base64url", "base64"] as const)("a signature in %s", async (encoding) => {
    await both(async (port) => {
      await using client = await connectRaw(port, null);
      const nonce = Buffer.from(String(client.info["nonce"]));
      const sig = Buffer.from(agent.sign(nonce)).toString(encoding);
      client.send(`CONNECT ${JSON.stringify({ nkey: agent.getPublicKey(), sig, verbose: false })}`);
      return await linesOf(client, "SUB a 1");
    });
  });

  test.each([
    ["of somebody else", stranger, (nonce: string) => nonce],
    [
      "of another nonce",
      agent,
      (nonce: string) => createHmac("sha256", "x").update(nonce).digest("base64url").slice(0, 15),
    ],
  ])("a signature %s is refused", async (_name, signer, change) => {
    await both(async (port) => {
      await using client = await connectRaw(port, null);
      const nonce = Buffer.from(change(String(client.info["nonce"])));
      const sig = Buffer.from(signer.sign(nonce)).toString("base64url");
      client.send(`CONNECT ${JSON.stringify({ nkey: agent.getPublicKey(), sig })}`);
      return await linesOf(client);
    });
  });

  test("INFO asks for credentials and gives something to sign", async () => {
    await both(async (port) => {
      await using client = await connectRaw(port, null);
      return [client.info["auth_required"], /^[\w-]{15}$/.test(String(client.info["nonce"]))];
    });
  });

  test.each(["PING", "SUB a 1", "PUB a 2\r\nhi", "INFO {}", "x"])(
    "before CONNECT, %j is refused",
    async (line) => {
      await both(async (port) => {
        await using client = await connectRaw(port, null);
        return await linesOf(client, line);
      });
    },
  );

  test("what a pattern covers but a user may not see is left out", async () => {
    await both(async (port) => {
      await using reader = await connectRaw(port, { user: "oracle", pass: password });
      expect(await linesOf(reader, "SUB bar.* 1", "SUB bar.> any 2")).toEqual([]);
      await talk(port, { user: "plain", pass: password }, publish("bar.no"), publish("bar.yes"));
      return (await linesOf(reader)).filter((line) => line.startsWith("MSG"));
    });
  });

  test.each(["answers", "twice"])("leave to answer, as %s", async (user) => {
    await both(async (port) => {
      await using service = await connectRaw(port, { user, pass: password });
      await linesOf(service, "SUB service 1");
      await talk(port, { user: "plain", pass: password }, publish("service", "reply.1"));
      const answer = publish("reply.1");
      return await linesOf(service, answer, answer, answer, publish("reply.2"), publish("other"));
    });
  });

  test("a second CONNECT is another user from then on", async () => {
    await both(async (port) => {
      await using client = await connectRaw(port, { user: "plain", pass: password });
      const first = await linesOf(client, publish("bar.x"), "SUB bar.* 1");
      const again = { user: "oracle", pass: password, verbose: false, pedantic: false };
      const second = await linesOf(client, `CONNECT ${JSON.stringify(again)}`, publish("bar.x"));
      const wrong = { ...again, pass: "wrong" };
      return [first, second, await linesOf(client, `CONNECT ${JSON.stringify(wrong)}`)];
    });
  });

  test("accounts do not hear each other", async () => {
    await both(async (port) => {
      await using reader = await connectRaw(port, { user: "other", pass: password });
      await linesOf(reader, "SUB > 1");
      await talk(port, { user: "plain", pass: password }, publish("a"), publish("b.c"));
      return await linesOf(reader);
    });
  });
});

describe.skipIf(peer.path === undefined)(`other ways in ${peer.reason}`, () => {
  const cases: readonly (readonly [string, AuthConfig, readonly Record<string, unknown>[]])[] = [
    ["a token", { token: password }, [{ auth_token: password }, { auth_token: "x" }, {}]],
    [
      "a hashed token",
      { token: bcrypt.hashSync(password, 4) },
      [{ auth_token: password }, { auth_token: "x" }, { user: "x", pass: password }],
    ],
    [
      "a default user",
      { users: [member("a", { publish: { allow: ["x"] } }), member("b")], noAuthUser: "a" },
      [
        {},
        { user: "b", pass: password },
        { user: "b", pass: "x" },
        { auth_token: "x" },
        { user: "a" },
      ],
    ],
    [
      "default permissions",
      {
        users: [member("a", { publish: { allow: ["x"] } }), member("b")],
        defaultPermissions: { publish: { deny: ["x"] } },
      },
      [
        { user: "a", pass: password },
        { user: "b", pass: password },
      ],
    ],
  ];

  test.each(cases)("%s", async (_name, config, options) => {
    await using ours = await ourDoor(config);
    await using theirs = await theirDoor(config);
    for (const option of options) {
      const said = ["PUB x 0\r\n", "PUB y 0\r\n", "SUB a 1"];
      expect(await talk(ours.port, option, ...said)).toEqual(
        await talk(theirs.port, option, ...said),
      );
    }
    const before = await Promise.all(
      [ours, theirs].map(async ({ port }) => {
        await using client = await connectRaw(port, null);
        return [client.info["auth_required"], await linesOf(client, "PUB y 0\r\n", "SUB a 1")];
      }),
    );
    expect(before[0]).toEqual(before[1]);
  });
});
