// Loads of what is stored: sends that are answered, sends confirmed by a flush, replay, creation of
// mailboxes. Run inside generator.mjs. The same code loads a mailbox broker and a JetStream: they
// differ in subjects and in how a reader is opened, which the job says.
import { randomBytes } from "node:crypto";
import { Meter, nowUs, until } from "./meter.mjs";
import { connect, scanFrames } from "./wire.mjs";

/** Incompressible bytes that payloads are cut from, so that no store profits from compression. */
const poolBytes = 1 << 20;
const slotDigits = 4;
const inbox = "_INBOX.benchbenchbenchbenchds";

/**
 * Keeps `inFlight` sends on the way over `connections` connections, each to a random one of
 * `targets`, each with its own reply subject; a new one goes out when an answer comes in. Every
 * answer must say that it was stored.
 */
export async function send(job) {
  const meter = new Meter();
  const senders = [];
  const inFlight = Math.floor(job.inFlight / job.connections);
  for (let i = 0; i < job.connections; i++) senders.push(await openSender({ ...job, inFlight }));
  for (const sender of senders) {
    sender.onStored = (slot, nowMs) => {
      meter.latency(nowMs - sender.sentAtMs[slot]);
      meter.count(1);
      return true;
    };
    for (let slot = 0; slot < inFlight; slot++) sender.put(slot);
    sender.release();
  }
  const result = await meter.run(job);
  for (const sender of senders) sender.onStored = () => false;
  const waiting = () => senders.reduce((sum, sender) => sum + sender.waiting(), 0);
  await until(
    () => waiting() === 0,
    () => `${waiting()} sends got no answer`,
  );
  for (const sender of senders) sender.close();
  return result;
}

/** Sends exactly `messages` messages and waits for every answer. */
export async function fill(job) {
  const sender = await openSender(job);
  let started = 0;
  sender.onStored = () => started++ < job.messages;
  const startedMs = performance.now();
  for (; started < Math.min(job.inFlight, job.messages); started++) sender.put(started);
  sender.release();
  await until(
    () => sender.waiting() === 0,
    () => `${sender.waiting()} sends got no answer`,
    120_000,
  );
  sender.close();
  return { perSecond: (job.messages / (performance.now() - startedMs)) * 1000 };
}

let openedSenders = 0;

async function openSender(job) {
  const connection = await connect(job.port);
  const inbox = `_INBOX.benchbenchbenchbench${String(openedSenders++).padStart(4, "0")}`;
  const pool = randomBytes(poolBytes);
  const heads = job.targets.map((subject) => Buffer.from(`PUB ${subject} ${inbox}.`));
  const tail = Buffer.from(` ${job.size}\r\n`);
  const longest =
    Math.max(...heads.map((head) => head.length)) + slotDigits + tail.length + job.size + 2;
  const blocks = new Blocks(connection, longest * job.inFlight);
  const sentAtMs = new Float64Array(job.inFlight);
  const slotAt = `MSG ${inbox}.`.length;
  let random = 12345 + openedSenders;
  let waiting = 0;

  const sender = {
    sentAtMs,
    /** Says whether the slot is used again. */
    onStored: () => false,
    put: (slot) => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const head = heads[(random >>> 8) % heads.length];
      const out = blocks.bytes;
      let at = blocks.used;
      at += head.copy(out, at);
      at = writeSlot(out, at, slot);
      at += tail.copy(out, at);
      const from = random % (poolBytes - job.size);
      at += pool.copy(out, at, from, from + job.size);
      out[at++] = 13;
      out[at++] = 10;
      blocks.used = at;
      sentAtMs[slot] = performance.now();
      waiting++;
    },
    release: () => blocks.release(),
    waiting: () => waiting,
    close: () => connection.close(),
  };
  connection.onBytes = scanFrames(
    (buffer, at, _lineEnd, bodyAt, bodyEnd) => {
      checkStored(buffer, bodyAt, bodyEnd);
      const slot = readSlot(buffer, at + slotAt);
      waiting--;
      if (sender.onStored(slot, performance.now())) sender.put(slot);
    },
    () => blocks.release(),
  );
  connection.send(`SUB ${inbox}.* 1\r\n`);
  await connection.flush();
  return sender;
}

