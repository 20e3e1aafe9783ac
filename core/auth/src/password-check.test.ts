import { expect, test, vi } from "vitest";
import { PasswordCheck } from "./password-check.ts";
import { hashPassword, Secret } from "./secret.ts";
import { Throttle } from "./throttle.ts";

const offer = { user: "ann", secret: "right", address: "127.0.0.1" };

test("a password that could not be checked may be offered again at once", async () => {
  const secret = new Secret(await hashPassword("right"));
  const check = new PasswordCheck(new Throttle(() => 0));
  const verify = vi.spyOn(secret, "verify").mockResolvedValueOnce(undefined);
  expect(await check.check(secret, true, offer)).toBe(false);
  expect(await check.check(secret, true, offer)).toBe(true);
  expect(verify).toHaveBeenCalledTimes(2);
});

test("a password that was wrong is not checked again within the minute", async () => {
  const secret = new Secret(await hashPassword("other"));
  let nowMs = 0;
  const check = new PasswordCheck(new Throttle(() => nowMs));
  const verify = vi.spyOn(secret, "verify");
  expect(await check.check(secret, true, offer)).toBe(false);
  expect(check.check(secret, true, offer)).toBe(false);
  expect(verify).toHaveBeenCalledTimes(1);
  nowMs = 60_000;
  expect(await check.check(secret, true, offer)).toBe(false);
  expect(verify).toHaveBeenCalledTimes(2);
});
