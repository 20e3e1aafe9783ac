// Slow readers of mail and stops in the middle of work: readers of mail are waited for, what was
// accepted is there after a stop, and peers that stopped existing are found.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "@nats-io/transport-node";
import { describe, expect, test, vi } from "vitest";
import { agent } from "../support/mail.ts";
import { until } from "../support/until.ts";
import { closeCrowd, hello, openCrowd } from "./src/crowd.ts";
import { pause, startServer } from "./src/server.ts";
import { startWitness } from "./src/witness.ts";

vi.setConfig({ testTimeout: 90_000 });

const mebibyte = 1_048_576;

describe("readers of mail", () => {
  test("two hundred of them that do not read are waited for and get everything in the end", async () => {
    await using server = await startServer();
    await using sender = await agent(server.broker.url);
    const witness = await startWitness(server.port, 20);
    await sender.ask("MAILBOX.CREATE", { public: true, name: "large", ttl: 600 });
    const base = await server.held();
    const readers = await openCrowd({
      port: server.port,
      count: 200,
      says: hello.replace("PING", "SUB $mq9.AI.MAILBOX.MSG.large 1\r\nPING"),
      each: ({ socket }) => socket.pause(),
    });
    // Twenty-four times 100 KiB are well above what a reader may leave unread before its owner waits.
    const count = 24;
    const payload = "l".repeat(102_400);
    for (let at = 0; at < count; at += 1) await sender.ask("MAILBOX.MSG.large", payload);
    const full = await server.held();
    expect(full.rssBytes - base.rssBytes).toBeLessThan(400 * mebibyte);
    for (const { socket } of readers) socket.resume();
    const wanted = count * payload.length;
    await until(async () =>
      readers.every(({ receivedBytes }) => receivedBytes >= wanted) ? true : undefined,
    );
    expect(readers.filter(({ closed }) => closed)).toHaveLength(0);
    await closeCrowd(readers, "destroy");
    await witness.end();
  });

  test("one that asks for much and reads nothing harms nobody else", async () => {
    await using server = await startServer(["--write-deadline", "2s"]);
    await using sender = await agent(server.broker.url);
    const witness = await startWitness(server.port, 20);
    await sender.ask("MAILBOX.CREATE", { public: true, name: "asked", ttl: 600 });
    for (let at = 0; at < 20; at += 1) await sender.ask("MAILBOX.MSG.asked", "f".repeat(100_000));
    const base = await server.held();
    const [greedy] = await openCrowd({ port: server.port, count: 1 });
    if (greedy === undefined) throw new Error("it was not let in");
    const body = JSON.stringify({ limit: 100 });
    const ask = `PUB $mq9.AI.MAILBOX.QUERY.asked _INBOX.greedy.1 ${body.length}\r\n${body}\r\n`;
    greedy.socket.pause();
    greedy.socket.write(`SUB _INBOX.greedy.> 1\r\n${ask.repeat(200)}`);
    await pause(2_500);
    const full = await server.held();
    expect(full.heldBytes - base.heldBytes).toBeLessThan(100 * mebibyte);
    await closeCrowd([greedy], "destroy");
    await witness.end();
    const after = await server.heldWhen(
      ({ heldBytes }) => heldBytes < base.heldBytes + 8 * mebibyte,
    );
    expect(after.heldBytes).toBeLessThan(base.heldBytes + 8 * mebibyte);
  });
});

test("a client that is stopped in its tracks is found by PING, and its place is free", async () => {
  await using server = await startServer(["--ping-interval", "200ms", "--ping-max", "2"]);
  const base = await server.held();
  const program = `
    const socket = require("node:net").connect(${server.port}, "127.0.0.1");
    socket.on("data", (chunk) => {
      if (String(chunk).startsWith("INFO")) socket.write("CONNECT {}\\r\\nSUB x 1\\r\\n");
      if (String(chunk).includes("PING")) socket.write("PONG\\r\\n");
      process.stdout.write(".");
    });`;
  const client = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(client.stdout, "data");
  expect((await server.held()).sockets).toBe(base.sockets + 1);
  client.kill("SIGSTOP");
  const after = await server.heldWhen(({ sockets }) => sockets === base.sockets);
  expect(after.sockets).toBe(base.sockets);
  client.kill("SIGKILL");
  await once(client, "exit");
});

