// The right behaviour wherever the broker that the published clients were written against is known to
// do wrong: D is what its users meet, R what its source shows. Each number has its test.

import path from "node:path";
import { connectRaw, runProgram } from "@mq9/testkit";
import { connect as connectNats2 } from "nats";
import { describe, expect, it } from "vitest";
import { testsDir } from "../support/programs.ts";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { bytes, texts } from "./clients/published.ts";
import { shapedClient } from "./clients/shaped-client.ts";
import { shapes } from "./clients/shapes.ts";
import {
  ackOn,
  agent,
  bodies,
  bytesOf,
  everyByte,
  fetchFrom,
  freshName,
  ids,
  queryAt,
  type Row,
  sendTo,
  trySend,
} from "./support.ts";

const group = (name: string, more: object = {}) => ({ group_name: name, ...more });
const waiting = (ms: number, more: object = {}) => ({
  config: { num_msgs: 100, max_wait_ms: ms },
  ...more,
});

describe("what users of the published broker meet", () => {
  const broker = useBroker();
  const open = () => agent(broker().url);

  it("D1: every published client reads back the bytes that were sent", async () => {
    for (const shape of shapes) {
      await using client = await shapedClient(broker().url, shape);
      const address = await client.create({ ttl: 60 });
      for (const body of ['{"text":"hello"}', "test"]) await client.send(address, bytes(body));
      await client.send(address, everyByte);
      const found = await client.fetch(address, { deliver: "earliest", maxWaitMs: 10 });
      expect(texts(found.slice(0, 2)), shape.language).toEqual(['{"text":"hello"}', "test"]);
      expect(found[2]?.payload, shape.language).toEqual(everyByte);
    }
  });

  it("D2: the registry takes what clients send, updates, finds, and names the mailbox", async () => {
    await using me = await open();
    const name = freshName("weaver");
    const word = `loom${name.replaceAll(".", "")}`;
    const mailbox = await me.create({ name, ttl: 60 });
    const card = { name, mailbox, skills: [{ id: "weave", description: `works a ${word}` }] };
    expect(await me.ask("AGENT.REGISTER", card)).toMatchObject({ error: "" });
    const found = await me.ask("AGENT.DISCOVER", { text: word });
    expect(found["agents"]).toMatchObject([{ name, mailbox }]);
    const changed = { ...card, skills: [{ id: "spin", description: `now spins ${word}two` }] };
    expect(await me.ask("AGENT.REGISTER", changed)).toMatchObject({ error: "" });
    const after = await me.ask("AGENT.DISCOVER", { text: `${word}two` });
    expect(after["agents"]).toMatchObject([{ name, mailbox }]);
    const report = { mailbox, report_info: "running" };
    expect(await me.ask("AGENT.REPORT", report)).toMatchObject({ error: "" });
    expect(await me.ask("AGENT.UNREGISTER", { mailbox })).toMatchObject({ error: "" });
    expect((await me.ask("AGENT.DISCOVER", { text: word }))["agents"]).toEqual([]);
  });

  it("D3: a group is of its mailbox, restarts without a gap, and gets no more than it asked for", async () => {
    await using me = await open();
    const [one, two] = [await me.create(), await me.create()];
    for (const address of [one, two]) {
      for (let i = 0; i < 3; i += 1) {
        await sendTo(me, address, `n${i}`);
        await sendTo(me, address, `c${i}`, { "mq9-priority": "critical" });
      }
    }
    for (const { msg_id } of await fetchFrom(me, one, group("same"))) {
      await ackOn(me, one, "same", msg_id);
    }
    const few = { config: { num_msgs: 4, max_wait_ms: 0 } };
    expect(bodies(await fetchFrom(me, two, group("same", few)))).toEqual(["c0", "c1", "c2", "n0"]);
    const restart = group("same", { deliver: "earliest", force_deliver: true });
    expect(await fetchFrom(me, one, restart)).toHaveLength(6);
    // Nothing of the restart was acknowledged, so it all comes again.
    expect(await fetchFrom(me, one, group("same"))).toHaveLength(6);
  });

  it("D4: a waiting fetch is answered when mail comes, and before its client gives up", async () => {
    await using me = await open();
    await using sender = await open();
    const address = await me.create();
    const woken = fetchFrom(me, address, waiting(20_000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await sendTo(sender, address, "woken");
    expect(bodies(await woken)).toEqual(["woken"]);
    const empty = await me.create();
    const body = JSON.stringify({
      deliver: "earliest",
      config: { num_msgs: 1, max_wait_ms: 5_000 },
    });
    const reply = await me.nc.request(`$mq9.AI.MSG.FETCH.${empty}`, body, { timeout: 5_000 });
    expect(reply.json()).toMatchObject({ error: "", messages: [] });
  });

  it("D5: a message is out with one worker, and with the dead letters when nobody manages", async () => {
    await using one = await open();
    await using two = await open();
    const address = await one.create({ name: freshName("jobs"), ttl: 60 });
    for (const body of ["fine", "poison"]) await sendTo(one, address, body);
    const mine = await fetchFrom(one, address, group("crew", { max_deliver: 2 }));
    expect(bodies(mine)).toEqual(["fine", "poison"]);
    expect(await fetchFrom(two, address, group("crew"))).toEqual([]);
    await ackOn(one, address, "crew", 0);
    expect(bodies(await fetchFrom(one, address, group("crew")))).toEqual(["poison"]);
    expect(await fetchFrom(one, address, group("crew"))).toEqual([]);
    const dead = await fetchFrom(two, `${address}.dlq`);
    expect(bodies(dead)).toEqual(["poison"]);
    expect(dead[0]).toMatchObject({
      dead: { mail_address: address, msg_id: 1, group_name: "crew", cause: "deliveries" },
    });
    // Other groups still have it.
    expect(bodies(await fetchFrom(two, address, group("others")))).toEqual(["fine", "poison"]);
  });

  it("D6: JavaScript clients connect, and requests between clients are answered", async () => {
    const service = await connectNats2({ servers: broker().url });
    await using me = await open();
    service.subscribe("defects.service", {
      callback: (_, message) => void message.respond(`re: ${message.string()}`),
    });
    await service.flush();
    expect((await me.nc.request("defects.service", "hello")).string()).toBe("re: hello");
    await service.drain();
  });

  it("D7: clients of generation 1 find no error key in a success", async () => {
    await using me = await open();
    const name = freshName("older");
    const created = await me.ask("MAILBOX.CREATE", { ttl: 60, public: true, name });
    const sent = await me.ask(`MAILBOX.MSG.${name}`, "x");
    const listed = await me.ask(`MAILBOX.LIST.${name}`);
    const removed = await me.ask(`MAILBOX.DELETE.${name}.0`);
    for (const reply of [created, sent, listed, removed]) expect(reply).not.toHaveProperty("error");
  });

  it("D8: a mailbox works the moment it is made, ends on time, and can be renewed", async () => {
    await using me = await open();
    const [brief, renewed] = [await me.create({ ttl: 1 }), await me.create({ ttl: 1 })];
    expect(await sendTo(me, brief, "at once")).toBe(0);
    expect(await me.ask(`MAILBOX.RENEW.${renewed}`, { ttl: 3600 })).toMatchObject({
      error: "",
      ttl: 3600,
    });
    await until(async () => {
      const { code } = await me.ask(`MSG.QUERY.${brief}`);
      return code === 410 || code === 404 ? true : undefined;
    });
    expect(await sendTo(me, renewed, "still here")).toBe(0);
  });

  it("D9: bytes and headers of a message reach whoever fetches or queries it", async () => {
    await using me = await open();
    const address = await me.create();
    const headers = { "mq9-reply-to": "callback.box", "mq9-a2a-method": "SendMessage" };
    await sendTo(me, address, everyByte, headers);
    for (const rows of [await fetchFrom(me, address), await queryAt(me, address)]) {
      expect(rows[0]?.headers).toMatchObject(headers);
      expect(Buffer.from(rows[0]?.header ?? []).toString()).toContain("callback.box");
      expect(bytesOf(rows[0] as Row)).toEqual(everyByte);
    }
  });

  it("D10: an agent can start again, and mailboxes can be looked at and removed", async () => {
    await using me = await open();
    const name = freshName("phoenix");
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 60 })).toMatchObject({ error: "" });
    await sendTo(me, name, "kept");
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 60 })).toMatchObject({ code: 409 });
    const again = await me.ask("MAILBOX.CREATE", { name, ttl: 60, idempotent: true });
    expect(again).toMatchObject({ error: "", mail_address: name, created: false });
    expect(await me.ask(`MAILBOX.INFO.${name}`)).toMatchObject({
      error: "",
      mail_address: name,
      messages: 1,
      next_id: 1,
    });
    expect(await me.ask(`MAILBOX.DROP.${name}`)).toMatchObject({ error: "" });
    expect((await me.ask(`MAILBOX.INFO.${name}`))["error"]).toContain("does not exist");
  });

  it("D11: a fetch may ask for hours, and one that was given up loses no mail", async () => {
    const address = await (async () => {
      await using hasty = await open();
      const created = await hasty.create();
      await expect(
        hasty.nc.request(
          `$mq9.AI.MSG.FETCH.${created}`,
          JSON.stringify(group("humans", waiting(7_200_000, { deliver: "earliest" }))),
          { timeout: 300 },
        ),
      ).rejects.toThrow();
      await sendTo(hasty, created, "a decision");
      return created;
    })();
    await using patient = await open();
    const rows = await fetchFrom(patient, address, group("humans", waiting(5_000)));
    expect(bodies(rows)).toEqual(["a decision"]);
  });

  it("D13: one rule says what a mailbox can be called, in every generation", async () => {
    await using me = await open();
    const name = freshName("Agent-B_inbox").replace(".", "@mq9.");
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 60 })).toMatchObject({ error: "" });
    me.send(`INBOX.${name}.urgent`, "0");
    me.send(`MAILBOX.MSG.${name}`, "1");
    await me.flush();
    expect(await sendTo(me, name, "2")).toBe(2);
    expect(bodies(await fetchFrom(me, name))).toEqual(["0", "1", "2"]);
    for (const wrong of ["a..b", ".a", "a b", "x".repeat(129)]) {
      expect(await me.ask("MAILBOX.CREATE", { name: wrong, ttl: 60 })).toMatchObject({ code: 400 });
      const body = { name: wrong, ttl: 60, public: true };
      expect(await me.ask("MAILBOX.CREATE", body)).toMatchObject({ code: 400 });
    }
  });

  it("D14: public mailboxes can be listed", async () => {
    await using me = await open();
    const name = freshName("town.crier");
    await me.create({ ttl: 60, public: true, name, desc: "news" });
    const feed = await me.read("PUBLIC.LIST");
    let seen: Record<string, string> = {};
    while (seen["mail_id"] !== name) seen = JSON.parse((await feed.next()).text);
    expect(seen).toMatchObject({ event: "created", desc: "news" });
    const { mailboxes } = await me.ask("MAILBOX.LIST", { limit: 1000 });
    expect((mailboxes as { mail_id: string }[]).map(({ mail_id }) => mail_id)).toContain(name);
  });
});

