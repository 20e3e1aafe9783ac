import { inspect } from "node:util";
import { encodeNkey } from "@mq9/wire";
import { expect, test } from "vitest";
import { requiresCredentials, systemAccount } from "./authenticator.ts";
import { checkAuthConfig } from "./check-config.ts";
import type { AuthConfig, UserConfig } from "./config.ts";

const key = Buffer.alloc(32, 7);
const alice = { user: "alice", password: "canary-1" };
const rules = (permissions: UserConfig["permissions"]): AuthConfig => ({
  users: [{ ...alice, permissions }],
});

const wrong: readonly (readonly [string, AuthConfig, RegExp])[] = [
  ["a token beside users of one account", { token: "t", users: [alice] }, /token: .*use one/],
  [
    "two users of one name",
    { users: [alice, alice] },
    /users\["alice"\]: there are two users "alice"/,
  ],
  [
    "a user in two accounts",
    { accounts: ["A", "B"].map((name) => ({ name, users: [alice] })) },
    /"alice" is in the accounts "A" and "B"/,
  ],
  [
    "two accounts of one name",
    {
      accounts: [
        { name: "A", users: [] },
        { name: "A", users: [] },
      ],
    },
    /two accounts/,
  ],
  ["an account with a space", { accounts: [{ name: "A B", users: [] }] }, /without spaces/],
  [
    "a default user that is none",
    { users: [alice], noAuthUser: "bob" },
    /noAuthUser: there is no user "bob"/,
  ],
  ["a user without name", { users: [{ password: "canary-1" }] }, /users\[0\]: a user needs a name/],
  ["a user without password", { users: [{ user: "alice" }] }, /has no password/],
  ["an empty password", { users: [{ user: "alice", password: "" }] }, /password is empty/],
  ["a seed for a key", { users: [{ nkey: "SUACANARY" }] }, /nkey is no public key/],
  ["a key of an account", { users: [{ nkey: encodeNkey("A", key) }] }, /beginning with U/],
  [
    "a key and a password",
    { users: [{ nkey: encodeNkey("U", key), password: "canary-1" }] },
    /use one/,
  ],
  ["half a bcrypt hash", { users: [{ user: "alice", password: "$2a$10$canary" }] }, /bcrypt/],
  ["half a hash for a token", { token: "$2a$10$canary" }, /token: the token looks like/],
  [
    "an empty token in a subject",
    rules({ publish: { allow: ["a..b"] } }),
    /publish\.allow: "a\.\.b" is not a subject/,
  ],
  ["a tail in the middle", rules({ subscribe: { deny: ["a.>.b"] } }), /subscribe\.deny/],
  ["a queue in a publish", rules({ publish: { deny: ["a q"] } }), /"a q" is not a subject:/],
  ["three words", rules({ subscribe: { allow: ["a q r"] } }), /a subject and a queue/],
  ["no answers", rules({ allowResponses: { messagesMax: 0, ttlMs: 1 } }), /allowResponses/],
  ["a mailbox pattern", { users: [{ ...alice, mailboxes: { send: ["a."] } }] }, /mailboxes\.send/],
  [
    "a rate below nothing",
    { users: [{ ...alice, limits: { messagesPerSecond: -1 } }] },
    /limits\.messagesPerSecond: must be a number of at least 0/,
  ],
  ["a system account that is none", { systemAccount: "OPS", users: [alice] }, /no account "OPS"/],
  ["the global account as system account", { systemAccount: "$G" }, /must not be \$G/],
  [
    "defaults that are wrong",
    { defaultPermissions: { publish: { allow: [""] } } },
    /defaultPermissions/,
  ],
  [
    "users beside an operator",
    { users: [alice], operator: { operators: [], accounts: new Map() } },
    /remove token, users/,
  ],
  [
    "an operator that is none",
    { operator: { operators: ["x"], accounts: new Map() } },
    /operators\[0\]/,
  ],
  ["no operator", { operator: { operators: [], accounts: new Map() } }, /at least one operator/],
  [
    "an amount below nothing",
    { accounts: [{ name: "A", users: [], maxConnections: -1 }] },
    /maxConnections/,
  ],
];

test.each(wrong)(
  "%s is told with its place and what to do, and without secrets",
  (_name, config, message) => {
    let told = "";
    try {
      checkAuthConfig(config);
    } catch (error) {
      told = inspect(error);
    }
    expect(told).toMatch(message);
    expect(told).not.toMatch(/canary|CANARY/);
  },
);

test("what was checked shows no secrets, and still has them", () => {
  const config = checkAuthConfig({
    token: "canary-2",
    accounts: [
      { name: "A", users: [{ user: "bob", password: "canary-3" }] },
      { name: "B", users: [alice] },
    ],
  });
  const shown = inspect(config, { depth: 9, showHidden: true }) + JSON.stringify(config);
  expect(shown).not.toContain("canary");
  expect(shown).toContain("bob");
  const again = checkAuthConfig(config);
  const passwords = again.accounts?.map(({ users }) => users[0]?.password);
  expect([again.token, ...(passwords ?? [])]).toEqual(["canary-2", "canary-3", "canary-1"]);
});

test("credentials are required as soon as there are some, but for a default user", () => {
  expect(requiresCredentials({})).toBe(false);
  expect(requiresCredentials({ accounts: [{ name: "A", users: [] }] })).toBe(false);
  expect(requiresCredentials({ token: "t" })).toBe(true);
  expect(requiresCredentials({ users: [alice] })).toBe(true);
  expect(requiresCredentials({ users: [alice], noAuthUser: "alice" })).toBe(false);
  expect([systemAccount({}), systemAccount({ users: [alice] })]).toEqual([undefined, "$SYS"]);
});
