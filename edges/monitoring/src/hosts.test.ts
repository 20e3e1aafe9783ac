import { expect, test } from "vitest";
import { isAllowedHost } from "./hosts.ts";

test.each([
  [["localhost"], "127.0.0.1", true],
  [["LocalHost:8222"], "::1", true],
  [["[::1]:8222"], "::1", true],
  [["127.0.0.1"], "::ffff:127.0.0.1", true],
  [["evil.example"], "127.0.0.1", false],
  [["evil.example"], "::ffff:127.0.0.1", false],
  [["localhost.evil.example"], "127.0.0.1", false],
  [["localhost:"], "127.0.0.1", false],
  [["localhost:1:2"], "127.0.0.1", false],
  [["[::1"], "::1", false],
  [[""], "127.0.0.1", false],
  [["localhost", "localhost"], "127.0.0.1", false],
  [[], "127.0.0.1", true],
  [["monitor.example:8222"], "10.0.0.7", true],
  [["a", "b"], "10.0.0.7", false],
])("hosts %j at %s: %s", (hosts, address, allowed) => {
  expect(isAllowedHost(hosts, address, [])).toBe(allowed);
});

test("a name that was allowed is, whatever its case", () => {
  expect(isAllowedHost(["MQ9.internal:1"], "127.0.0.1", ["mq9.Internal"])).toBe(true);
});