describe("what a stranger is told", () => {
  const broker = useBroker({ args: ["--no-tap"] });

  it("D12: nobody learns of a private mailbox by listing or by watching", async () => {
    await using owner = await agent(broker().url);
    await using stranger = await agent(broker().url);
    const secret = await owner.create({ ttl: 60 });
    const name = freshName("open.house");
    await owner.create({ ttl: 60, public: true, name });
    const { mailboxes } = await stranger.ask("MAILBOX.LIST", { limit: 1000 });
    const names = (mailboxes as { mail_id: string }[]).map(({ mail_id }) => mail_id);
    expect(names).toContain(name);
    expect(names).not.toContain(secret);
    await using raw = await connectRaw(broker().port);
    raw.send("SUB > 1", "SUB $mq9.AI.> 2", "PING");
    await raw.expect(/^-ERR 'Permissions Violation for Subscription to "\$mq9\.AI\.>"'$/, "PONG");
    await sendTo(owner, secret, "whisper");
    await owner.nc.flush();
    for (const message of await raw.flush()) {
      expect(message.subject.startsWith("$mq9.AI.")).toBe(false);
    }
  });
});

describe("what the source of the published broker shows", () => {
  const broker = useBroker();
  const open = () => agent(broker().url);
  const crash = async () => {
    await broker().kill();
    await broker().restart();
  };

  it("R1: acknowledging an urgent message settles no other priority, nor a later one an earlier", async () => {
    const { one, two } = await (async () => {
      await using me = await open();
      const created = { one: await me.create(), two: await me.create() };
      for (let i = 0; i < 10; i += 1) await sendTo(me, created.one, `n${i}`);
      await sendTo(me, created.one, "c", { "mq9-priority": "critical" });
      const rows = await fetchFrom(me, created.one, group("g"));
      expect(ids(rows)).toEqual([10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await ackOn(me, created.one, "g", 10);
      for (let i = 0; i < 3; i += 1) await sendTo(me, created.two, `m${i}`);
      await fetchFrom(me, created.two, group("g"));
      // As consume loops do whose second handler failed.
      await ackOn(me, created.two, "g", 0);
      await ackOn(me, created.two, "g", 2);
      return created;
    })();
    await crash();
    await using me = await open();
    const left = await fetchFrom(me, one, group("g"));
    expect(ids(left)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(ids(await fetchFrom(me, two, group("g")))).toEqual([1]);
  });

  it("R2: an acknowledgement whose body names another mailbox is refused and moves nothing", async () => {
    await using me = await open();
    const [mine, other] = [await me.create(), await me.create()];
    for (const address of [mine, other]) {
      await sendTo(me, address, "x");
      await fetchFrom(me, address, group("g"));
    }
    const body = { group_name: "g", mail_address: other, msg_id: 0 };
    expect(await me.ask(`MSG.ACK.${mine}`, body)).toMatchObject({ code: 400 });
    for (const address of [mine, other]) {
      expect(ids(await fetchFrom(me, address, group("g")))).toEqual([0]);
    }
  });

  it("R3: two members of a group never hold the same message", async () => {
    await using one = await open();
    await using two = await open();
    const address = await one.create();
    for (let i = 0; i < 6; i += 1) await sendTo(one, address, `${i}`);
    const some = group("g", { config: { num_msgs: 4, max_wait_ms: 0 } });
    const [mine, theirs] = await Promise.all([
      fetchFrom(one, address, some),
      fetchFrom(two, address, some),
    ]);
    expect([...ids(mine ?? []), ...ids(theirs ?? [])].sort((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
  });

  it("R4: a fetch that waits returns what arrives, however long it may wait", async () => {
    await using me = await open();
    await using sender = await open();
    const address = await me.create();
    const found = fetchFrom(me, address, group("g", waiting(9_000)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await sendTo(sender, address, "here");
    expect(bodies(await found)).toEqual(["here"]);
    const endless = await me.ask(`MSG.FETCH.${address}`, {
      deliver: "earliest",
      config: { num_msgs: 1, max_wait_ms: Number.MAX_SAFE_INTEGER },
    });
    expect(endless).toMatchObject({ error: "" });
  });

  it("R5: bytes are kept, and a header that is no UTF-8 is refused instead of half read", async () => {
    await using me = await open();
    const address = await me.create();
    await using raw = await connectRaw(broker().port, { headers: true });
    raw.send("SUB in 1");
    const meaningful = ["mq9-key: k", "mq9-priority: critical", "mq9-ttl: 50"];
    const publish = (first: number, odd: string) => {
      const lines = [...meaningful, `odd: ${odd}`].join("\r\n");
      const block = Buffer.from(`NATS/1.0\r\n${lines}\r\n\r\n`, "latin1");
      const payload = Buffer.from([first, ...everyByte]);
      const sizes = `${block.length} ${block.length + payload.length}`;
      const head = Buffer.from(`HPUB $mq9.AI.MSG.SEND.${address} in ${sizes}\r\n`);
      raw.sendBytes(Buffer.concat([head, block, payload, Buffer.from("\r\n")]));
    };
    for (const first of [1, 2]) {
      publish(first, "gr\xc3\xbc\xc3\x9fe");
      expect(JSON.parse((await raw.readMessage()).payload.toString())).toMatchObject({ error: "" });
    }
    publish(3, "\xff\xfe");
    await raw.expect(/^-ERR /);
    const rows = await queryAt(me, address);
    expect(rows).toMatchObject([{ msg_id: 1, priority: "critical", key: "k" }]);
    expect(bytesOf(rows[0] as Row)).toEqual(Uint8Array.of(2, ...everyByte));
    expect(rows[0]?.headers).toMatchObject({ odd: "grüße" });
    expect(rows[0]?.expires_at).toBe((rows[0]?.create_time ?? 0) + 50);
  });

  it("R6: a life time or delay that is none is refused, not overlooked", async () => {
    await using me = await open();
    const address = await me.create();
    const wrong = ["soon", "-1", "1.5", "", "1e3", "0x10", "18446744073709551615", "31536001"];
    for (const name of ["mq9-ttl", "mq9-delay"]) {
      for (const value of wrong) {
        const reply = await trySend(me, address, "x", { [name]: value });
        expect(reply, `${name}: ${value}`).toMatchObject({ code: 400 });
        expect(reply["error"]).toContain(name);
      }
    }
    expect(await trySend(me, address, "x", { "mq9-ttl": "0" })).toMatchObject({ code: 400 });
    expect(await queryAt(me, address)).toEqual([]);
  });

  it("R7: an acknowledgement that was answered survives a crash at once", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create();
      for (let i = 0; i < 8; i += 1) await sendTo(me, created, `${i}`);
      await fetchFrom(me, created, group("g"));
      for (const msgId of [0, 3, 1, 7]) await ackOn(me, created, "g", msgId);
      await broker().kill();
      return created;
    })();
    await broker().restart();
    await using me = await open();
    expect(ids(await fetchFrom(me, address, group("g")))).toEqual([2, 4, 5, 6]);
  });

  it("R8: a message that was answered survives a crash at once", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create();
      await Promise.all(Array.from({ length: 50 }, (_, i) => sendTo(me, created, `${i}`)));
      await broker().kill();
      return created;
    })();
    await broker().restart();
    await using me = await open();
    const found = bodies(await fetchFrom(me, address));
    expect(found).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
  });

  it("R9: a message is shown to nobody from the instant its life ends", async () => {
    await using me = await open();
    const address = await me.create();
    for (let i = 0; i < 3; i += 1) {
      await sendTo(me, address, "brief", { "mq9-ttl": "1" });
      const answered = performance.now();
      while (performance.now() - answered <= 1_000) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await queryAt(me, address)).toEqual([]);
      expect(await fetchFrom(me, address)).toEqual([]);
      expect(await fetchFrom(me, address, group("g"))).toEqual([]);
      expect(await me.list(address)).toEqual([]);
    }
  });

  it("R10: of creations that race one wins, and no half mailbox is left", async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, open));
    const name = freshName("race");
    const replies = await Promise.all(
      agents.map((me) => me.ask("MAILBOX.CREATE", { name, ttl: 60 })),
    );
    expect(replies.filter((reply) => reply["error"] === "")).toHaveLength(1);
    expect(replies.filter((reply) => reply["code"] === 409)).toHaveLength(7);
    const [me] = agents;
    if (me !== undefined) {
      expect(await sendTo(me, name, "x")).toBe(0);
      for (const wrong of ["..", "a..b", "x".repeat(129)]) {
        const reply = await me.ask("MAILBOX.CREATE", { name: wrong, ttl: 60 });
        expect(reply).toMatchObject({ code: 400 });
      }
    }
    await Promise.all(agents.map((each) => each[Symbol.asyncDispose]()));
  });

  it("R11: removing what is not there says so", async () => {
    await using me = await open();
    const address = await me.create();
    await sendTo(me, address, "x");
    expect(await me.ask(`MSG.DELETE.${address}.0`)).toMatchObject({ error: "", deleted: true });
    for (const number of [0, 1, 999_999]) {
      expect(await me.ask(`MSG.DELETE.${address}.${number}`)).toMatchObject({
        error: "message not found",
        code: 404,
        deleted: false,
      });
    }
  });

  it("R12: an address cannot be guessed from others", async () => {
    await using me = await open();
    const shapesOfCreate: object[] = [{}, { ttl: 60 }];
    for (const body of shapesOfCreate) {
      const replies = await Promise.all(
        Array.from({ length: 150 }, () => me.ask("MAILBOX.CREATE", body)),
      );
      const names = replies.map((reply) => reply["mail_address"] as string).sort();
      const secrets = names.map((name) => name.replace(/^m-/, "").replaceAll("-", ""));
      for (const [place, secret] of secrets.entries()) {
        // 26 letters of base 32, or 32 hexadecimal digits of which six bits are fixed.
        expect(secret.length).toBeGreaterThanOrEqual(26);
        const next = secrets[place + 1] ?? "";
        let shared = 0;
        while (shared < secret.length && secret[shared] === next[shared]) shared += 1;
        expect(shared).toBeLessThan(10);
      }
    }
  });

  it("R13: an ordinary subject and a mailbox of the same name have nothing in common", async () => {
    await using me = await open();
    await using watcher = await connectRaw(broker().port);
    const name = freshName("plain");
    watcher.send("SUB > 1");
    await watcher.flush();
    me.nc.publish(name, "before");
    await me.flush();
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 60 })).toMatchObject({ error: "" });
    me.nc.publish(name, "after");
    await me.flush();
    await sendTo(me, name, "mail");
    expect(bodies(await fetchFrom(me, name))).toEqual(["mail"]);
    const seen = await watcher.flush();
    const plain = seen.filter(({ subject }) => subject === name);
    expect(plain.map(({ payload }) => payload.toString())).toEqual(["before", "after"]);
    expect(seen.some(({ subject }) => subject.startsWith("$mq9."))).toBe(false);
  });

  it("R14: one client's UNSUB takes nobody else's inbox away", async () => {
    await using one = await connectRaw(broker().port);
    await using two = await connectRaw(broker().port);
    for (const [client, inbox] of [
      [one, "inbox.one"],
      [two, "inbox.two"],
    ] as const) {
      client.send(`SUB ${inbox} 1`);
      await client.flush();
    }
    one.send("UNSUB 1");
    await one.flush();
    two.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', "inbox.two");
    expect(JSON.parse((await two.readMessage()).payload.toString())).toHaveProperty("mail_id");
  });

  it("R15: registering a taken name changes it or says why not, and never pretends", async () => {
    await using me = await open();
    const name = freshName("twin");
    await me.ask("AGENT.REGISTER", { name, mailbox: "first.box", payload: "first" });
    const second = { name, mailbox: "second.box", payload: "second" };
    const reply = await me.ask("AGENT.REGISTER", second);
    const { agents } = await me.ask("AGENT.DISCOVER", { name, limit: 10 });
    const expected = reply["error"] === "" ? "second.box" : "first.box";
    expect(agents).toMatchObject([{ name, mailbox: expected }]);
    expect(reply["error"]).toBe("");
  });

  it("R16: an address that other machines reach is not served to everybody by default", async () => {
    const executable = path.join(testsDir, "../apps/mq9/bin/mq9.js");
    const args = [executable, "serve", "--host", "0.0.0.0", "--port", "-1"];
    const data = ["--data", path.join(broker().dataDir, "not-used")];
    const { code, stderr } = await runProgram(process.execPath, [...args, ...data]);
    expect(code).toBe(2);
    expect(stderr).toContain("--insecure");
  });

  it("R17: groups of the same name on two mailboxes keep two places, across a crash", async () => {
    const { one, two } = await (async () => {
      await using me = await open();
      const created = { one: await me.create(), two: await me.create() };
      for (let i = 0; i < 4; i += 1) {
        for (const address of Object.values(created)) await sendTo(me, address, `${i}`);
      }
      await fetchFrom(me, created.one, group("workers"));
      for (const msgId of [0, 1, 2, 3]) await ackOn(me, created.one, "workers", msgId);
      return created;
    })();
    await crash();
    await using me = await open();
    expect(await fetchFrom(me, one, group("workers"))).toEqual([]);
    expect(ids(await fetchFrom(me, two, group("workers")))).toEqual([0, 1, 2, 3]);
  });

  it("R18: a query since an instant shows the messages of its own mailbox alone", async () => {
    await using me = await open();
    const addresses = [await me.create(), await me.create(), await me.create()];
    for (let i = 0; i < 3; i += 1) {
      for (const [place, address] of addresses.entries())
        await sendTo(me, address, `${place}-${i}`);
    }
    for (const [place, address] of addresses.entries()) {
      const own = [0, 1, 2].map((i) => `${place}-${i}`);
      expect(bodies(await queryAt(me, address, { since: 1 }))).toEqual(own);
    }
  });

  it("R19: removing a number from one mailbox leaves that number in every other", async () => {
    await using me = await open();
    const [one, two] = [await me.create(), await me.create()];
    for (const address of [one, two]) {
      for (let i = 0; i < 3; i += 1) await sendTo(me, address, `${i}`);
    }
    expect(await me.ask(`MSG.DELETE.${one}.1`)).toMatchObject({ deleted: true });
    expect(ids(await queryAt(me, one))).toEqual([0, 2]);
    expect(ids(await queryAt(me, two))).toEqual([0, 1, 2]);
  });
});
