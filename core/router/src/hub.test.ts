import { expect, test } from "vitest";
import { Hub } from "./hub.ts";
import type { ServerInfo } from "./info.ts";
import { defaultRouterOptions, wireLimits } from "./options.ts";

test("accounts that nobody uses are let go, and their results with them", () => {
  const hub = new Hub({
    options: defaultRouterOptions,
    hooks: {},
    limits: wireLimits(defaultRouterOptions),
    server: {} as ServerInfo,
    seed: 1,
    nowMs: () => 0,
  });
  const used = hub.sublistOf("used");
  hub.sublistOf("unused");
  hub.connections.set(1, { sublist: used } as never);
  used.match("foo");
  hub.tidy();
  expect([...hub.accounts.keys()]).toEqual(["used"]);
  expect(hub.sublistOf("used")).toBe(used);
  expect(used.cached).toBe(0);
});
