// Who sent something is what the broker knows, in every generation; nobody can say he was somebody else.
import { connectRaw, type RawClient } from "@mq9/testkit";
import { headers, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";
import { type Person, person, twoAccounts, waysToRead } from "./people.ts";

let server: BrokerInProcess;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  server = await brokerInProcess({
    auth: twoAccounts({ "a-alice": undefined, "a-bob": undefined }),
  });
  alice = await person(server.address.port, "a-alice");
  bob = await person(server.address.port, "a-bob");
});

afterAll(async () => {
  await alice.nc.close();
  await bob.nc.close();
  await server[Symbol.asyncDispose]();
});

/** What arrives, as headers; the client folds no case. */
function listen(by: Person, subject: string, queue?: string): MsgHdrs[] {
  const heard: MsgHdrs[] = [];
  by.nc.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (_, message) => void heard.push(message.headers ?? headers()),
  });
  return heard;
}

describe("the sender", () => {
  it("is told with every delivery, in every generation's words", async () => {
    await alice.tell("MAILBOX.CREATE", { name: "box.from", ttl: 60 });
    const live = waysToRead
      .filter((way) => !way("box.from").includes("urgent"))
      .filter((way) => !way("box.from").includes("box*"))
      .map((way) => listen(alice, `$mq9.AI.${way("box.from")}`));
    await alice.nc.flush();
    await bob.ask("MSG.SEND.box.from", "one");
    await until(async () => (live.every(({ length }) => length === 1) ? true : undefined));
    const replayed = listen(alice, "$mq9.AI.MSG.PUSH.box.from", "workers");
    await until(async () => (replayed.length === 1 ? true : undefined));
    for (const [told] of [...live, replayed]) {
      expect(told?.values("mq9-from")).toEqual(["a-bob"]);
    }
    const items = [
      await alice.tell("MAILBOX.QUERY.box.from"),
      await alice.tell("MAILBOX.LIST.box.from"),
      await alice.tell("MSG.QUERY.box.from"),
      await alice.tell("MSG.FETCH.box.from", { deliver: "earliest" }),
    ];
    const told = items.flatMap(({ messages }) => messages as readonly { from?: string }[]);
    expect(told.length).toBeGreaterThanOrEqual(3);
    for (const { from } of told) expect(from).toBe("a-bob");
  });

  it("of a broadcast is told too", async () => {
    const heard = listen(alice, "$mq9.AI.BROADCAST.news.today");
    const plain = listen(alice, "$mq9.AI.STATUS.x");
    await alice.nc.flush();
    const forged = headers();
    forged.append("mq9-from", "a-alice");
    forged.append("X-Kept", "yes");
    bob.nc.publish("$mq9.AI.BROADCAST.news.today", "hot");
    bob.nc.publish("$mq9.AI.BROADCAST.news.today", "hot", { headers: forged });
    bob.nc.publish("$mq9.AI.STATUS.x", "up", { headers: forged });
    await until(async () => (heard.length === 2 && plain.length === 1 ? true : undefined));
    for (const told of [...heard, ...plain]) expect(told.values("mq9-from")).toEqual(["a-bob"]);
    expect(plain[0]?.get("X-Kept")).toBe("yes");
  });

  it("of an agent's name is who registered it first", async () => {
    expect(await alice.tell("AGENT.REGISTER", { name: "writer" })).toMatchObject({ error: "" });
    for (const request of ["AGENT.REGISTER", "AGENT.UNREGISTER", "AGENT.REPORT"]) {
      expect(await bob.tell(request, { name: "writer" })).toMatchObject({ reason: "forbidden" });
    }
    expect(await alice.tell("AGENT.UNREGISTER", { name: "writer" })).toMatchObject({ error: "" });
  });

  it("is not kept from his own agent by others that name its mailbox", async () => {
    const { mail_address: mailbox } = await alice.tell("MAILBOX.CREATE", { ttl: 60 });
    await bob.tell("AGENT.REGISTER", { name: "evil", mailbox });
    await alice.tell("AGENT.REGISTER", { name: "good", mailbox });
    expect(await alice.tell("AGENT.REPORT", { mailbox })).toMatchObject({ error: "" });
    expect(await alice.tell("AGENT.UNREGISTER", { mailbox })).toMatchObject({ error: "" });
    const { agents } = await alice.tell("AGENT.DISCOVER", {});
    expect(JSON.stringify(agents)).not.toContain("good");
    expect(JSON.stringify(agents)).toContain("evil");
  });
});

