// Loads of a plain NATS core: PUB -> MSG through the server, and request/reply.
// Run inside generator.mjs.
import { randomBytes } from "node:crypto";
import { Meter, until } from "./meter.mjs";
import { connect, countFrames, scanFrames } from "./wire.mjs";

/** Bytes written at once at most; what a client library's write buffer would hold. */
const blockBytes = 64 * 1024;

/**
 * `publishers` connections publish, each on a subject of its own that `fanOut` connections
 * subscribe. The count is of messages delivered. A publisher is at most `window` messages ahead of
 * its slowest subscriber, so the server never sees a slow consumer; that nothing was lost and
 * nothing came twice is checked at the end.
 */
export async function publish(job) {
  const meter = new Meter();
  const streams = [];
  for (let i = 0; i < job.publishers; i++) streams.push(await openStream(job, i, meter));
  for (const stream of streams) stream.pump();
  const result = await meter.run(job);
  for (const stream of streams) stream.stop();
  for (const stream of streams) await stream.verify();
  return result;
}

async function openStream(job, index, meter) {
  const subject = `bench.core.${index}`;
  const frame = Buffer.concat([
    Buffer.from(`PUB ${subject} ${job.size}\r\n`),
    randomBytes(job.size),
    Buffer.from("\r\n"),
  ]);
  const deliveredBytes = `MSG ${subject} 1 ${job.size}\r\n`.length + job.size + 2;
  const perBlock = Math.max(1, Math.min(job.window >> 2, Math.floor(blockBytes / frame.length)));
  const block = Buffer.concat(Array(perBlock).fill(frame));

  const publisher = await connect(job.port);
  const received = Array.from({ length: job.fanOut }, () => 0);
  const subscribers = [];
  let published = 0;
  let running = true;
  const pump = () => {
    if (!running) return;
    let slowest = received[0];
    for (let i = 1; i < received.length; i++) if (received[i] < slowest) slowest = received[i];
    while (published - slowest + perBlock <= job.window) {
      publisher.send(block);
      published += perBlock;
    }
  };
  for (let i = 0; i < job.fanOut; i++) {
    const subscriber = await connect(job.port);
    subscriber.onBytes = countFrames(deliveredBytes, (count) => {
      received[i] += count;
      meter.count(count);
      pump();
    });
    subscriber.send(`SUB ${subject} 1\r\n`);
    await subscriber.flush();
    subscribers.push(subscriber);
  }

  const verify = async () => {
    const state = () => `published ${published}, received ${received.join(" ")}`;
    await until(
      () => received.every((count) => count >= published),
      () => `lost: ${state()}`,
    );
    await publisher.flush();
    for (const subscriber of subscribers) await subscriber.flush();
    if (received.some((count) => count !== published)) throw new Error(`twice: ${state()}`);
    for (const connection of [publisher, ...subscribers]) connection.close();
  };
  return {
    pump,
    stop: () => {
      running = false;
    },
    verify,
  };
}

const tokenDigits = 6;

/**
 * `pairs` requesters, each with one request under way to a responder of its own (see `respond`).
 * As client libraries do it: one wildcard inbox per connection, a fresh last token per request.
 */
export async function request(job) {
  const meter = new Meter();
  const pairs = [];
  for (let i = 0; i < job.pairs; i++) pairs.push(await openRequester(job, i, meter));
  for (const pair of pairs) pair.ask();
  const result = await meter.run(job);
  for (const pair of pairs) pair.stop();
  await until(
    () => pairs.every((pair) => pair.idle()),
    () => "a request got no reply",
  );
  for (const pair of pairs) pair.close();
  return result;
}

async function openRequester(job, index, meter) {
  const inbox = `_INBOX.benchbenchbenchbench${String(index).padStart(2, "0")}`;
  const head = `PUB bench.service.${index} ${inbox}.`;
  const frame = Buffer.from(
    `${head}${"0".repeat(tokenDigits)} ${job.size}\r\n${"x".repeat(job.size)}\r\n`,
  );
  const replyTokenAt = `MSG ${inbox}.`.length;
  const connection = await connect(job.port);
  let running = true;
  let waiting = false;
  let asked = 0;
  let askedAtMs = 0;
  const ask = () => {
    writeDigits(frame, head.length, ++asked);
    askedAtMs = performance.now();
    waiting = true;
    connection.send(frame);
  };
  connection.onBytes = scanFrames((buffer, at) => {
    for (let i = 0; i < tokenDigits; i++) {
      if (buffer[at + replyTokenAt + i] !== frame[head.length + i]) throw new Error("wrong reply");
    }
    meter.latency(performance.now() - askedAtMs);
    meter.count(1);
    waiting = false;
    if (running) ask();
  });
  connection.send(`SUB ${inbox}.* 1\r\n`);
  await connection.flush();
  return {
    ask,
    stop: () => {
      running = false;
    },
    idle: () => !waiting,
    close: () => connection.close(),
  };
}

/** The other half of `request`, in a process of its own; it ends with the process. */
export async function respond(job) {
  for (let i = 0; i < job.pairs; i++) {
    const connection = await connect(job.port);
    const subject = `bench.service.${i}`;
    const replyAt = `MSG ${subject} 1 `.length;
    const replyBytes = "_INBOX.benchbenchbenchbench00.".length + tokenDigits;
    const frame = Buffer.from(
      `PUB ${"_".repeat(replyBytes)} ${job.size}\r\n${"y".repeat(job.size)}\r\n`,
    );
    connection.onBytes = scanFrames((buffer, at) => {
      buffer.copy(frame, 4, at + replyAt, at + replyAt + replyBytes);
      connection.send(frame);
    });
    connection.send(`SUB ${subject} 1\r\n`);
    await connection.flush();
  }
}

function writeDigits(buffer, at, value) {
  for (let i = tokenDigits - 1; i >= 0; i--) {
    buffer[at + i] = 48 + (value % 10);
    value = Math.floor(value / 10);
  }
}
