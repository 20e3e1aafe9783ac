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

test("a revocation whose time can not be read is one of everything", () => {
  const operator = pair("O");
  const account = pair("A").name;
  const nats = { type: "account", version: 2, revocations: { U1: 7, U2: "soon", "*": null } };
  const text = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { iss: operator.name, sub: account, nats },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign(null, Buffer.from(text), operator.secret).toString("base64url");
  const accounts = new Map([[account, `${text}.${signature}`]]);
  const trust = readTrust({ operators: [operator.name], accounts }, "operator");
  expect([...(trust.accounts.get(account)?.revocations ?? [])]).toEqual([
    ["U1", 7],
    ["U2", Number.POSITIVE_INFINITY],
    ["*", Number.POSITIVE_INFINITY],
  ]);
});
