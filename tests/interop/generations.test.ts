// Mail sent in the subjects of one generation reaches the subscriptions of every other: bytes
// intact, in order of priority, under the words each of them knows.
import { describe, expect, it } from "vitest";
import { agent, type Mails } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);

/** Subjects from the most to the least urgent, as a sender of that generation writes them. */
const senders: Readonly<Record<string, (id: string) => [string, string, string]>> = {
  "0 (INBOX)": (id) => [`INBOX.${id}.urgent`, `INBOX.${id}.normal`, `INBOX.${id}.notify`],
  "0d (MAILBOX)": (id) => [`MAILBOX.${id}.high`, `MAILBOX.${id}.normal`, `MAILBOX.${id}.low`],
  "1a (MAILBOX.MSG)": (id) => [
    `MAILBOX.MSG.${id}.high`,
    `MAILBOX.MSG.${id}.normal`,
    `MAILBOX.MSG.${id}.low`,
  ],
  "1b (MAILBOX.MSG)": (id) => [
    `MAILBOX.MSG.${id}.critical`,
    `MAILBOX.MSG.${id}.urgent`,
    `MAILBOX.MSG.${id}`,
  ],
};

/** Subscription prefix, and the words its subjects end with for what each sender sent. */
const receivers: Readonly<Record<string, { prefix: string; words: Record<string, string[]> }>> = {
  "0 (INBOX)": {
    prefix: "INBOX",
    words: {
      "0 (INBOX)": ["urgent", "normal", "notify"],
      "0d (MAILBOX)": ["urgent", "normal", "notify"],
      "1a (MAILBOX.MSG)": ["urgent", "normal", "notify"],
      "1b (MAILBOX.MSG)": ["urgent", "urgent", "normal"],
    },
  },
  "0d (MAILBOX)": {
    prefix: "MAILBOX",
    words: {
      "0 (INBOX)": ["high", "normal", "low"],
      "0d (MAILBOX)": ["high", "normal", "low"],
      "1a (MAILBOX.MSG)": ["high", "normal", "low"],
      "1b (MAILBOX.MSG)": ["high", "high", "normal"],
    },
  },
  // Early and late clients of generation 1 share subjects: they get the sender's own word.
  "1 (MAILBOX.MSG)": {
    prefix: "MAILBOX.MSG",
    words: {
      "0 (INBOX)": ["urgent", "normal", "notify"],
      "0d (MAILBOX)": ["high", "normal", "low"],
      "1a (MAILBOX.MSG)": ["high", "normal", "low"],
      "1b (MAILBOX.MSG)": ["critical", "urgent", "normal"],
    },
  },
};

const pairs = Object.keys(senders).flatMap((from) =>
  Object.keys(receivers).map((to) => ({ from, to })),
);

