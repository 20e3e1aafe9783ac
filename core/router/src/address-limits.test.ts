import { describe, expect, test } from "vitest";
import { AddressLimits, networkOf } from "./address-limits.ts";

function limitsOf(maxConnectionsPerAddress: number, connectRatePerAddress: number): AddressLimits {
  return new AddressLimits(() => ({ maxConnectionsPerAddress, connectRatePerAddress }));
}

describe("AddressLimits", () => {
  test("an address has at most so many connections, and others are not concerned", () => {
    const limits = limitsOf(2, 0);
    expect(limits.entered("10.0.0.1", 0)).toBe(true);
    expect(limits.entered("10.0.0.1", 0)).toBe(true);
    expect(limits.entered("10.0.0.1", 0)).toBe(false);
    expect(limits.entered("10.0.0.2", 0)).toBe(true);
    limits.left("10.0.0.1"); // the refused one
    limits.left("10.0.0.1");
    expect(limits.entered("10.0.0.1", 0)).toBe(true);
  });

  test("connections that never get past CONNECT come at a rate, those that do cost nothing", () => {
    const limits = limitsOf(0, 2);
    expect(limits.entered("a", 0)).toBe(true);
    expect(limits.entered("a", 0)).toBe(true);
    expect(limits.entered("a", 0)).toBe(false);
    expect(limits.entered("a", 400)).toBe(false);
    expect(limits.entered("a", 500)).toBe(true);
    for (let at = 0; at < 100; at += 1) {
      limits.welcomed("a");
      expect(limits.entered("a", 500)).toBe(true);
    }
  });

  test("an hour of silence earns no more than a second's worth", () => {
    const limits = limitsOf(0, 2);
    limits.entered("a", 0);
    expect([1, 2, 3].map(() => limits.entered("a", 3_600_000))).toEqual([true, true, false]);
  });

  test("who is gone is forgotten", () => {
    const limits = limitsOf(5, 1);
    for (let at = 0; at < 1_000; at += 1) limits.entered(`10.0.${at >> 8}.${at & 255}`, 0);
    limits.tidy(60_000);
    expect(limits.size).toBe(1_000);
    for (let at = 0; at < 1_000; at += 1) limits.left(`10.0.${at >> 8}.${at & 255}`);
    limits.tidy(60_000);
    expect(limits.size).toBe(0);
  });

  test.each([
    ["10.1.2.3", "10.1.2.3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["::1", "0:0:0:0"],
  ])("%s stands for %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