/**
 * Rounds of `batch` sends; p50 and p99 are of a round. With `roundEnd: "pong"` no send has a reply
 * subject and a round ends with the PONG of one PING. With `roundEnd: "answer"` the last send of a
 * round is answered: a JetStream stores in order, but its PONG says nothing about storage. That
 * everything was stored is checked at the end by `stored`.
 */
export async function flush(job) {
  const meter = new Meter();
  const pool = randomBytes(poolBytes);
  const before = await stored(job);
  const connection = await connect(job.port);
  let answered;
  connection.onBytes = scanFrames((buffer, _at, _lineEnd, bodyAt, bodyEnd) => {
    checkStored(buffer, bodyAt, bodyEnd);
    answered();
  });
  connection.send(`SUB ${inbox} 1\r\n`);
  await connection.flush();
  const heads = job.targets.map((subject) => Buffer.from(`PUB ${subject} `));
  const tail = Buffer.from(`${job.size}\r\n`);
  const answerTail = Buffer.from(`${inbox} ${job.size}\r\n`);
  const longest = Math.max(...heads.map((head) => head.length)) + answerTail.length + job.size + 2;
  const block = Buffer.allocUnsafeSlow(longest * job.batch);
  const byAnswer = job.roundEnd === "answer";
  let random = 54321;
  let rounds = 0;
  let running = true;
  const load = async () => {
    while (running) {
      let used = 0;
      for (let i = 1; i <= job.batch; i++) {
        random = (Math.imul(random, 1103515245) + 12345) >>> 0;
        used += heads[(random >>> 8) % heads.length].copy(block, used);
        used += (byAnswer && i === job.batch ? answerTail : tail).copy(block, used);
        const from = random % (poolBytes - job.size);
        used += pool.copy(block, used, from, from + job.size);
        block[used++] = 13;
        block[used++] = 10;
      }
      const startedMs = performance.now();
      connection.send(block.subarray(0, used));
      await (byAnswer ? new Promise((resolve) => (answered = resolve)) : connection.flush());
      meter.latency(performance.now() - startedMs);
      meter.count(job.batch);
      rounds++;
    }
  };
  const loading = load();
  const result = await meter.run(job);
  running = false;
  await loading;
  const after = await stored(job);
  const kept = after.total - before.total - after.probes;
  if (kept < rounds * job.batch) throw new Error(`sent ${rounds * job.batch}, stored ${kept}`);
  connection.close();
  return result;
}

/**
 * How many messages were ever stored, by sending one more and reading the number it got: numbers
 * count per mailbox in a mailbox broker and per stream in JetStream.
 */
async function stored(job) {
  const targets = job.numberField === "seq" ? job.targets.slice(0, 1) : job.targets;
  let total = 0;
  let answers = 0;
  const connection = await connect(job.port);
  connection.onBytes = scanFrames((buffer, _at, _lineEnd, bodyAt, bodyEnd) => {
    checkStored(buffer, bodyAt, bodyEnd);
    total += JSON.parse(buffer.utf8Slice(bodyAt, bodyEnd))[job.numberField];
    answers++;
  });
  connection.send(`SUB ${inbox}.* 1\r\n`);
  for (const target of targets) connection.send(`PUB ${target} ${inbox}.0 1\r\n.\r\n`);
  await until(
    () => answers === targets.length,
    () => "a send got no answer",
  );
  connection.close();
  return { total, probes: targets.length };
}

/**
 * One new subscriber reads everything that is stored.
 * @returns seconds from the request to the last of `messages` messages, and messages per second
 */
export async function replay(job) {
  const connection = await connect(job.port);
  let messages = 0;
  let bytes = 0;
  let endedUs = 0;
  const refusals = [];
  connection.onBytes = scanFrames((buffer, at, _lineEnd, bodyAt, bodyEnd) => {
    if (buffer.latin1Slice(at + 4, at + 4 + inbox.length) === inbox) {
      const answer = buffer.utf8Slice(bodyAt, bodyEnd);
      if (answer.includes('"error"')) refusals.push(answer);
      return;
    }
    messages++;
    bytes += bodyEnd - bodyAt;
    if (messages === job.messages) endedUs = nowUs();
  });
  const startedUs = nowUs();
  connection.send(`SUB ${inbox}.* 1\r\n${job.open.replaceAll("<inbox>", `${inbox}.open`)}`);
  await until(
    () => endedUs > 0 || refusals.length > 0,
    () => `lost: ${messages} of ${job.messages} messages came`,
    120_000,
  );
  await connection.flush();
  if (refusals.length > 0) throw new Error(refusals[0]);
  if (messages !== job.messages) throw new Error(`twice: ${messages} of ${job.messages}`);
  if (bytes < job.messages * job.size) throw new Error(`only ${bytes} bytes came`);
  connection.close();
  const seconds = (endedUs - startedUs) / 1e6;
  return { seconds, perSecond: messages / seconds, windowUs: [startedUs, endedUs] };
}