describe("generations meet in one mailbox", () => {
  const broker = useBroker();

  it.each(pairs)("$from sends, $to receives, late and live", async ({ from, to }) => {
    await using sender = await agent(broker().url);
    await using receiver = await agent(broker().url);
    const id = await sender.create();
    const { prefix, words } = receivers[to] ?? { prefix: "", words: {} };
    const subjects = senders[from]?.(id) ?? [];
    // Once its first mail came, this subscription is past the backlog and gets what arrives.
    const live = await receiver.read(`${prefix}.${id}.*`);
    sender.send(`INBOX.${id}.normal`, "first");
    await live.next();
    await sender.ask(`MAILBOX.DELETE.${id}.0`);

    for (const [place, subject] of [...subjects.entries()].reverse()) {
      sender.send(subject, Uint8Array.of(place, ...everyByte));
    }
    await sender.flush();
    const late = await receiver.read(`${prefix}.${id}.*`);

    const delivered = (mails: Awaited<ReturnType<typeof late.take>>) =>
      mails.map((mail) => [mail.subject, mail.payload[0]]);
    const expected = (words[from] ?? []).map((word, place) => [
      `$mq9.AI.${prefix}.${id}.${word}`,
      place,
    ]);
    const lateMail = await late.take(3);
    expect(delivered(lateMail)).toEqual(expected);
    const liveMail = await live.take(3);
    expect(delivered(liveMail)).toEqual(expected.reverse());
    for (const mail of [...lateMail, ...liveMail]) {
      expect(Uint8Array.from(mail.payload.subarray(1))).toEqual(everyByte);
    }
  });

  it("a subscription to one priority gets every generation's mail of that rank", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    me.send(`INBOX.${id}.urgent`, "urgent of 0");
    me.send(`MAILBOX.${id}.high`, "high of 0d");
    me.send(`MAILBOX.MSG.${id}.urgent`, "urgent of 1b");
    me.send(`MAILBOX.MSG.${id}.critical`, "critical of 1b");
    me.send(`INBOX.${id}.normal`, "normal of 0");
    me.send(`MAILBOX.MSG.${id}`, "normal of 1b");
    await me.flush();
    const urgent = ["urgent of 0", "high of 0d", "urgent of 1b"];
    const normal = ["normal of 0", "normal of 1b"];
    const expected: Readonly<Record<string, string[]>> = {
      [`MAILBOX.MSG.${id}.critical`]: ["critical of 1b"],
      [`MAILBOX.MSG.${id}.urgent`]: urgent,
      [`MAILBOX.MSG.${id}`]: normal,
      [`MAILBOX.${id}.high`]: ["critical of 1b", ...urgent],
      [`MAILBOX.${id}.normal`]: normal,
      [`INBOX.${id}.urgent`]: ["critical of 1b", ...urgent],
      [`INBOX.${id}.normal`]: normal,
    };
    const readers = new Map<string, Mails>();
    for (const subject of Object.keys(expected)) readers.set(subject, await me.read(subject));
    for (const [subject, mails] of readers) {
      expect(await mails.texts(expected[subject]?.length ?? 0), subject).toEqual(expected[subject]);
    }
    const everything = await me.read(`INBOX.${id}.*`);
    await everything.take(6);
    for (const [subject, mails] of readers) expect(mails.waiting, subject).toEqual([]);
  });

  it("a bare subscription gets normal mail on the bare subject", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    me.send(`INBOX.${id}.normal`, "x");
    const mail = await (await me.read(`MAILBOX.MSG.${id}`)).next();
    expect(mail.subject).toBe(`$mq9.AI.MAILBOX.MSG.${id}`);
  });

  it("one DELETE takes the message away from all of them", async () => {
    await using me = await agent(broker().url);
    const created = await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 3600 });
    const { mail_id: id, token } = created as { mail_id: string; token: string };
    me.send(`INBOX.${id}.normal`, "stays");
    me.send(`MAILBOX.${id}.normal`, "goes");
    me.send(`MAILBOX.MSG.${id}`, "stays too");
    await me.flush();
    expect(await me.list(id)).toEqual(["0", "1", "2"]);

    expect(await me.ask(`MAILBOX.DELETE.${id}.1`)).toEqual({ deleted: true });

    expect(await me.list(id)).toEqual(["0", "2"]);
    const query = await me.ask(`MAILBOX.QUERY.${id}`, { token });
    expect(query).toMatchObject({ mail_id: id, unread: 2 });
    expect((query["messages"] as { payload: string }[]).map((row) => row.payload)).toEqual([
      "stays",
      "stays too",
    ]);
    for (const prefix of ["INBOX", "MAILBOX", "MAILBOX.MSG"]) {
      const mails = await me.read(`${prefix}.${id}.*`);
      expect(await mails.texts(2)).toEqual(["stays", "stays too"]);
      me.send(`MAILBOX.MSG.${id}`, "end");
      expect(await mails.texts(1)).toEqual(["end"]);
      await mails.drain();
      await me.ask(`MAILBOX.DELETE.${id}.${(await me.list(id))?.at(-1)}`);
    }
    expect(await me.ask(`MAILBOX.DELETE.${id}.1`)).toMatchObject({
      error: "message not found",
      code: 404,
      deleted: false,
    });
  });

  it("LIST says ids as text and times as whole seconds", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    const before = Math.floor(Date.now() / 1000);
    me.send(`MAILBOX.MSG.${id}`, "one");
    me.send(`MAILBOX.MSG.${id}.critical`, "two");
    const { messages, ...rest } = await me.ask(`MAILBOX.LIST.${id}`);
    expect(rest).toEqual({ mail_id: id, mail_address: id });
    const rows = messages as { msg_id: unknown; priority: string; ts: number }[];
    expect(rows.map(({ msg_id, priority }) => [msg_id, priority])).toEqual([
      ["1", "critical"],
      ["0", "normal"],
    ]);
    for (const { ts } of rows) {
      expect(Number.isInteger(ts)).toBe(true);
      expect(ts).toBeGreaterThanOrEqual(before);
      expect(ts).toBeLessThanOrEqual(Date.now() / 1000);
    }
  });

  it("a send that asks for a receipt gets the number of the message", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    const subjects = Object.values(senders).map((subjectsOf) => subjectsOf(id)[1]);
    const receipts = [];
    for (const subject of subjects) receipts.push(await me.ask(subject, "x"));
    expect(receipts).toEqual(subjects.map((_, number) => ({ msg_id: number })));
    const missing = await me.ask("MAILBOX.MSG.m-nobody", "x");
    expect(missing).toMatchObject({ code: 404 });
    expect(missing["error"]).toMatch(/mailbox m-nobody does not exist/);
  });

  it("mail carries its number, priority and mailbox in headers beside the sender's own", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    const { headers } = await import("@nats-io/transport-node");
    const sent = headers();
    sent.set("trace", "abc");
    sent.set("mq9-msg-id", "forged");
    me.nc.publish(`$mq9.AI.MAILBOX.MSG.${id}.urgent`, "x", { headers: sent });
    const mail = await (await me.read(`INBOX.${id}.*`)).next();
    expect(mail.header("trace")).toBe("abc");
    expect(mail.header("mq9-msg-id")).toBe("0");
    expect(mail.header("mq9-priority")).toBe("urgent");
    expect(mail.header("mq9-mail-id")).toBe(id);
    expect(mail.header("mq9-ts")).toMatch(/^\d{10}$/);
  });
});
