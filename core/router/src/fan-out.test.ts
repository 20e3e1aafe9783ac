// A large message to very many readers takes several turns of the event loop, and nobody notices but
// by the time it takes.
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";
import { connectPeer, type Peer } from "./testing/peer.ts";
import { type RunningRouter, startRouter } from "./testing/rig.ts";

const bytes = 100_000;
const perReader = 150;
const readersMax = 4;

/** Four connections with so many subscriptions each that one publish is too much for a turn. */
async function startReaders(server: RunningRouter): Promise<Peer[]> {
  const readers: Peer[] = [];
  for (let at = 0; at < readersMax; at++) {
    const reader = await connectPeer(server.port);
    let subs = "";
    for (let sid = 1; sid <= perReader; sid++) subs += `SUB big ${sid}\r\n`;
    reader.send(`${subs}SUB small 0\r\n`);
    await reader.flush();
    readers.push(reader);
  }
  return readers;
}

/** Takes one message for each subscription of the reader, in any order, and nothing else. */
async function readAll(reader: Peer, letter: string): Promise<void> {
  const body = letter.repeat(bytes);
  const sids = new Set<string>();
  for (let count = 0; count < perReader; count++) {
    const [, , sid = ""] = (await reader.readThrough("\r\n")).split(" ");
    await reader.read(`${body}\r\n`);
    sids.add(sid);
  }
  expect(sids.size).toBe(perReader);
}

test("a large message to many comes once to each, before what its publisher says next", async () => {
  await using server = await startRouter();
  const readers = await startReaders(server);
  await using publisher = await connectPeer(server.port);
  let most = 0;
  let before = server.router.stats.outMsgs;
  let isOver = false;
  const look = (): void => {
    const { outMsgs } = server.router.stats;
    most = Math.max(most, outMsgs - before);
    before = outMsgs;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  publisher.send(`PUB big ${bytes}\r\n${"a".repeat(bytes)}\r\nPUB small 2\r\nhi\r\n`);
  publisher.send(`PUB big ${bytes}\r\n${"b".repeat(bytes)}\r\n`);
  for (const reader of readers) {
    await readAll(reader, "a");
    await reader.read("MSG small 0 2\r\nhi\r\n");
    await readAll(reader, "b");
  }
  isOver = true;
  expect(await publisher.flush()).toBe("");
  expect(server.router.stats.outMsgs).toBe(readersMax * (2 * perReader + 1));
  expect(most, "of one turn").toBeLessThan((readersMax * perReader) / 2);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});

test("it reaches everybody when its publisher leaves at once, and nobody who left meanwhile", async () => {
  await using server = await startRouter();
  const [leaving, ...staying] = await startReaders(server);
  if (leaving === undefined) throw new Error("no readers");
  const publisher = await connectPeer(server.port);
  publisher.send(`PUB big ${bytes}\r\n${"c".repeat(bytes)}\r\n`);
  publisher.socket.end();
  leaving.socket.destroy();
  for (const reader of staying) await readAll(reader, "c");
  for (const reader of staying) {
    expect(await reader.flush()).toBe("");
    await reader[Symbol.asyncDispose]();
  }
});

test("who may reach only so many in a second is held for all whom a large message reached", async () => {
  const spent: number[] = [];
  class Counting extends Pace {
    override published(deliveries: number): number {
      spent.push(deliveries);
      return 0;
    }
    override delivered(deliveries: number): void {
      spent.push(deliveries);
    }
  }
  const pace = new Counting({});
  const user = { account: "$G", user: "", permissions: undefined };
  const identityOf = (name: string | undefined) => (name === "paced" ? { ...user, pace } : user);
  await using server = await startRouter(
    {},
    {
      authenticator: {
        required: false,
        nonces: false,
        authenticate: ({ user: name }) => identityOf(name),
        renew: (identity) => identity,
      },
    },
  );
  const readers = await startReaders(server);
  await using publisher = await connectPeer(server.port);
  publisher.send('CONNECT {"verbose":false,"user":"paced"}\r\n');
  publisher.send(`PUB big ${bytes}\r\n${"d".repeat(bytes)}\r\n`);
  for (const reader of readers) await readAll(reader, "d");
  await publisher.flush();
  expect(spent.length).toBeGreaterThan(2);
  expect(spent.reduce((sum, each) => sum + each, 0)).toBe(readersMax * perReader);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});