/**
 * Sends `requests` requests, `inFlight` at a time, and gathers `field` of each reply.
 * `<n>` in subject and body stands for the number of the request.
 */
export async function requests(job) {
  const connection = await connect(job.port);
  const meter = new Meter();
  const blocks = new Blocks(connection, 1024 * job.inFlight);
  const sentAtMs = new Float64Array(job.inFlight);
  const slotAt = `MSG ${inbox}.`.length;
  const values = [];
  let answers = 0;
  let started = 0;
  const put = (slot) => {
    const subject = job.subject.replaceAll("<n>", started);
    const body = job.body.replaceAll("<n>", started);
    const out = blocks.bytes;
    let at = blocks.used;
    at += out.latin1Write(`PUB ${subject} ${inbox}.`, at);
    at = writeSlot(out, at, slot);
    at += out.latin1Write(` ${body.length}\r\n${body}\r\n`, at);
    blocks.used = at;
    sentAtMs[slot] = performance.now();
    started++;
  };
  connection.onBytes = scanFrames(
    (buffer, at, _lineEnd, bodyAt, bodyEnd) => {
      const slot = readSlot(buffer, at + slotAt);
      meter.latency(performance.now() - sentAtMs[slot]);
      answers++;
      const reply = JSON.parse(buffer.utf8Slice(bodyAt, bodyEnd));
      if (reply.error) throw new Error(`refused: ${JSON.stringify(reply.error)}`);
      if (job.field !== undefined) values.push(reply[job.field]);
      if (started < job.requests) put(slot);
    },
    () => blocks.release(),
  );
  connection.send(`SUB ${inbox}.* 1\r\n`);
  await connection.flush();
  meter.measuring = true;
  const startedMs = performance.now();
  for (let slot = 0; slot < Math.min(job.inFlight, job.requests); slot++) put(slot);
  blocks.release();
  await until(
    () => answers === job.requests,
    () => `${answers} of ${job.requests} answers`,
    300_000,
  );
  const seconds = (performance.now() - startedMs) / 1000;
  connection.close();
  return { perSecond: job.requests / seconds, seconds, values, ...meter.percentiles() };
}

/** Output blocks in turn: one is filled while the kernel has not taken another. */
class Blocks {
  used = 0;
  #connection;
  #size;
  #spare = [];

  constructor(connection, size) {
    this.#connection = connection;
    this.#size = size;
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Writes what was gathered; the block comes back when the socket has let go of it. */
  release() {
    if (this.used === 0) return;
    const block = this.bytes;
    this.#connection.send(block.subarray(0, this.used), () => this.#spare.push(block));
    this.bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size);
    this.used = 0;
  }
}

/** A stored answer begins `{"msg_id":` or `{"stream":`; anything else ends the run. */
function checkStored(buffer, bodyAt, bodyEnd) {
  if (buffer[bodyAt + 2] === 109 && buffer[bodyAt + 3] === 115) return; // ms(g_id)
  if (buffer[bodyAt + 2] === 115 && buffer[bodyAt + 3] === 116) return; // st(ream)
  throw new Error(
    `not stored: ${buffer.utf8Slice(bodyAt, bodyEnd) || buffer.latin1Slice(0, bodyAt)}`,
  );
}

function writeSlot(buffer, at, slot) {
  for (let i = slotDigits - 1; i >= 0; i--) {
    buffer[at + i] = 48 + (slot % 10);
    slot = Math.floor(slot / 10);
  }
  return at + slotDigits;
}

function readSlot(buffer, at) {
  let slot = 0;
  for (let i = 0; i < slotDigits; i++) slot = slot * 10 + (buffer[at + i] - 48);
  return slot;
}