describe("a forged header", () => {
  const names = [
    "mq9-from",
    "mq9-account",
    "mq9-verified",
    "mq9-delivery-count",
    "mq9-source",
    "mq9-new",
  ];
  const spellings = names.flatMap((name) => [
    name,
    name.toUpperCase(),
    name.replace("mq9", "Mq9"),
    `${name} `,
    `${name}\t`,
    ` ${name}`,
    `\t ${name.toUpperCase()}`,
  ]);

  const hpub = (client: RawClient, subject: string, lines: readonly string[]): void => {
    const block = `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
    client.send(`HPUB ${subject} ${block.length} ${block.length + 1}\r\n${block}x`);
  };

  it.each(["MSG.SEND.box.forged", "INBOX.box.forged.normal", "MAILBOX.MSG.box.forged"])(
    "never arrives, however it is written, by %s",
    async (subject) => {
      await alice.tell("MAILBOX.CREATE", { name: "box.forged", ttl: 60, idempotent: true });
      await alice.tell("MSG.PURGE.box.forged");
      await using reader = await connectRaw(server.address.port, {
        user: "a-alice",
        pass: "a-alice",
        headers: true,
      });
      reader.send("SUB $mq9.AI.MSG.PUSH.box.forged 1", "PING");
      for (const name of [...spellings, "Nats-Request-Info", "NATS-REQUEST-INFO"]) {
        await using writer = await connectRaw(server.address.port, {
          user: "a-bob",
          pass: "a-bob",
          headers: true,
        });
        hpub(writer, `$mq9.AI.${subject}`, ["A: 1", `${name}: forged-value`, "B: 2"]);
        writer.send("PING");
        // It is stored without the line, or the connection is ended for what is no header at all.
        await writer.readLine();
      }
      await bob.ask("MSG.SEND.box.forged", "last");
      const { messages } = await alice.tell("MSG.QUERY.box.forged", { limit: 1000 });
      const stored = JSON.stringify(messages);
      expect(stored).not.toContain("forged-value");
      expect((messages as readonly { from: string }[]).every(({ from }) => from === "a-bob")).toBe(
        true,
      );
      expect((messages as readonly unknown[]).length).toBeGreaterThan(names.length * 3);
    },
  );

  it("does not make those who answer act for him", async () => {
    await alice.tell("MAILBOX.CREATE", { name: "box.lure", ttl: 60 });
    const asked: string[] = [];
    const answer = (_: Error | null, message: Msg): void => {
      asked.push(message.string());
      message.respond("{}");
    };
    alice.nc.subscribe("service", { callback: answer });
    alice.nc.subscribe("$mq9.AI.BROADCAST.service.asked", { callback: answer });
    await alice.nc.flush();
    await using client = await connectRaw(server.address.port, { user: "a-bob", pass: "a-bob" });
    for (const reply of ["MAILBOX.DROP.box.lure", "MSG.SEND.box.lure", "STATUS.x"]) {
      client.publish("service", "lure", `$mq9.AI.${reply}`);
      client.publish("$mq9.AI.BROADCAST.service.asked", "lure", `$mq9.AI.${reply}`);
      for (const _ of [1, 2]) {
        const line = await client.readLine();
        expect(line).toBe(
          `-ERR 'Permissions Violation for Publish with Reply of "$mq9.AI.${reply}"'`,
        );
      }
    }
    client.publish("service", "asks", "_INBOX.bob");
    await client.flush();
    await alice.nc.flush(); // its PONG comes after what was delivered before
    expect(asked).toEqual(["asks"]);
    expect(await alice.tell("MAILBOX.INFO.box.lure")).toMatchObject({ error: "", messages: 0 });
  });

  it("is not believed where nobody signs in either", async () => {
    await using open = await brokerInProcess();
    await using client = await connectRaw(open.address.port, { headers: true });
    const inbox = "SUB _INBOX.r 1";
    client.send(inbox, "SUB $mq9.AI.MSG.PUSH.box 2");
    const body = '{"name":"box","ttl":60}';
    client.send(`PUB $mq9.AI.MAILBOX.CREATE ${body.length}\r\n${body}`);
    hpub(client, "$mq9.AI.MSG.SEND.box", ["mq9-from: somebody"]);
    client.publish("$mq9.AI.MSG.QUERY.box", "", "_INBOX.r");
    const text = (await client.flush())
      .map(({ headers: block, payload }) => `${block ?? ""}${payload.toString()}`)
      .join();
    expect(text).toContain('"msg_id":0');
    expect(text).not.toContain("somebody");
    expect(text).not.toContain("mq9-from");
    expect(text).not.toContain('"from"');
  });
});
