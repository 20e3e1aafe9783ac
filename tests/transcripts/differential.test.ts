// Hundreds of random conversations, right and damaged, held with this broker and
// with a real nats-server: both must answer alike and agree on whether the connection ends.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { findPeer } from "@mq9/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { createRandom, type Random, seed } from "../malformed/random.ts";
import { damagedStream, validStream, wordSalad } from "../malformed/streams.ts";
import { converse, type Outcome, patient, quick } from "./conversation.ts";
import { randomConversation } from "./random-conversations.ts";
import type { Target } from "./replay.ts";
import { brokers, natsServers } from "./servers.ts";

const peer = findPeer("nats-server");
const real = natsServers();
const ours = brokers();
afterAll(async () => {
  await Promise.all([real.stop(), ours.stop()]);
});

/** Conversations of each kind. */
const runs = Number(process.env["RUNS"] ?? 300);
/** A conversation takes some ten milliseconds; a machine may be busy. */
const timeoutMs = 60_000 + runs * 300;

const subjects = [
  "a",
  "foo",
  "foo.bar",
  "*",
  ">",
  "a..b",
  "a.>",
  "foo.*",
  "_INBOX.x.1",
  "_R_.x",
  "$SYS.x",
];
const greetings = [
  "",
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n',
  'CONNECT {"verbose":true,"pedantic":false,"headers":true}\r\n',
  'CONNECT {"verbose":false,"pedantic":true,"echo":false}\r\n',
];

/**
 * A conversation without what the two are known to answer differently (see ./exceptions.ts), without
 * a CR that ends no line and without a line of a verb and blanks: there the real server takes
 * arguments for longer than they are.
 */
function conversation(random: Random): string {
  for (;;) {
    const kind = random.below(4);
    const right = kind < 2;
    const stream = right
      ? validStream(random, subjects)
      : kind === 2
        ? damagedStream(random, subjects)
        : wordSalad(random);
    const greeting = random.pick(greetings);
    const pedantic = !greeting.includes('"pedantic":false');
    const differs = [
      /[ \t]0[0-9]/.test(stream), // leading zeros
      !right && /hpub/i.test(stream), // headers that are none
      pedantic && (!right || stream.includes("_R_")), // two errors for one publish
      /connect/i.test(stream), // options of a second CONNECT
      /\r(?!\n)/.test(stream),
      /(?:info|pub|sub|-err)[ \t]+\r?\n/i.test(stream),
    ];
    if (!differs.includes(true)) return greeting + stream;
  }
}

/** What a server said, and whether it ended the connection, once it has been silent for a while. */
async function hold(target: Target, bytes: Buffer, silenceMs: number): Promise<string> {
  const socket = connect({ host: target.host, port: target.port, noDelay: true });
  let text = "";
  let closed = false;
  let lastAt = Date.now();
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    lastAt = Date.now();
  });
  // best effort: a reset is a way of closing; "close" follows.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
  });
  await once(socket, "connect");
  socket.write(bytes);
  while (!closed && Date.now() - lastAt < silenceMs) await sleep(4);
  const answer = `${alike(text)}${closed ? "closed" : "open"}`;
  // What it said must not be heard by the next one.
  socket.end();
  for (let waited = 0; !socket.closed && waited < 500; waited += 1) await sleep(1);
  socket.destroy();
  return answer;
}

/**
 * Takes out what may differ: INFO; the order of deliveries to several subscriptions of one
 * connection, and which member of a queue group got one.
 */
function alike(text: string): string {
  const lines = text.split("\r\n").filter((line) => !line.startsWith("INFO "));
  const withoutSids = lines.map((line) => line.replace(/^(H?MSG \S+) \S+/, "$1 _"));
  return withoutSids.toSorted().join("\n");
}

/** Where two outcomes part. */
function firstDifference(ours: Outcome = {}, real: Outcome = {}): string {
  for (const client of Object.keys(real)) {
    const [here, there] = [ours[client] ?? [], real[client] ?? []];
    const at = there.findIndex((line, index) => line !== here[index]);
    if (at >= 0 || here.length !== there.length) {
      return `${client}, line ${at}: ours ${here[at]}, real ${there[at]}`;
    }
  }
  return "none";
}

describe.skipIf(peer.path === undefined)(`random conversations (SEED=${seed})`, () => {
  test("are answered alike by this broker and by nats-server", { timeout: timeoutMs }, async () => {
    const random = createRandom(12);
    const [here, there] = [await ours.target({}), await real.target({})];
    const differences: object[] = [];
    let ended = 0;
    for (let count = 0; count < runs; count += 1) {
      const stream = conversation(random);
      const bytes = Buffer.from(stream, "latin1");
      // One after the other: wildcards of one would hear the next.
      let answers = await Promise.all([hold(here, bytes, 12), hold(there, bytes, 12)]);
      // A busy machine may have been late: ask again with patience before calling it a difference.
      if (answers[0] !== answers[1]) {
        answers = await Promise.all([hold(here, bytes, 500), hold(there, bytes, 500)]);
      }
      const [ourAnswer, realAnswer] = answers;
      if (ourAnswer !== realAnswer) differences.push({ stream, ourAnswer, realAnswer });
      if (realAnswer.endsWith("closed")) ended += 1;
    }
    expect(differences).toEqual([]);
    // Neither kind of end is rare, so agreeing on it means something.
    expect(ended).toBeGreaterThan(runs / 10);
    expect(ended).toBeLessThan(runs * 0.9);
  });

  test("of several clients are heard alike", { timeout: timeoutMs }, async () => {
    const [here, there] = [await ours.target({}), await real.target({})];
    const differences: object[] = [];
    let delivered = 0;
    for (let count = 0; count < runs && differences.length < 5; count += 1) {
      // Each has numbers of its own, so that one can be played again without those before it.
      const script = randomConversation(createRandom(1_000 + count), `${count} of seed ${seed}`);
      const both = async (patience: typeof quick): Promise<Outcome[]> =>
        await Promise.all([converse(script, here, patience), converse(script, there, patience)]);
      let [ourAnswer, realAnswer] = await both(quick);
      if (JSON.stringify(ourAnswer) !== JSON.stringify(realAnswer)) {
        [ourAnswer, realAnswer] = await both(patient);
      }
      if (JSON.stringify(ourAnswer) !== JSON.stringify(realAnswer)) {
        differences.push({ firstDifference: firstDifference(ourAnswer, realAnswer), script });
      }
      if (JSON.stringify(realAnswer).includes("MSG ")) delivered += 1;
    }
    expect(differences).toEqual([]);
    // Most conversations are about something.
    expect(delivered).toBeGreaterThan(runs / 3);
  });
});
