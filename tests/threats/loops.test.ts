// Agents that answer each other without end: a chain of messages ends at the sixteenth, a user that is
// too fast is read more slowly, and an operator stops one that went wrong.
import type { AuthConfig } from "@mq9/auth";
import type { AuditEvent } from "@mq9/broker";
import { createBroker, resolveOptions, silentLog } from "@mq9/broker";
import { MemoryStore } from "@mq9/store";
import { connectRaw } from "@mq9/testkit";
import {
  connect,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";

const names = ["ada", "ben", "cleo"];
const auth: AuthConfig = {
  accounts: [
    { name: "A", users: [...names, "sam"].map((user) => ({ user, password: user })) },
    { name: "SYS", users: [{ user: "op", password: "op" }] },
  ],
  systemAccount: "SYS",
};

/** An agent that answers every message of its mailbox by one to the next. */
class Agent {
  readonly heard: number[] = [];
  /** What it was told when it could not go on. */
  readonly refusals: Record<string, unknown>[] = [];
  readonly #nc: NatsConnection;
  readonly #next: string;
  readonly #copy: (got: Msg) => MsgHdrs;

  constructor(nc: NatsConnection, next: string, copy: (got: Msg) => MsgHdrs) {
    this.#nc = nc;
    this.#next = next;
    this.#copy = copy;
  }

  async start(own: string): Promise<void> {
    const callback = (_: Error | null, got: Msg): void => {
      this.#answer(got).catch(() => {}); // it is closed in the middle of its work
    };
    this.#nc.subscribe(`$mq9.AI.MAILBOX.MSG.${own}.*`, { callback });
    await this.#nc.flush();
  }

  async #answer(got: Msg): Promise<void> {
    this.heard.push(Number(got.headers?.get("mq9-hops") || 1));
    const subject = `$mq9.AI.MSG.SEND.${this.#next}`;
    const reply = await this.#nc.request(subject, "over to you", {
      headers: this.#copy(got),
      timeout: 5_000,
    });
    const told = reply.json<Record<string, unknown>>();
    if (told["error"] !== "") this.refusals.push(told);
  }
}

/** As the libraries do: what the message said, or that it was the first. */
function copyHops(got: Msg): MsgHdrs {
  const copied = headers();
  copied.set("mq9-hops", got.headers?.get("mq9-hops") || "1");
  return copied;
}

async function ring(
  port: number,
  copy: (got: Msg) => MsgHdrs,
): Promise<{ agents: Agent[]; close: () => Promise<unknown> }> {
  const connections: NatsConnection[] = [];
  const agents: Agent[] = [];
  for (const [at, name] of names.entries()) {
    const nc = await connect({ port, user: name, pass: name });
    connections.push(nc);
    const body = JSON.stringify({ name, ttl: 60, public: true });
    await nc.request("$mq9.AI.MAILBOX.CREATE", body);
    agents.push(new Agent(nc, names[(at + 1) % names.length] ?? "", copy));
  }
  for (const [at, name] of names.entries()) await agents[at]?.start(name);
  return { agents, close: () => Promise.all(connections.map((nc) => nc.close())) };
}

const passed = (agents: readonly Agent[]): number[] =>
  agents.flatMap(({ heard }) => heard).sort((a, b) => a - b);

describe("a loop of three agents", () => {
  it.each([
    ["copy mq9-hops, as libraries do", copyHops],
    ["pass all headers on", (got: Msg): MsgHdrs => got.headers ?? headers()],
  ])("that %s ends at the sixteenth message", async (_, copy) => {
    const audit: AuditEvent[] = [];
    const broker = createBroker(
      resolveOptions({
        port: 0,
        auth,
        disk: { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 },
      }),
      {
        store: new MemoryStore(),
        log: silentLog,
        version: "test",
        audit: (event) => audit.push(event),
      },
    );
    const { port } = await broker.start();
    const { agents, close } = await ring(port, copy);
    const first = await connect({ port, user: "sam", pass: "sam" });
    await first.request("$mq9.AI.MSG.SEND.ada", "begin");
    const refusal = await until(async () => agents.flatMap(({ refusals }) => refusals)[0]);
    expect(passed(agents)).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    expect(refusal).toMatchObject({ code: 403, error: expect.stringContaining("mq9-hops") });
    expect(audit.filter(({ kind }) => kind === "loop.stopped")).toMatchObject([
      { by: { user: "ada" }, subject: "$mq9.AI.MSG.SEND.ben" },
    ]);
    // A message that nothing caused begins anew.
    await first.request("$mq9.AI.MSG.SEND.ada", "again");
    await until(async () => (passed(agents).length >= 32 ? true : undefined));
    await Promise.all([first.close(), close()]);
    await broker.stop();
  });

  it("over a channel ends too, for those who listen and for what is kept", async () => {
    await using server = await brokerInProcess();
    await using raw = await connectRaw(server.address.port, { headers: true });
    raw.send("SUB $mq9.AI.BROADCAST.ring.* 1");
    await raw.flush();
    let block = "NATS/1.0\r\n\r\n";
    const seen: string[] = [];
    for (;;) {
      const head = `HPUB $mq9.AI.BROADCAST.ring.x ${block.length} ${block.length + 1}\r\n`;
      raw.sendBytes(Buffer.from(`${head}${block}x\r\n`));
      raw.send("PING");
      const line = await raw.readLine();
      if (line.startsWith("-ERR")) {
        expect(line).toContain("Permissions Violation for Publish");
        break;
      }
      const [, , , size = "0", total = "0"] = line.split(" ");
      const lines: string[] = [];
      while (lines.length === 0 || lines.at(-1) !== "PONG") lines.push(await raw.readLine());
      expect(Number(total) - Number(size)).toBe(1);
      const hops = lines.find((text) => text.startsWith("mq9-hops: "))?.slice(10) ?? "1";
      seen.push(hops);
      block = `NATS/1.0\r\nmq9-hops: ${hops}\r\n\r\n`;
    }
    expect(seen).toEqual(Array.from({ length: 16 }, (_, at) => String(at + 1)));
  });

  it("may be longer, or endless, where somebody says so", async () => {
    for (const [hopsMax, longest] of [
      [3, 3],
      [0, 40],
    ] as const) {
      await using server = await brokerInProcess({ mailbox: { hopsMax } });
      const nc = await connect({ port: server.address.port });
      await nc.request("$mq9.AI.MAILBOX.CREATE", '{"name":"box","ttl":60}');
      let sent = 1;
      for (; sent < longest + 5 && sent < 40; sent++) {
        const told = headers();
        told.set("mq9-hops", String(sent));
        const reply = await nc.request("$mq9.AI.MSG.SEND.box", "x", {
          headers: told,
          timeout: 5_000,
        });
        if (reply.json<{ error: string }>().error !== "") break;
      }
      expect(sent, `hopsMax ${hopsMax}`).toBe(longest);
      await nc.close();
    }
  });
});

