import { expect, test } from "vitest";
import {
  publishViolation,
  quoted,
  replyViolation,
  subscriptionRevoked,
  subscriptionViolation,
  wireErrors,
} from "./errors.ts";

test("violations of permissions never close", () => {
  expect(publishViolation("foo")).toEqual({
    text: 'Permissions Violation for Publish to "foo"',
    closes: false,
  });
  expect(replyViolation("_R_.x").text).toBe(
    'Permissions Violation for Publish with Reply of "_R_.x"',
  );
  expect(subscriptionViolation("foo", "").text).toBe(
    'Permissions Violation for Subscription to "foo"',
  );
  expect(subscriptionViolation("foo", "q").text).toBe(
    'Permissions Violation for Subscription to "foo" using queue "q"',
  );
});

test("texts are unique, and only three fixed ones leave the connection open", () => {
  const all = Object.values(wireErrors);
  expect(new Set(all.map((error) => error.text)).size).toBe(all.length);
  expect(all.filter((error) => !error.closes).map((error) => error.text)).toEqual([
    "Invalid Subject",
    "Invalid Publish Subject",
    "maximum subscriptions exceeded",
  ]);
});

test.each([
  ["plain", '"plain"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ["a\tb\x00\x7f", '"a\\tb\\x00\\x7f"'],
  ["\xc3\xa9", '"\xc3\xa9"'],
  ["\xff\xc3", '"\\xff\\xc3"'],
  ["\xc2\xa0", '"\\u00a0"'],
  ["\xf3\xa0\x81\x81", '"\\U000e0041"'],
])("%j is quoted as %j", (bytes, expected) => {
  expect(quoted(bytes)).toBe(expected);
});

test("a subscription that ends by new rules is named with its sid", () => {
  expect(subscriptionRevoked("foo", "q", "9").text).toBe(
    'Permissions Violation for Subscription to "foo" using queue "q" (sid "9")',
  );
});
