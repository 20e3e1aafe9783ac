// Users with JWTs of an operator's accounts are let in, bound and refused as on the real nats-server.
import type { AuthConfig } from "@mq9/auth";
import { connectRaw, findPeer } from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Door, lineOf, linesOf, ourDoor, theirDoor } from "./doors.ts";
import { free, type JwtParts, jwt, type KeyPair, nowSeconds, unlimited } from "./jwts.ts";

const peer = findPeer("nats-server");
const operator = nkeys.createOperator();
const operatorSigner = nkeys.createOperator();
const account = nkeys.createAccount();
const signer = nkeys.createAccount();
const scoped = nkeys.createAccount();
const narrow = nkeys.createAccount();
const closing = nkeys.createAccount();
const unknown = nkeys.createAccount();
const revoked = nkeys.createUser();
const user = nkeys.createUser();

const operatorJwt = jwt("operator", {
  by: operator,
  about: operator.getPublicKey(),
  claims: { signing_keys: [operatorSigner.getPublicKey()] },
});
const scope = (key: KeyPair, template: Readonly<Record<string, unknown>>) => ({
  kind: "user_scope",
  key: key.getPublicKey(),
  role: "agent",
  template: { ...free, ...template },
});
const agentScope = scope(scoped, {
  pub: { allow: ["mail.{{name()}}.>", "team.{{tag(team)}}", "acc.{{account-name()}}"] },
  sub: { allow: ["_INBOX.>", "own.{{subject()}}"], deny: ["own.{{tag(not)}}"] },
});

const accounts = new Map<string, string>([
  [
    account.getPublicKey(),
    jwt("account", {
      by: operatorSigner,
      about: account.getPublicKey(),
      name: "Main",
      claims: {
        limits: unlimited,
        signing_keys: [signer.getPublicKey(), agentScope],
        revocations: { [revoked.getPublicKey()]: nowSeconds() },
        default_permissions: { pub: { deny: ["default.>"] }, sub: {} },
      },
    }),
  ],
  [
    narrow.getPublicKey(),
    jwt("account", {
      by: operator,
      about: narrow.getPublicKey(),
      claims: {
        limits: { ...unlimited, conn: 1, subs: 2, payload: 8, disallow_bearer: true },
        revocations: { "*": nowSeconds() - 1000 },
      },
    }),
  ],
]);
const auth: AuthConfig = { operator: { operators: [operatorJwt], accounts } };

const own = (parts: Partial<JwtParts> & { claims?: Readonly<Record<string, unknown>> }): string =>
  jwt("user", {
    by: account,
    about: user.getPublicKey(),
    ...parts,
    claims: { ...free, ...parts.claims },
  });
const underScope = (claims: Readonly<Record<string, unknown>>, name = "alice"): string =>
  jwt("user", {
    by: scoped,
    about: user.getPublicKey(),
    name,
    claims: { issuer_account: account.getPublicKey(), ...claims },
  });
const clock = (shiftSeconds: number): string =>
  new Date(Date.now() + shiftSeconds * 1000).toISOString().slice(11, 19);
