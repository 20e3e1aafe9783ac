// A late subscriber gets the backlog in order of priority and then what is live, each message
// exactly once, while senders keep sending.
import { describe, expect, it } from "vitest";
import { agent, type Mails } from "../support/mail.ts";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";

describe("replay", () => {
  const broker = useBroker();

  it("hands out a backlog by priority, and in order of arrival within one", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    const words = ["low", "normal", "high", "urgent", "critical"];
    for (let i = 0; i < 100; i += 1) me.send(`MAILBOX.MSG.${id}.${words[i % 5]}`, `${i}`);
    await me.flush();
    const mails = await me.read(`MAILBOX.MSG.${id}.*`);
    const got = (await mails.take(100)).map((mail) => Number(mail.text));
    const rank = (i: number) => [3, 2, 1, 1, 0][i % 5] ?? 9;
    const expected = Array.from({ length: 100 }, (_, i) => i).sort(
      (a, b) => rank(a) - rank(b) || a - b,
    );
    expect(got).toEqual(expected);
  });

  it.each(["INBOX", "MAILBOX", "MAILBOX.MSG"])(
    "passes from backlog to live without gap or repetition on %s",
    async (prefix) => {
      await using sender = await agent(broker().url);
      await using reader = await agent(broker().url);
      const id = await sender.create();
      const total = 3000;
      let sent = 0;
      const send = (count: number) => {
        for (const end = sent + count; sent < end; sent += 1) {
          sender.send(`INBOX.${id}.normal`, `${sent}`);
        }
      };
      send(1000);
      await sender.flush();
      const subscriptions: Mails[] = [];
      while (sent < total) {
        send(50);
        // A new reader joins while mail is on its way.
        if (sent % 500 === 0) subscriptions.push(await reader.read(`${prefix}.${id}.*`));
        await sender.flush();
      }
      expect(subscriptions).toHaveLength(4);
      const everything = Array.from({ length: total }, (_, i) => `${i}`);
      for (const mails of subscriptions) expect(await mails.texts(total)).toEqual(everything);
      sender.send(`INBOX.${id}.normal`, "end");
      for (const mails of subscriptions) expect(await mails.texts(1)).toEqual(["end"]);
    },
  );

  it("starts again from the beginning for every new subscription", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    me.send(`MAILBOX.MSG.${id}`, "once");
    for (let round = 0; round < 3; round += 1) {
      const mails = await me.read(`MAILBOX.MSG.${id}.*`);
      expect(await mails.texts(1)).toEqual(["once"]);
      await mails.drain();
    }
  });

  it("stops at UNSUB, also in the middle of a backlog", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    for (let i = 0; i < 2000; i += 1) me.send(`MAILBOX.MSG.${id}`, "x".repeat(1000));
    await me.flush();
    let after = 0;
    let ended = false;
    const subscription = me.nc.subscribe(`$mq9.AI.MAILBOX.MSG.${id}.*`, {
      callback: () => {
        if (ended) after += 1;
      },
    });
    await me.flush();
    subscription.unsubscribe();
    ended = true;
    await me.flush();
    expect(after).toBe(0);
    const five = me.nc.subscribe(`$mq9.AI.MAILBOX.MSG.${id}.*`, { max: 5 });
    let count = 0;
    for await (const _ of five) count += 1;
    expect(count).toBe(5);
  });

  it("serves a subscription made before its mailbox", async () => {
    await using me = await agent(broker().url);
    const early = await me.read("MAILBOX.MSG.not-yet-there.*");
    me.send("MAILBOX.MSG.not-yet-there", "dropped");
    await me.create({ ttl: 60, public: true, name: "not-yet-there" });
    me.send("MAILBOX.MSG.not-yet-there", "delivered");
    expect(await early.texts(1)).toEqual(["delivered"]);
  });

  it("gives each message to one member of a queue group", async () => {
    await using sender = await agent(broker().url);
    await using first = await agent(broker().url);
    await using second = await agent(broker().url);
    await using third = await agent(broker().url);
    const id = await sender.create();
    for (let i = 0; i < 30; i += 1) sender.send(`MAILBOX.MSG.${id}`, `${i}`);
    const members: Mails[] = [];
    for (const member of [first, second, third]) {
      members.push(await member.read(`MAILBOX.MSG.${id}.*`, "workers"));
    }
    for (let i = 30; i < 90; i += 1) sender.send(`MAILBOX.MSG.${id}`, `${i}`);
    await until(async () => (members.flatMap(waiting).length >= 90 ? true : undefined));
    for (const mails of members) await mails.drain();
    const numbers = members.flatMap(waiting).map((mail) => Number(mail.text));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 90 }, (_, i) => i));
  });

  const waiting = (mails: Mails) => mails.waiting;
});
