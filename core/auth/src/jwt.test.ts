import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeNkey, type NkeyKind } from "@mq9/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readToken, wrongClaimOf } from "./jwt.ts";
import { verifierOf, verifySignature } from "./signature.ts";

interface Pair {
  readonly name: string;
  readonly secret: KeyObject;
}

function pair(kind: NkeyKind): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return { name: encodeNkey(kind, key), secret: privateKey };
}

const account = pair("A");
const user = pair("U");
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(head: unknown, content: unknown, by: Pair = account, v1 = false): string {
  const text = `${part(head)}.${part(content)}`;
  const signed = v1 ? part(content) : text;
  return `${text}.${sign(null, Buffer.from(signed), by.secret).toString("base64url")}`;
}

const head = { typ: "JWT", alg: "ed25519-nkey" };
const nats = { type: "user", version: 2 };
const content = { iss: account.name, sub: user.name, iat: 5, exp: 10, nats };

describe("a JWT", () => {
  test("is read when its issuer signed it", () => {
    expect(readToken(token(head, content), "user")).toMatchObject({
      issuer: account.name,
      subject: user.name,
      issuedAtSeconds: 5,
      expiresAtSeconds: 10,
      notBeforeSeconds: 0,
      version: 2,
    });
  });

  test.each<[string, string]>([
    ["of no algorithm", token({ ...head, alg: "none" }, content)],
    ["of a secret shared", token({ ...head, alg: "HS256" }, content)],
    ["of another type", token({ ...head, typ: "JWE" }, content)],
    ["for an account", token(head, { ...content, nats: { ...nats, type: "account" } })],
    ["about an account", token(head, { ...content, sub: account.name })],
    ["issued by a user", token(head, { ...content, iss: user.name }, user)],
    ["signed by another", token(head, content, pair("A"))],
    ["signed as the first form was", token(head, content, account, true)],
    ["that says it is of the first form", token(head, { ...content, type: "user", nats: {} })],
    ["that ends at a text", token(head, { ...content, exp: "never" })],
    ["that begins at a list", token(head, { ...content, nbf: [] })],
    ["issued at no whole second", token(head, { ...content, iat: 1.5 })],
    ["without claims", token(head, { iss: account.name, sub: user.name })],
    ["with claims in a list", token(head, { ...content, nats: [] })],
    ["in two parts", token(head, content).split(".").slice(0, 2).join(".")],
    ["in four parts", `${token(head, content)}.x`],
    ["without signature", `${part(head)}.${part(content)}.`],
    ["with a longer signature", `${token(head, content)}AAAA`],
    ["with padding", `${token(head, content)}==`],
  ])("%s is not", (_name, text) => {
    expect(readToken(text, "user")).toBeUndefined();
  });

  test.each<[string, object]>([
    ["src", { src: 7 }],
    ["src", { src: ["10.0.0.0/8", 7] }],
    ["pub", { pub: "orders.>" }],
    ["pub.deny", { pub: { deny: "secret" } }],
    ["pub.allow", { pub: { allow: [{}] } }],
    ["sub.deny", { sub: { deny: [1] } }],
    ["resp.max", { resp: { max: "1" } }],
    ["subs", { subs: "10" }],
    ["payload", { payload: 1.5 }],
    ["times", { times: { start: "08:00:00", end: "09:00:00" } }],
    ["times.0", { times: [null] }],
    ["times.0.end", { times: [{ start: "08:00:00", end: 9 }] }],
    ["times_location", { times: [], times_location: ["UTC"] }],
    ["allowed_connection_types", { allowed_connection_types: "WEBSOCKET" }],
    ["bearer_token", { bearer_token: "false" }],
    ["issuer_account", { issuer_account: {} }],
    ["tags", { tags: "a:b" }],
    ["Pub", { Pub: { deny: ["secret"] } }],
  ])("is void when its claim %s has another type", (claim, claims) => {
    const text = token(head, { ...content, nats: { ...nats, ...claims } });
    expect(readToken(text, "user")).toBeUndefined();
    expect(wrongClaimOf(text, "user")).toBe(`nats.${claim}`);
  });

  test.each<[string, object]>([
    ["a list of networks", { src: ["10.0.0.0/8"] }],
    ["networks in one text", { src: "10.0.0.0/8, 127.0.0.0/8" }],
    ["nothing, written out", { src: null, times: null, pub: {}, tags: null, bearer_token: null }],
    ["what nobody knows", { colour: 7 }],
  ])("may hold %s", (_what, claims) => {
    expect(
      readToken(token(head, { ...content, nats: { ...nats, ...claims } }), "user"),
    ).toBeDefined();
  });

  test("takes nothing from what objects inherit", () => {
    const body = Buffer.from(
      `{"iss":"${account.name}","sub":"${user.name}","__proto__":{"nats":{"type":"user","version":2}}}`,
    ).toString("base64url");
    const text = `${part(head)}.${body}`;
    const signature = sign(null, Buffer.from(text), account.secret).toString("base64url");
    expect(readToken(`${text}.${signature}`, "user")).toBeUndefined();
  });

  test("that is any text is never an error", () => {
    const pieces = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc.constantFrom(part(head), part(content), "", "."),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 4 }), (parts) => {
        expect(readToken(parts.join("."), "user")).toBeUndefined();
      }),
    );
  });
});

test("keys that are no points of the curve verify nothing, and do not throw", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(32), bytes(64), (key, signature) => {
      const verifier = verifierOf(encodeNkey("U", key), "U");
      const text = Buffer.from(signature).toString("base64url");
      expect(verifier !== undefined && verifySignature(verifier, "nonce", text)).toBe(false);
    }),
  );
});
