// Thousands of damaged frames against a running broker, on mailbox subjects and on plain ones, while
// a witness works beside them. The broker never ends, never stops answering others, never grows.
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveBroker, startLive } from "./live.ts";
import { createRandom, type Random, runs, seed } from "./random.ts";
import { damagedStream, noise, validStream, wordSalad } from "./streams.ts";

let live: LiveBroker;
beforeAll(async () => {
  live = await startLive();
});
afterAll(async () => await live[Symbol.asyncDispose]());

const space = "$mq9.AI.";
const tails = [
  [
    "MAILBOX.CREATE",
    "MAILBOX.MSG.fuzz",
    "MAILBOX.MSG.fuzz.urgent",
    "MAILBOX.MSG.fuzz.*",
    "MAILBOX.MSG.*",
  ],
  ["MAILBOX.LIST.fuzz", "MAILBOX.DELETE.fuzz.0", "MAILBOX.DELETE.fuzz.x", "MAILBOX.QUERY.fuzz"],
  ["INBOX.fuzz.normal", "INBOX.fuzz.*", "INBOX.m-status-*.normal", "BROADCAST.a.b", "BROADCAST.>"],
  [
    "PUBLIC.LIST",
    "MAILBOX.MSG.$SYSTEM.PUBLIC",
    "MAILBOX.fuzz.high",
    "MSG.SEND.fuzz",
    ">",
    "#",
    "",
    ".",
  ],
].flat();
const subjects = [...tails.map((tail) => space + tail), "foo", "foo.*", ">", "_INBOX.x.1", "a..b"];
const bodies = [
  "{}",
  '{"ttl":60}',
  '{"public":true,"name":"fuzz"}',
  '{"ttl":-1}',
  "[",
  "",
  "\xff",
  '{"limit":0}',
];

/** One damaged conversation. */
function frames(random: Random): string {
  const kind = random.below(8);
  if (kind === 0) return wordSalad(random);
  if (kind === 1) return noise(random);
  if (kind === 2) return validStream(random, subjects);
  if (kind < 5) return damagedStream(random, subjects);
  const body = random.once(3) ? random.bytes(random.below(30)) : random.pick(bodies);
  const reply = random.once(2) ? `${random.pick(subjects)} ` : "";
  return `PUB ${random.pick(subjects)} ${reply}${body.length}\r\n${body}\r\n`;
}

async function converse(random: Random): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: live.port, noDelay: true });
  // best effort: the broker closes most of these, as it should.
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "connect");
  if (!random.once(4))
    socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n');
  for (let count = 1 + random.below(5); count > 0; count -= 1) {
    const bytes = Buffer.from(frames(random), "latin1");
    const cut = random.below(bytes.length + 1);
    await new Promise<void>((resolve) => socket.write(bytes.subarray(0, cut), () => resolve()));
    socket.write(bytes.subarray(cut));
  }
  if (random.once(2)) socket.destroy();
  else socket.end();
  if (!socket.closed) await once(socket, "close");
}

describe(`a running broker (SEED=${seed})`, () => {
  test("outlives thousands of damaged conversations and serves its other clients", {
    timeout: 120_000,
  }, async () => {
    const random = createRandom(9);
    const batch = async (): Promise<void> => {
      for (let count = 0; count < runs(60); count += 1) {
        await Promise.all(Array.from({ length: 5 }, () => converse(random)));
        await live.witness.check();
      }
    };
    await batch();
    const before = await live.heldBytes();
    for (let count = 0; count < 4; count += 1) await batch();
    expect((await live.heldBytes()) - before).toBeLessThan(64 * 1_048_576);
    expect(live.broker.process.exitCode).toBeNull();
  });
});
