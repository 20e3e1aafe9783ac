// Mail is seen by whoever subscribed to the mailbox and by nobody else, except by the tap that a
// developer opens on purpose.
import { connectRaw } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";

const everySubject = (id: string) => [
  `INBOX.${id}.urgent`,
  `MAILBOX.${id}.high`,
  `MAILBOX.MSG.${id}`,
  `MAILBOX.MSG.${id}.critical`,
  "BROADCAST.pipeline.complete",
  "STATUS.worker-1",
];

describe("isolation", () => {
  const broker = useBroker();

  it.each([">", "$mq9.>", "*.>", "*.*.*.*", "$mq9.*.INBOX.>"])(
    "a subscription to %s sees no mail",
    async (pattern) => {
      await using me = await agent(broker().url);
      await using spy = await connectRaw(broker().port);
      spy.send(`SUB ${pattern} 1`);
      expect(await spy.flush()).toEqual([]);
      const id = await me.create({ ttl: 60, public: true, name: `iso-${crypto.randomUUID()}` });
      for (const subject of everySubject(id)) me.send(subject, "secret");
      expect(await me.list(id)).toHaveLength(4);
      await (await me.read(`INBOX.${id}.*`)).take(4);
      // Ordinary traffic, after everything else, shows that the spy was listening.
      const marker = pattern.startsWith("$mq9") ? "$mq9.BI.INBOX.end" : "plain.a.b.end";
      me.nc.publish(marker, "end");
      await me.flush();
      const seen = (await spy.flush()).map((message) => message.subject);
      expect(seen.filter((subject) => !subject.startsWith("_INBOX."))).toEqual([marker]);
    },
  );

  it.each(["#", ">"])(
    "the tap $mq9.AI.%s sees every publish and counts as no delivery",
    async (wild) => {
      await using me = await agent(broker().url);
      const created = await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 60 });
      const { mail_id: id, token } = created as { mail_id: string; token: string };
      await using tap = await connectRaw(broker().port, { headers: true });
      tap.send(`SUB $mq9.AI.${wild} 1`);
      expect(await tap.flush()).toEqual([]);
      for (const subject of everySubject(id)) me.send(subject, "in passing");
      await me.flush();
      const seen = await tap.flush();
      expect(seen.map(({ subject, payload }) => [subject, payload.toString()])).toEqual(
        everySubject(id).map((subject) => [`$mq9.AI.${subject}`, "in passing"]),
      );
      expect(await me.ask(`MAILBOX.QUERY.${id}`, { token })).toMatchObject({ unread: 4 });
    },
  );

  it.each([
    "MAILBOX.MSG.*",
    "MAILBOX.MSG.#",
    "MAILBOX.MSG.>",
    "MAILBOX.MSG.*.*",
    "MAILBOX.*",
    "MAILBOX.#",
    "INBOX.*.normal",
    "INBOX.>",
  ])("a subscription to %s is refused and the connection stays", async (subject) => {
    await using curious = await connectRaw(broker().port);
    curious.send(`SUB $mq9.AI.${subject} 1`, "PING");
    await curious.expect(
      `-ERR 'Permissions Violation for Subscription to "$mq9.AI.${subject}"'`,
      "PONG",
    );
    curious.send("SUB still.there 2");
    curious.publish("still.there", "yes");
    expect((await curious.readMessage()).payload.toString()).toBe("yes");
  });

  it("a pattern over status mailboxes sees states, never ordinary mailboxes", async () => {
    await using me = await agent(broker().url);
    const status = await me.create({ type: "latest", ttl: 60 });
    const ordinary = await me.create({ type: "standard", ttl: 60 });
    const states = await me.read("INBOX.m-*.normal");
    me.send(`INBOX.${ordinary}.normal`, "private");
    me.send(`INBOX.${status}.normal`, "state");
    const mail = await states.next();
    expect([mail.subject, mail.text]).toEqual([`$mq9.AI.INBOX.${status}.normal`, "state"]);
    expect(states.waiting).toEqual([]);
  });

  it("a payload above max_payload ends the connection, as in nats-server", async () => {
    await using greedy = await connectRaw(broker().port);
    greedy.send("SUB x 1", `PUB x ${Number(greedy.info["max_payload"]) + 1}`);
    await greedy.expect("-ERR 'Maximum Payload Violation'");
    await greedy.closed;
  });

  it("INFO promises what clients decide upon", async () => {
    await using client = await connectRaw(broker().port);
    expect(client.info).toMatchObject({ headers: true, proto: 1, max_payload: 1_048_576 });
    expect(client.info["tls_available"]).not.toBe(true);
    expect(client.info["version"]).toMatch(/^2\.\d+\.\d+/);
  });
});