describe("a user that is too fast", () => {
  const limited = (limits: object): AuthConfig => ({
    users: [
      { user: "fast", password: "fast", limits },
      { user: "other", password: "other" },
    ],
  });
  const as = (server: BrokerInProcess, user: string) =>
    connectRaw(server.address.port, { user, pass: user });

  it("is read more slowly, and nothing of it is lost", async () => {
    await using server = await brokerInProcess({ auth: limited({ messagesPerSecond: 50 }) });
    await using other = await as(server, "other");
    other.send("SUB out 1");
    await other.flush();
    await using fast = await as(server, "fast");
    await using twin = await as(server, "fast");
    const began = performance.now();
    for (let at = 0; at < 75; at++) {
      fast.publish("out", `fast ${at}`);
      twin.publish("out", `twin ${at}`);
    }
    const heard: string[] = [];
    while (heard.length < 150) heard.push(String((await other.readMessage()).payload));
    // 100 may come at once, the other 50 take a second; never is it the other way round.
    expect(performance.now() - began).toBeGreaterThan(900);
    for (const name of ["fast", "twin"]) {
      const own = heard.filter((text) => text.startsWith(name));
      expect(own).toEqual(Array.from({ length: 75 }, (_, at) => `${name} ${at}`));
    }
  });

  it("is so by what others get of it too", async () => {
    await using server = await brokerInProcess({ auth: limited({ deliveriesPerSecond: 100 }) });
    await using other = await as(server, "other");
    other.send(...Array.from({ length: 50 }, (_, sid) => `SUB $mq9.AI.BROADCAST.a.* ${sid}`));
    await other.flush();
    await using fast = await as(server, "fast");
    const began = performance.now();
    for (let at = 0; at < 6; at++) fast.publish("$mq9.AI.BROADCAST.a.b", "x");
    for (let at = 0; at < 300; at++) await other.readMessage();
    expect(performance.now() - began).toBeGreaterThan(400);
  });

  it("leaves the others alone, sends to mailboxes no faster, and is free again after a while", async () => {
    await using server = await brokerInProcess({ auth: limited({ messagesPerSecond: 20 }) });
    await using fast = await as(server, "fast");
    await using other = await as(server, "other");
    other.send("SUB _INBOX.of-the-other-one 1");
    other.publish("$mq9.AI.MAILBOX.CREATE", '{"name":"box","ttl":60}', "_INBOX.of-the-other-one");
    await other.readMessage();
    const began = performance.now();
    for (let at = 0; at < 60; at++) fast.publish("$mq9.AI.MSG.SEND.box", "x");
    for (let at = 0; at < 200; at++) {
      other.publish("plain", "x");
      if (at % 20 === 0) expect(await other.flush()).toEqual([]);
    }
    expect(await fast.flush()).toEqual([]); // its PONG comes when all is stored
    expect(performance.now() - began).toBeGreaterThan(900);
    other.publish("$mq9.AI.MAILBOX.INFO.box", "", "_INBOX.of-the-other-one");
    const { payload } = await other.readMessage();
    expect(JSON.parse(String(payload))).toMatchObject({ error: "", messages: 60 });
  });
});

describe("quarantine", () => {
  it("takes one out of a loop at once; what it has stays, and so does the rest", async () => {
    await using server = await brokerInProcess({ auth, mailbox: { hopsMax: 0 } });
    const { port } = server.address;
    const { agents, close } = await ring(port, copyHops);
    const ben = agents[1] as Agent;
    const first = await connect({ port, user: "sam", pass: "sam" });
    await first.request("$mq9.AI.MSG.SEND.ada", "begin");
    await until(async () => (ben.heard.length > 20 ? true : undefined));
    await server.broker.quarantine({ account: "A", user: "ben" }, true);
    const heard = ben.heard.length;
    for (let at = 0; at < 5; at++) await first.request("$mq9.AI.MSG.SEND.ben", "waits");
    // All but what was on its way when it began lies in the mailbox.
    expect(ben.heard.length - heard).toBeLessThanOrEqual(1);
    const told = await first.request("$mq9.AI.MSG.SEND.cleo", "goes on");
    expect(told.json()).toMatchObject({ error: "" });
    await until(async () => (agents[2]?.heard.includes(1) === true ? true : undefined));
    const info = await first.request("$mq9.AI.MAILBOX.INFO.ben");
    expect(info.json<{ messages: number }>().messages).toBeGreaterThanOrEqual(heard + 5);
    await Promise.all([first.close(), close()]);
  });
});
