// Storms, idle crowds, readers that never read, more connections than files: what was taken is given
// back, and an established client notices nothing.
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { idle, storm, stuck } from "./src/connections.ts";
import { closeCrowd, openCrowd } from "./src/crowd.ts";
import { pause, type Server, startServer } from "./src/server.ts";
import { startWitness } from "./src/witness.ts";

vi.setConfig({ testTimeout: 90_000 });

const mebibyte = 1_048_576;
let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("many connections", () => {
  test("that come and go in storms leave no socket, no timer and no memory behind", async () => {
    const witness = await startWitness(server.port, 20);
    const { base, after } = await storm(server, 1_000, 3);
    const seen = await witness.end();
    expect(after.sockets).toBeLessThanOrEqual(base.sockets);
    expect(after.timers).toBeLessThanOrEqual(base.timers + 5);
    expect(after.heldBytes).toBeLessThan(base.heldBytes * 1.1 + 2 * mebibyte);
    expect(seen.pings).toBeGreaterThan(0);
  });

  test("that are idle cost a few kibibytes each, and give them back", async () => {
    const { base, after, heldBytesEach } = await idle(server, 2_000);
    expect(heldBytesEach).toBeLessThan(24 * 1_024);
    expect(after.sockets).toBeLessThanOrEqual(base.sockets);
    expect(after.heldBytes).toBeLessThan(base.heldBytes + 4 * mebibyte);
  });

  test("that never read hold little more than what they were sent", async () => {
    const witness = await startWitness(server.port, 20);
    const { base, peakRssBytes } = await stuck(server, {
      count: 1_000,
      payloadBytes: 2_000,
      messages: 50,
    });
    await witness.end();
    // A slab of the largest size for each of them would be 94 MiB, two of them 188.
    expect(peakRssBytes - base.rssBytes).toBeLessThan(150 * mebibyte);
  });
});

const prlimit = process.platform === "linux" && spawnSync("prlimit", ["--version"]).status === 0;

test.skipIf(!prlimit)(
  "without files for more connections the open ones work, and new ones are taken once there are",
  async () => {
    await using few = await startServer();
    const witness = await startWitness(few.port, 20);
    const limitFiles = (count: number): void => {
      const args = ["--pid", String(few.broker.process.pid), `--nofile=${count}:`];
      spawnSync("prlimit", args, { stdio: "inherit" });
    };
    // Connections leave files to the store where the limit was there at the start; here it comes later,
    // so the store has to have opened what it needs.
    await pause(1_500);
    limitFiles(120);
    const crowd = await openCrowd({ port: few.port, count: 300, atOnce: 300 });
    expect(crowd.length).toBeLessThan(120);
    const seen = await witness.end();
    expect(seen.pings).toBeGreaterThan(0);
    await closeCrowd(crowd, "destroy");
    limitFiles(4_096);
    const next = await openCrowd({ port: few.port, count: 200 });
    expect(next).toHaveLength(200);
    await closeCrowd(next, "end");
  },
);
