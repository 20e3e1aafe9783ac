import { expect, test } from "vitest";
import type { AuthConfig } from "./config.ts";
import { unknownName } from "./users.ts";

const key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const configured: AuthConfig = {
  users: [{ user: "ann", password: "x" }, { nkey: key }],
  accounts: [{ name: "A", users: [{ user: "bob", password: "x" }] }],
};

test.each<[AuthConfig | undefined, string, string, "account" | "user" | undefined]>([
  [undefined, "$G", "", undefined],
  [undefined, "$G", "ann", "user"],
  [undefined, "A", "", "account"],
  [{}, "$G", "", undefined],
  [{ token: "x" }, "$G", "", undefined],
  [configured, "$G", "ann", undefined],
  [configured, "$G", key, undefined],
  [configured, "$G", "", "user"],
  [configured, "$G", "bob", "user"],
  [configured, "A", "bob", undefined],
  [configured, "A", "ann", "user"],
  [configured, "B", "bob", "account"],
  [{ operator: { operators: [], accounts: new Map([["AX", ""]]) } }, "AX", key, undefined],
  [{ operator: { operators: [], accounts: new Map([["AX", ""]]) } }, "AX", "ann", "user"],
  [{ operator: { operators: [], accounts: new Map() } }, "AX", key, "account"],
])("of %j, account %s and user %s", (config, account, user, unknown) => {
  expect(unknownName(config, account, user)).toBe(unknown);
});
