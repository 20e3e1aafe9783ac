// Floods, expensive structures and damaged streams against a running broker: nobody else is refused,
// disconnected or forgotten, and memory comes back.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createRandom, runs, seed } from "../malformed/random.ts";
import { damagedStream, noise, validStream, wordSalad } from "../malformed/streams.ts";
import { attack, attacks } from "./src/attacks.ts";
import { flushed } from "./src/connections.ts";
import { closeCrowd, openCrowd } from "./src/crowd.ts";
import { type Server, startServer } from "./src/server.ts";
import { startWitness } from "./src/witness.ts";

vi.setConfig({ testTimeout: 90_000 });

const mebibyte = 1_048_576;
let server: Server;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe("an established client", () => {
  test.each(Object.keys(attacks))("is served during %s, and memory comes back", async (name) => {
    const base = await server.held();
    const witness = await startWitness(server.port, 20);
    const sent = await attack(server.port, name, 2, runs(400));
    const seen = await witness.end();
    expect(sent).toBeGreaterThan(0);
    expect(seen.pings).toBeGreaterThan(0);
    const after = await server.heldWhen(
      ({ sockets, heldBytes }) =>
        sockets <= base.sockets && heldBytes < base.heldBytes + 24 * mebibyte,
    );
    expect(after.sockets).toBeLessThanOrEqual(base.sockets);
    expect(after.heldBytes).toBeLessThan(base.heldBytes + 24 * mebibyte);
  });

  test(`is served while fifty connections send damaged streams (SEED=${seed})`, async () => {
    const witness = await startWitness(server.port, 20);
    const endMs = performance.now() + runs(2_500);
    let conversations = 0;
    const one = async (stream: number): Promise<void> => {
      const random = createRandom(stream);
      while (performance.now() < endMs) {
        const kinds = [wordSalad, noise, validStream, damagedStream, damagedStream];
        let text = random.once(3) ? "" : "CONNECT {}\r\n";
        for (let at = random.below(20); at >= 0; at -= 1) text += random.pick(kinds)(random);
        await converse(text);
        conversations += 1;
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, at) => one(1_000 + at)));
    await witness.end();
    expect(conversations).toBeGreaterThan(50);
  });

  test("is served while a connection with very many subscriptions ends", async () => {
    const base = await server.held();
    const witness = await startWitness(server.port, 20);
    const crowd = await openCrowd({ port: server.port, count: 5 });
    for (const [at, member] of crowd.entries()) {
      let lines = "";
      for (let sid = 0; sid < 9_000; sid += 1) lines += `SUB m.${at}.${sid}.*.> ${sid}\r\n`;
      await flushed(member, lines);
    }
    await closeCrowd(crowd, "destroy");
    await witness.end();
    const after = await server.heldWhen(
      ({ heldBytes }) => heldBytes < base.heldBytes + 4 * mebibyte,
    );
    expect(after.heldBytes).toBeLessThan(base.heldBytes + 4 * mebibyte);
  });
});

/** Says something, waits a moment for an answer or the end, and leaves. */
async function converse(text: string): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: server.port });
  await new Promise<void>((resolve) => {
    socket.on("error", () => undefined); // being thrown out is a right answer
    socket.on("close", () => resolve());
    socket.on("connect", () => {
      socket.write(Buffer.from(text, "latin1"));
      setTimeout(() => socket.destroy(), 30);
    });
    socket.resume();
  });
}