test("clients that know another server are there when the first one has stopped", async () => {
  await using first = await startServer(["--stop-grace", "300ms", "--stop-spread", "300ms"]);
  await using second = await startServer();
  const servers = [first, second].map(({ port }) => `127.0.0.1:${port}`);
  const clients = await Promise.all(
    Array.from({ length: 30 }, () =>
      connect({ servers, noRandomize: true, reconnectTimeWait: 50, maxReconnectAttempts: -1 }),
    ),
  );
  for (const client of clients) client.subscribe(`moved.${client.info?.client_id}`);
  expect(await first.broker.stop()).toBe(0);
  const address = `127.0.0.1:${second.port}`;
  await until(async () =>
    clients.every((client) => client.getServer() === address) ? true : undefined,
  );
  await Promise.all(clients.map((client) => client.flush()));
  await Promise.all(clients.map((client) => client.close()));
});

test("readers of leased mail that do not read keep what they hold, and others work on", async () => {
  await using server = await startServer();
  await using sender = await agent(server.broker.url);
  await sender.ask("MAILBOX.CREATE", { public: true, name: "jobs", ttl: 600 });
  const stuck = await openCrowd({
    port: server.port,
    count: 20,
    says: hello.replace("PING", "SUB $mq9.AI.MAILBOX.MSG.jobs crew 1\r\nPING"),
    each: ({ socket }) => socket.pause(),
  });
  const payload = "j".repeat(100_000);
  for (let at = 0; at < 60; at += 1) await sender.ask("MAILBOX.MSG.jobs", payload);
  const full = await server.held();
  expect(full.rssBytes).toBeLessThan(500 * mebibyte);
  await closeCrowd(stuck, "destroy");
  const worker = await openCrowd({
    port: server.port,
    count: 1,
    says: hello.replace("PING", "SUB $mq9.AI.MAILBOX.MSG.jobs crew 1\r\nPING"),
  });
  await sender.ask("MAILBOX.MSG.jobs", payload);
  await until(async () => ((worker[0]?.receivedBytes ?? 0) >= payload.length ? true : undefined));
  await closeCrowd(worker, "end");
});

test("a stop in the middle of a thousand publishing connections ends, and keeps what it accepted", async () => {
  await using server = await startServer(["--stop-grace", "100ms", "--stop-spread", "500ms"]);
  {
    await using sender = await agent(server.broker.url);
    await sender.ask("MAILBOX.CREATE", { public: true, name: "kept", ttl: 600 });
  }
  const accepted: string[] = [];
  const crowd = await openCrowd({ port: server.port, count: 1_000 });
  for (const [index, { socket }] of crowd.entries()) {
    let number = 0;
    let input = "";
    const send = (): void => {
      const text = `${index}-${number}`;
      const reply = `_INBOX.${index}.${number}`;
      number += 1;
      socket.write(`PUB $mq9.AI.MAILBOX.MSG.kept ${reply} ${text.length}\r\n${text}\r\n`);
    };
    socket.on("data", (chunk: Buffer) => {
      input += chunk.toString("latin1");
      const pattern = /MSG _INBOX\.(\d+)\.(\d+) 1 \d+\r\n(\{[^\r]*\})\r\n/g;
      let end = 0;
      for (let found = pattern.exec(input); found !== null; found = pattern.exec(input)) {
        end = pattern.lastIndex;
        const [, to = "", sent = "", answer = ""] = found;
        if (!answer.includes('"msg_id"')) continue; // the broker is stopping
        accepted.push(`${to}-${sent}`);
        send();
      }
      input = input.slice(end);
    });
    socket.write(`SUB _INBOX.${index}.* 1\r\n`);
    send();
  }
  await until(async () => (accepted.length > 3_000 ? true : undefined));
  expect(await server.broker.stop()).toBe(0);
  await closeCrowd(crowd, "destroy");
  await server.broker.restart();
  await using reader = await agent(server.broker.url);
  const stored = new Set<string>();
  const subscription = reader.nc.subscribe("$mq9.AI.MAILBOX.MSG.kept", {
    callback: (_, message) => {
      stored.add(message.string());
    },
  });
  await until(async () => (accepted.every((text) => stored.has(text)) ? true : undefined));
  subscription.unsubscribe();
});