const swapped = (token: string): string => {
  const [head, body = "", signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
  const other = Buffer.from(JSON.stringify({ ...claims, name: "other" })).toString("base64url");
  return [head, other, signature].join(".");
};

const cases: readonly (readonly [string, string])[] = [
  ["signed by its account", own({})],
  ["of the first form", own({ version: 1 })],
  [
    "signed by a signing key",
    own({ by: signer, claims: { issuer_account: account.getPublicKey() } }),
  ],
  ["signed by a signing key, without account", own({ by: signer })],
  [
    "signed by a stranger for the account",
    own({ by: unknown, claims: { issuer_account: account.getPublicKey() } }),
  ],
  ["of an unknown account", own({ by: unknown })],
  ["changed after it was signed", swapped(own({}))],
  ["expired", own({ expiresAt: nowSeconds() - 5 })],
  ["that ends at a text", own({ expiresAt: "never" as unknown as number })],
  ["not yet valid", own({ notBefore: nowSeconds() + 500 })],
  ["valid for now", own({ expiresAt: nowSeconds() + 500, notBefore: nowSeconds() - 500 })],
  ["with permissions", own({ claims: { pub: { allow: ["x"] }, sub: { deny: ["a"] } } })],
  ["with leave to answer", own({ claims: { resp: { max: 1, ttl: 0 } } })],
  ["from here", own({ claims: { src: ["127.0.0.0/8"] } })],
  ["from elsewhere", own({ claims: { src: ["10.0.0.0/8", "::1/128"] } })],
  [
    "for this hour",
    own({ claims: { times: [{ start: clock(-600), end: clock(600) }], times_location: "UTC" } }),
  ],
  [
    "for another hour",
    own({ claims: { times: [{ start: clock(3600), end: clock(7200) }], times_location: "UTC" } }),
  ],
  ["for WebSockets", own({ claims: { allowed_connection_types: ["WEBSOCKET"] } })],
  ["for TCP", own({ claims: { allowed_connection_types: ["STANDARD"] } })],
  ["with one subscription", own({ claims: { subs: 1 } })],
  ["with small payloads", own({ claims: { payload: 3 } })],
  ["with a deny list that is a text", own({ claims: { pub: { deny: "x" } } })],
  ["with a deny list of numbers", own({ claims: { sub: { deny: [1] } } })],
  ["with rules that are a text", own({ claims: { pub: "x" } })],
  ["from a number", own({ claims: { src: 7 } })],
  ["from a text", own({ claims: { src: "127.0.0.0/8,10.0.0.0/8" } })],
  ["at a time that is no list", own({ claims: { times: {} } })],
  ["with a limit that is a text", own({ claims: { subs: "1" } })],
  ["with a limit that is no whole number", own({ claims: { payload: 1.5 } })],
  ["that is a bearer by a text", own({ claims: { bearer_token: "false" } })],
  ["with tags in one text", own({ claims: { tags: "a" } })],
  [
    "with kinds of connections in one text",
    own({ claims: { allowed_connection_types: "STANDARD" } }),
  ],
  ["with nothing, written out", own({ claims: { pub: null, src: null, times: null } })],
  ["under a scope", underScope({ tags: ["team:red", "team:blue", "not:x"] })],
  ["under a scope, without tags", underScope({ tags: ["not:x"] })],
  ["under a scope, without a tag to deny by", underScope({ tags: ["team:red"] })],
  ["under a scope, with permissions of its own", underScope({ ...free, pub: { allow: [">"] } })],
  ["of an account", accounts.get(account.getPublicKey()) ?? ""],
  ["that is none", "a.b.c"],
  ["in a narrow account", own({ by: narrow })],
  [
    "in a narrow account, issued before a revocation of all",
    own({ by: narrow, issuedAt: nowSeconds() - 2000 }),
  ],
];
const said = [
  "PUB x 0\r\n",
  "PUB default.a 0\r\n",
  "PUB mail.alice.a 0\r\n",
  "PUB mail.bob.a 0\r\n",
  "PUB team.red 0\r\n",
  "PUB team.blue 0\r\n",
  "PUB acc.Main 0\r\n",
  "SUB a 1",
  "SUB _INBOX.a 2",
  `SUB own.${user.getPublicKey()} 3`,
  "SUB own.x 4",
  "PUB y 4\r\nlong",
];

describe.skipIf(peer.path === undefined)(`a JWT, as on the real server ${peer.reason}`, () => {
  const doors: Door[] = [];
  beforeAll(async () => {
    doors.push(await ourDoor(auth), await theirDoor(auth));
  });
  afterAll(async () => {
    for (const door of doors) await door[Symbol.asyncDispose]();
  });

  async function show(port: number, token: string, pair: KeyPair | undefined, lines = said) {
    await using client = await connectRaw(port, null);
    const nonce = Buffer.from(String(client.info["nonce"]));
    const sig =
      pair === undefined ? {} : { sig: Buffer.from(pair.sign(nonce)).toString("base64url") };
    const options = { verbose: true, pedantic: false, jwt: token, ...sig };
    client.send(`CONNECT ${JSON.stringify(options)}`);
    const first = await lineOf(client);
    if (first !== "+OK") return [first, await lineOf(client)];
    const heard: string[] = [first];
    for (const line of lines) {
      heard.push(line, ...(await linesOf(client, line)));
      if (heard.at(-1) === "closed") break;
    }
    return heard;
  }

  async function both(ask: (port: number) => Promise<unknown>): Promise<void> {
    const [ours, theirs] = await Promise.all(doors.map(({ port }) => ask(port)));
    expect(ours).toEqual(theirs);
  }

  test.each(cases)("%s", async (_name, token) => {
    await both((port) => show(port, token, user));
  });

  test("of a revoked user, issued before and after", async () => {
    const about = revoked.getPublicKey();
    for (const issuedAt of [nowSeconds() - 60, nowSeconds() + 5]) {
      await both((port) => show(port, own({ about, issuedAt }), revoked));
    }
  });

  test("without signature, with somebody's signature, and as a bearer", async () => {
    const bearer = own({ claims: { bearer_token: true } });
    await both((port) => show(port, own({}), undefined));
    await both((port) => show(port, own({}), nkeys.createUser()));
    await both((port) => show(port, bearer, undefined));
    await both((port) =>
      show(port, own({ by: narrow, claims: { bearer_token: true } }), undefined),
    );
  });

  test("in a full account", async () => {
    const token = own({ by: narrow });
    await both(async (port) => {
      await using first = await connectRaw(port, null);
      const nonce = Buffer.from(String(first.info["nonce"]));
      const sig = Buffer.from(user.sign(nonce)).toString("base64url");
      first.send(`CONNECT ${JSON.stringify({ verbose: false, jwt: token, sig })}`);
      await linesOf(first);
      const full = await show(port, token, user);
      await first.close();
      return full;
    });
  });
});

test("a name that is a wildcard does not widen a scope", async () => {
  await using door = await ourDoor(auth);
  await using client = await connectRaw(door.port, null);
  const sig = Buffer.from(user.sign(Buffer.from(String(client.info["nonce"])))).toString(
    "base64url",
  );
  const token = underScope({ tags: ["not:x"] }, "*");
  client.send(`CONNECT ${JSON.stringify({ verbose: false, jwt: token, sig })}`);
  expect(await linesOf(client, "PUB mail.bob.a 0\r\n")).toEqual([
    `-ERR 'Permissions Violation for Publish to "mail.bob.a"'`,
  ]);
});

test("an account of another operator keeps the server from starting", async () => {
  const by = nkeys.createOperator();
  const text = jwt("account", { by, about: closing.getPublicKey(), claims: { limits: unlimited } });
  const wrong = { operators: [operatorJwt], accounts: new Map([[closing.getPublicKey(), text]]) };
  await expect(ourDoor({ operator: wrong })).rejects.toThrow(/no operator here vouches for/);
});
