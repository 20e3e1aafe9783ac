import { describe, expect, it } from "vitest";
import { authority, type BannerFacts, banner } from "./banner.ts";

const facts: BannerFacts = {
  version: "1.2.3",
  host: "127.0.0.1",
  port: 65_535,
  tls: false,
  others: [],
  usersConfigured: false,
  dataFolder: "/var/lib/mq9",
  pid: 4_194_303,
  freeSpace: "41.3 GiB",
  durable: true,
  exposed: false,
  colors: false,
};

describe("banner", () => {
  it("says where the broker is, what it promises, what to try and how to stop", () => {
    const text = banner(facts);
    expect(text).toContain("nats://127.0.0.1:65535");
    expect(text).toContain("/var/lib/mq9 (41.3 GiB free)");
    expect(text).toContain("on disk (fsync)");
    expect(text).toContain("mq9 mailbox create inbox --url nats://127.0.0.1:65535\n");
    expect(banner({ ...facts, port: 4222 })).toContain(
      "mq9 mailbox create inbox && mq9 send inbox hello\n",
    );
    expect(text).toContain("Ctrl-C or kill 4194303");
  });

  it("fits a terminal of 80 columns and holds no escape sequences without colours", () => {
    for (const line of banner(facts).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(banner(facts)).not.toContain("\u001b");
    expect(banner({ ...facts, colors: true })).toContain("\u001b");
  });

  it("offers an address that a client can dial when the broker listens everywhere", () => {
    const text = banner({ ...facts, host: "0.0.0.0", exposed: true });
    expect(text).toContain("nats://0.0.0.0:65535");
    expect(text).toContain("--url nats://127.0.0.1:65535");
    expect(text).toContain("everyone who can reach this address (--insecure)");
  });

  it("shows encryption, users, and what else listens", () => {
    const text = banner({
      ...facts,
      host: "0.0.0.0",
      exposed: true,
      tls: true,
      usersConfigured: true,
      others: [["Monitor", "http://127.0.0.1:8222/varz"]],
    });
    expect(text).toContain("tls://0.0.0.0:65535");
    expect(text).toContain("the users that are configured");
    expect(text).not.toContain("--insecure");
    expect(text).toMatch(/Monitor +http:\/\/127\.0\.0\.1:8222\/varz/);
  });

  it("does not promise what an engine in memory can not keep", () => {
    expect(banner({ ...facts, durable: false })).toContain("kept in memory");
  });
});

describe("authority", () => {
  it("puts IPv6 addresses in brackets", () => {
    expect(authority("::1", 4222)).toBe("[::1]:4222");
    expect(authority("localhost", 4222)).toBe("localhost:4222");
  });
});
