// Credentials end: by time, by revocation, by too many connections. Whoever came in with them is out
// within seconds, whatever it was doing.
import type { AuthConfig } from "@mq9/auth";
import { connectRaw, type RawClient } from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { lineOf, linesOf } from "./doors.ts";
import { creds, free, jwt, type KeyPair, nowSeconds, unlimited } from "./jwts.ts";

const operator = nkeys.createOperator();
const account = nkeys.createAccount();
const user = nkeys.createUser();

function world(claims: Readonly<Record<string, unknown>> = {}): AuthConfig {
  const about = account.getPublicKey();
  const limits = { ...unlimited, ...(claims["limits"] as object) };
  const token = jwt("account", { by: operator, about, claims: { ...claims, limits } });
  return {
    operator: { operators: [operator.getPublicKey()], accounts: new Map([[about, token]]) },
  };
}

async function enter(port: number, token: string, pair: KeyPair): Promise<RawClient> {
  const client = await connectRaw(port, null);
  const nonce = Buffer.from(String(client.info["nonce"]));
  const sig = Buffer.from(pair.sign(nonce)).toString("base64url");
  const options = { verbose: false, pedantic: false, headers: true, jwt: token, sig };
  client.send(`CONNECT ${JSON.stringify(options)}`);
  return client;
}

const own = (more: { expiresAt?: number; about?: string } = {}): string =>
  jwt("user", { by: account, about: user.getPublicKey(), claims: free, ...more });

describe("credentials", () => {
  test("that expire end the connection, which hears why", async () => {
    await using server = await brokerInProcess({ auth: world() });
    await using client = await enter(
      server.address.port,
      own({ expiresAt: nowSeconds() + 2 }),
      user,
    );
    expect(await linesOf(client, "SUB a 1")).toEqual([]);
    expect(await lineOf(client)).toBe("-ERR 'User Authentication Expired'");
    await client.closed;
  });

  test.each([
    ["one user", () => ({ [user.getPublicKey()]: nowSeconds() })],
    ["all users", () => ({ "*": nowSeconds() })],
  ])("that are revoked for %s end the connection on reload", async (_name, revocations) => {
    await using server = await brokerInProcess({ auth: world() });
    await using client = await enter(server.address.port, own(), user);
    expect(await linesOf(client, "SUB a 1")).toEqual([]);
    server.broker.reload({ auth: world({ revocations: revocations() }) });
    expect(await lineOf(client)).toBe("-ERR 'User Authentication Revoked'");
    await client.closed;
    await using again = await enter(server.address.port, own(), user);
    expect(await linesOf(again)).toEqual(["-ERR 'Authorization Violation'", "closed"]);
  });

  test("of an account that is gone end the connection", async () => {
    await using server = await brokerInProcess({ auth: world() });
    await using client = await enter(server.address.port, own(), user);
    expect(await linesOf(client)).toEqual([]);
    const accounts = new Map<string, string>();
    const none = { operator: { operators: [operator.getPublicKey()], accounts } };
    server.broker.reload({ auth: none });
    expect(await lineOf(client)).toBe("-ERR 'Authorization Violation'");
  });

  test("leave room in an account when their connection is gone", async () => {
    const auth: AuthConfig = {
      accounts: [{ name: "A", maxConnections: 2, users: [{ user: "a", password: "a" }] }],
    };
    await using server = await brokerInProcess({ auth });
    const { port } = server.address;
    const enterPlain = () => connectRaw(port, { user: "a", pass: "a" });
    await using first = await enterPlain();
    await using second = await enterPlain();
    expect([await linesOf(first), await linesOf(second)]).toEqual([[], []]);
    await using third = await enterPlain();
    expect(await lineOf(third)).toBe("-ERR 'maximum account active connections exceeded'");
    // To say who one is twice takes no second place.
    expect(await linesOf(first, 'CONNECT {"user":"a","pass":"a","verbose":false}')).toEqual([]);
    await first.close();
    await using fourth = await enterPlain();
    expect(await linesOf(fourth)).toEqual([]);
    const [world] = auth.accounts ?? [];
    if (world === undefined) throw new Error("no account");
    server.broker.reload({ auth: { accounts: [{ ...world, maxConnections: 1 }] } });
    expect(await lineOf(fourth)).toBe("-ERR 'maximum account active connections exceeded'");
    expect(await linesOf(second)).toEqual([]);
  });

  test("are read by clients from a creds file as it is usual", () => {
    expect(creds(own(), user)).toContain("-----BEGIN USER NKEY SEED-----\nSU");
  });
});
