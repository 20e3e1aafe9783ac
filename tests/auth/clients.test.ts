// Stock clients come in with the credentials they know, hear of refusals in their own way, and go
// when their credentials end.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type AuthConfig, hashPassword } from "@mq9/auth";
import { findPeer, tempDir } from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { buildGo, go, node, python, runForResult } from "../support/programs.ts";
import { creds, free, jwt, nowSeconds, unlimited } from "./jwts.ts";

const known = nkeys.createUser();
const stranger = nkeys.createUser();
const seedOf = (pair: typeof known): string => Buffer.from(pair.getSeed()).toString();
const libraries = ["nats", "@nats-io/transport-node"];
const pythonPeer = findPeer("python");
const goPeer = findPeer("go");

const byPassword = {
  password: "in",
  wrong: "refused",
  hash: "in",
  nobody: "refused",
  permissions: [true, 3],
};
const all = { ...byPassword, nkey: "in", stranger: "refused" };

describe("stock clients with users", () => {
  let server: BrokerInProcess;
  let url = "";
  beforeAll(async () => {
    const auth: AuthConfig = {
      users: [
        { user: "alice", password: "secret" },
        { user: "hashed", password: await hashPassword("secret") },
        { nkey: known.getPublicKey() },
        {
          user: "bound",
          password: "secret",
          permissions: {
            publish: { allow: ["open.>"] },
            subscribe: { allow: ["open.>", "_INBOX.>"] },
            allowResponses: true,
          },
        },
      ],
    };
    server = await brokerInProcess({ auth });
    url = `nats://127.0.0.1:${server.address.port}`;
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each(libraries)("%s", async (library) => {
    const secrets = JSON.stringify({ seed: seedOf(known), stranger: seedOf(stranger) });
    expect(await runForResult(node("auth/js/auth.mjs"), url, library, secrets)).toEqual(all);
  });

  test.skipIf(pythonPeer.path === undefined)(`nats-py ${pythonPeer.reason}`, async () => {
    expect(await runForResult(python("auth/python/auth.py"), url)).toEqual(byPassword);
  });

  test.skipIf(goPeer.path === undefined)(`nats.go ${goPeer.reason}`, async () => {
    await buildGo("auth/go");
    const folder = await tempDir("seeds");
    const files = ["known", "stranger"].map((name) => path.join(folder.path, `${name}.nk`));
    for (const [at, pair] of [known, stranger].entries()) {
      await writeFile(files[at] ?? "", seedOf(pair), { mode: 0o600 });
    }
    const result = await runForResult(go("auth-go"), url, ...files);
    await folder.remove();
    expect(result).toEqual(all);
  });
});

test.each(libraries)("%s comes in with a creds file and goes when it expires", async (library) => {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const about = account.getPublicKey();
  const accounts = new Map([
    [about, jwt("account", { by: operator, about, claims: { limits: unlimited } })],
  ]);
  await using server = await brokerInProcess({
    auth: { operator: { operators: [operator.getPublicKey()], accounts } },
  });
  const token = jwt("user", {
    by: account,
    about: known.getPublicKey(),
    claims: free,
    expiresAt: nowSeconds() + 3,
  });
  const url = `nats://127.0.0.1:${server.address.port}`;
  expect(await runForResult(node("auth/js/creds.mjs"), url, library, creds(token, known))).toEqual({
    in: true,
    why: true,
  });
});
