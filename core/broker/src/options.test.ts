import { describe, expect, it } from "vitest";
import { diskMarks } from "./disk-marks.ts";
import { type BrokerOptionsInput, defaultOptions } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { isLoopback } from "./reach.ts";
import { resolveOptions } from "./resolve-options.ts";

function refusal(input: BrokerOptionsInput): OptionsError {
  try {
    resolveOptions(input);
  } catch (error) {
    if (error instanceof OptionsError) return error;
    throw error;
  }
  throw new Error("the options were accepted");
}

describe("resolveOptions", () => {
  it("answers the table of defaults, and the tap, when nothing is chosen", () => {
    expect(resolveOptions()).toEqual({ ...defaultOptions, tap: true });
    expect(resolveOptions().limits.maxPayloadBytes).toBe(1_048_576);
    expect(resolveOptions().mailbox).toEqual({
      defaultTtlSeconds: 86_400,
      namedTtlSeconds: 0,
      idempotentCreate: false,
      payloads: "auto",
      latestShowsNewest: false,
      notifyTtlSeconds: 300,
      activeMailboxesMax: 16_384,
      messagesPerMailboxMax: 100_000,
      bytesPerMailboxMax: 268_435_456,
      mailboxesPerAccountMax: 100_000,
      messagesPerAccountMax: 5_000_000,
      bytesPerAccountMax: 10_737_418_240,
      hopsMax: 16,
      dedupWindowMs: 600_000,
    });
  });

  it("takes an explicit undefined for a missing value, at every depth", () => {
    const options = resolveOptions({
      host: undefined,
      limits: { maxPayloadBytes: undefined, pingMax: 5 },
      disk: undefined,
    });
    expect(options.host).toBe("127.0.0.1");
    expect(options.limits).toEqual({ ...defaultOptions.limits, pingMax: 5 });
  });

  it("freezes what it returns and leaves its argument alone", () => {
    const input = { port: -1, limits: { pingMax: 3 } };
    const options = resolveOptions(input);
    expect(input).toEqual({ port: -1, limits: { pingMax: 3 } });
    for (const part of [options, options.limits, options.mailbox, options.disk, options.shutdown]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("takes port -1 for 0 and refuses what is no port", () => {
    expect(resolveOptions({ port: -1 }).port).toBe(0);
    for (const port of [-2, 65_536, 1.5, Number.NaN]) {
      expect(refusal({ port }).option).toBe("port");
    }
  });

  it.each(["0.0.0.0", "::", "192.168.1.5", "example.org", "10.0.0.1", "localhost.example.org"])(
    "refuses to listen on %s unless told that this is insecure",
    (host) => {
      const error = refusal({ host });
      expect(error.option).toBe("host");
      expect(error.message).toContain(host);
      expect(resolveOptions({ host, insecure: true })).toMatchObject({ host, insecure: true });
    },
  );

  it("keeps the tap closed beyond loopback unless it is asked for", () => {
    expect(resolveOptions({ host: "0.0.0.0", insecure: true }).tap).toBe(false);
    expect(resolveOptions({ host: "0.0.0.0", insecure: true, tap: true }).tap).toBe(true);
    expect(resolveOptions({ tap: false }).tap).toBe(false);
  });

  it.each([
    ["limits.maxPayloadBytes", { limits: { maxPayloadBytes: 0 } }],
    ["limits.maxPayloadBytes", { limits: { maxPayloadBytes: 64 * 1024 * 1024 + 1 } }],
    ["limits.pingIntervalMs", { limits: { pingIntervalMs: 99 } }],
    ["limits.maxConnections", { limits: { maxConnections: 1.5 } }],
    ["mailbox.defaultTtlSeconds", { mailbox: { defaultTtlSeconds: -1 } }],
    ["mailbox.notifyTtlSeconds", { mailbox: { notifyTtlSeconds: Number.POSITIVE_INFINITY } }],
    ["disk.reserveBytes", { disk: { reserveBytes: Number.NaN } }],
    ["disk.softMarkBytes", { disk: { softMarkBytes: 1024 } }],
    ["limits.maxPendingBytes", { limits: { maxPendingBytes: 1024 * 1024 } }],
    ["shutdown.deadlineMs", { shutdown: { graceMs: 5_000, spreadMs: 5_000, deadlineMs: 10_000 } }],
    ["serverName", { serverName: "two words" }],
    ["host", { host: "" }],
  ] satisfies [string, BrokerOptionsInput][])("names %s when it can not be used", (path, input) => {
    const error = refusal(input);
    expect(error.option).toBe(path);
    expect(error.message.length).toBeGreaterThan(20);
  });
});

describe("isLoopback", () => {
  it("knows the addresses that stay on this machine", () => {
    for (const host of [
      "127.0.0.1",
      "127.8.9.1",
      "::1",
      "0:0:0:0:0:0:0:1",
      "localhost",
      "LocalHost",
    ]) {
      expect(isLoopback(host), host).toBe(true);
    }
    for (const host of ["0.0.0.0", "128.0.0.1", "::", "::2", "", "127.1", "my-host"]) {
      expect(isLoopback(host), host).toBe(false);
    }
  });
});

describe("diskMarks", () => {
  const gibibyte = 1024 ** 3;

  it("keeps a tenth of the disk free, between 1 and 10 GiB", () => {
    const soft = (totalBytes: number) =>
      diskMarks(defaultOptions.disk, totalBytes).softMarkBytes / gibibyte;
    expect(soft(1 * gibibyte)).toBe(1);
    expect(soft(50 * gibibyte)).toBe(5);
    expect(soft(4_000 * gibibyte)).toBe(10);
  });

  it("takes sends again only above the mark that stopped them", () => {
    const marks = diskMarks({ ...defaultOptions.disk, softMarkBytes: gibibyte }, 50 * gibibyte);
    expect(marks.softMarkBytes).toBe(gibibyte);
    expect(marks.resumeMarkBytes).toBe(Math.ceil(gibibyte * 1.02));
  });

  it("never stops removing before it stops sending", () => {
    const marks = diskMarks({ ...defaultOptions.disk, hardMarkBytes: 20 * gibibyte }, gibibyte);
    expect(marks.softMarkBytes).toBe(20 * gibibyte);
  });
});

describe("users", () => {
  const users = [{ user: "alice", password: "p" }];

  it("make it safe to listen anywhere, but for a user that comes without credentials", () => {
    const host = "0.0.0.0";
    expect(resolveOptions({ host, auth: { users } })).toMatchObject({ host, tap: false });
    for (const auth of [{}, { accounts: [{ name: "A", users: [] }] }]) {
      expect(refusal({ host, auth }).option).toBe("host");
    }
    expect(refusal({ host, auth: { users, noAuthUser: "alice" } }).option).toBe("host");
  });

  it("close the tap, unless somebody opens it", () => {
    expect(resolveOptions({ auth: { users } }).tap).toBe(false);
    expect(resolveOptions({ auth: { users }, tap: true }).tap).toBe(true);
  });

  it("that can not be used are named, and their secrets are not shown", () => {
    const error = refusal({ auth: { users: [...users, ...users] } });
    expect(error.option).toBe('auth.users["alice"]');
    expect(error.message).toMatch(/two users "alice"/);
    const options = resolveOptions({ auth: { token: "canary" } });
    expect(JSON.stringify(options)).not.toContain("canary");
    expect(options.auth?.token).toBe("canary");
  });
});
