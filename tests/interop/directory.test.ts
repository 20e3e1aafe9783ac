// One directory in two views: the records of $SYSTEM.PUBLIC and the events of PUBLIC.LIST.
import { describe, expect, it } from "vitest";
import { agent, type Mail } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";

describe("the directory", () => {
  const broker = useBroker();

  it("shows public mailboxes to early and late readers, and private ones to nobody", async () => {
    await using me = await agent(broker().url);
    const early = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    const events = await me.read("PUBLIC.LIST");
    const desc = JSON.stringify({
      name: "Data Agent",
      skills: [{ id: "analyze" }],
      text: 'ü " \\',
    });
    await me.create({ ttl: 3600 });
    await me.create({ ttl: 3600, public: true, name: "data-agent", desc });
    await me.create({ ttl: 3600, public: true, name: "plain-agent" });

    const late = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC");
    for (const mails of [early, late]) {
      const [first, second] = (await mails.take(2)).map((mail) => JSON.parse(mail.text));
      expect(first).toMatchObject({
        mail_id: "data-agent",
        mail_address: "data-agent",
        desc,
        ttl: 3600,
        create_at: expect.any(Number),
      });
      expect(first).not.toHaveProperty("msg_id");
      // Readers parse or print desc without looking whether it is there.
      expect(second).toMatchObject({ mail_id: "plain-agent", desc: "" });
    }
    const announced = (await events.take(2)).map((mail) => JSON.parse(mail.text));
    expect(announced).toMatchObject([
      { event: "created", mail_id: "data-agent", desc },
      { event: "created", mail_id: "plain-agent" },
    ]);
    for (const event of announced) {
      expect(Object.values(event).every((value) => typeof value === "string")).toBe(true);
    }
    const replayed = (await (await me.read("PUBLIC.LIST")).take(2)).map((mail) =>
      JSON.parse(mail.text),
    );
    expect(replayed).toEqual(announced);
  });

  it("announces a changed description, keeping one record", async () => {
    await using me = await agent(broker().url);
    const body = { ttl: 3600, public: true, name: "moody-agent" };
    await me.create({ ...body, desc: "first" });
    await me.create({ ...body, desc: "second" });
    const mails = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    await me.create({ ttl: 3600, public: true, name: "last-agent", desc: "end" });
    const seen: string[] = [];
    while (seen.at(-1) !== "end") seen.push(JSON.parse((await mails.next()).text).desc);
    expect(seen).toContain("second");
    expect(seen).not.toContain("first");
  });

  it("tells PUBLIC.LIST of an ended mailbox, and forgets it in $SYSTEM.PUBLIC", async () => {
    await using me = await agent(broker().url);
    const events = await me.read("PUBLIC.LIST");
    const records = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    await me.create({ ttl: 1, public: true, name: "brief-agent", desc: "soon gone" });
    const parse = (mail: Mail) => JSON.parse(mail.text) as Record<string, string>;
    let event = parse(await events.next());
    while (event["event"] !== "expired") event = parse(await events.next());
    expect(event["mail_id"]).toBe("brief-agent");

    // Readers of records expect a desc in every body, so the end is not announced there.
    expect(records.waiting.map(parse).at(-1)).toMatchObject({ desc: "soon gone" });
    const late = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    await me.create({ ttl: 3600, public: true, name: "marker-agent", desc: "end" });
    const seen: (string | undefined)[] = [];
    while (seen.at(-1) !== "marker-agent") seen.push(parse(await late.next())["mail_id"]);
    expect(seen).not.toContain("brief-agent");
  });

  it("can not be written by clients", async () => {
    await using me = await agent(broker().url);
    for (const subject of [
      "MAILBOX.MSG.$SYSTEM.PUBLIC",
      "INBOX.$SYSTEM.PUBLIC.urgent",
      "PUBLIC.LIST",
    ]) {
      expect(await me.ask(subject, '{"mail_id":"forged"}')).toMatchObject({
        error: expect.stringMatching(/\w/),
        code: 403,
      });
    }
    const mails = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    await me.create({ ttl: 3600, public: true, name: "honest-agent", desc: "end" });
    const seen: string[] = [];
    while (seen.at(-1) !== "honest-agent") seen.push(JSON.parse((await mails.next()).text).mail_id);
    expect(seen).not.toContain("forged");
  });
});
