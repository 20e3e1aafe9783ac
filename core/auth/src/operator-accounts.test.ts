// What is read of the JWTs of operators and their accounts.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeNkey, type NkeyKind } from "@mq9/wire";
import { expect, test } from "vitest";
import { readTrust } from "./operator-accounts.ts";

function pair(kind: NkeyKind): { readonly name: string; readonly secret: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return { name: encodeNkey(kind, key), secret: privateKey };
}

function trusted(claims: object): ReturnType<typeof readTrust> {
  const operator = pair("O");
  const account = pair("A").name;
  const text = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { iss: operator.name, sub: account, nats: { type: "account", version: 2, ...claims } },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign(null, Buffer.from(text), operator.secret).toString("base64url");
  const accounts = new Map([[account, `${text}.${signature}`]]);
  return readTrust({ operators: [operator.name], accounts }, "operator");
}

test("a revocation whose time can not be read is one of everything", () => {
  const { accounts } = trusted({ revocations: { U1: 7, U2: "soon", "*": null } });
  expect([...accounts.values()].flatMap(({ revocations }) => [...revocations])).toEqual([
    ["U1", 7],
    ["U2", Number.POSITIVE_INFINITY],
    ["*", Number.POSITIVE_INFINITY],
  ]);
});

test.each([
  ["revocations", { revocations: ["U1"] }],
  ["limits.conn", { limits: { conn: "5" } }],
  ["limits.disallow_bearer", { limits: { disallow_bearer: 1 } }],
  ["default_permissions.pub.deny", { default_permissions: { pub: { deny: "a" } } }],
  ["signing_keys", { signing_keys: {} }],
  ["signing_keys.0.template.sub", { signing_keys: [{ template: { sub: [] } }] }],
])("an account whose claim %s has a wrong type is refused, and told of it", (claim, claims) => {
  expect(() => trusted(claims)).toThrow(`its claim nats.${claim} has a wrong type`);
});

test.each([
  ["imports", { imports: [{ subject: "a", account: "A", type: "stream" }] }],
  ["exports", { exports: [{ subject: "a", type: "stream" }] }],
  ["mappings", { mappings: { a: [{ subject: "b" }] } }],
  ["authorization (auth callout)", { authorization: { auth_users: ["U1"] } }],
])("an account with %s is refused", (what, claims) => {
  expect(() => trusted(claims)).toThrow(`has ${what}, which mq9 does not have`);
});

test("what every account is written with is no reason to refuse it", () => {
  const claims = { imports: [], exports: null, mappings: {}, authorization: {} };
  expect(trusted(claims).accounts.size).toBe(1);
  const ofSystem = { exports: [{ name: "s", subject: "$SYS.REQ.ACCOUNT.*.*", type: "service" }] };
  expect(trusted(ofSystem).accounts.size).toBe(1);
});
