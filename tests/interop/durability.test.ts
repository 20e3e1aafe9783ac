// What survives the end of the process, and what does not survive its own time to live.
import { describe, expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";

describe("durability", () => {
  const broker = useBroker();

  const crash = async () => {
    await broker().kill();
    await broker().restart();
  };

  it.each([
    (id: string) => `INBOX.${id}.normal`,
    (id: string) => `MAILBOX.${id}.normal`,
    (id: string) => `MAILBOX.MSG.${id}.normal`,
    (id: string) => `MAILBOX.MSG.${id}`,
  ])("what a flush confirmed is there after kill -9 (%s)", async (subject) => {
    let id: string;
    {
      await using sender = await agent(broker().url);
      id = await sender.create();
      for (let i = 0; i < 200; i += 1) sender.send(subject(id), `${i}`);
      await sender.flush();
      await broker().kill();
    }
    await broker().restart();
    await using reader = await agent(broker().url);
    const mails = await reader.read(`MAILBOX.MSG.${id}.*`);
    expect(await mails.texts(200)).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
  });

  it.each(["a stop", "a crash"])("mailbox, numbers, token and order survive %s", async (how) => {
    let created: { mail_id: string; token: string };
    {
      await using me = await agent(broker().url);
      created = (await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 3600 })) as typeof created;
      for (const word of ["normal", "urgent", "normal"]) {
        me.send(`INBOX.${created.mail_id}.${word}`, word);
      }
      expect(await me.ask(`MAILBOX.DELETE.${created.mail_id}.2`)).toEqual({ deleted: true });
    }
    const { mail_id: id, token } = created;
    await (how === "a stop" ? broker().restart() : crash());

    await using me = await agent(broker().url);
    expect(await me.list(id)).toEqual(["1", "0"]);
    expect(await me.ask(`MAILBOX.QUERY.${id}`, { token: "tok-wrong" })).toMatchObject({
      code: 403,
    });
    expect(await me.ask(`MAILBOX.QUERY.${id}`, { token })).toMatchObject({ unread: 2 });
    // The number of the deleted message is not used again.
    expect(await me.ask(`INBOX.${id}.normal`, "x")).toEqual({ msg_id: 3 });
  });

  it("a latest mailbox and its newest state survive a crash", async () => {
    let id: string;
    {
      await using me = await agent(broker().url);
      id = await me.create({ type: "latest", ttl: 3600 });
      for (const state of ["starting", "working", "idle"]) me.send(`INBOX.${id}.normal`, state);
      await me.flush();
    }
    await crash();
    await using me = await agent(broker().url);
    const mails = await me.read(`INBOX.${id.slice(0, 12)}*.normal`);
    expect(await mails.texts(1)).toEqual(["idle"]);
    expect(await me.list(id)).toHaveLength(1);
  });

  it("the directory survives a crash, without duplicates", async () => {
    const names = ["weather-agent", "search-agent", "report-agent"];
    {
      await using me = await agent(broker().url);
      for (const name of names) {
        await me.create({ ttl: 3600, public: true, name, desc: `${name} first` });
      }
      await me.create({ ttl: 3600, public: true, name: "search-agent", desc: "search changed" });
    }
    await crash();
    await using me = await agent(broker().url);
    const records = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    const found = (await records.take(3)).map((mail) => JSON.parse(mail.text));
    expect(found).toHaveLength(3);
    expect(Object.fromEntries(found.map(({ mail_id, desc }) => [mail_id, desc]))).toEqual({
      "report-agent": "report-agent first",
      "search-agent": "search changed",
      "weather-agent": "weather-agent first",
    });
    await me.create({ ttl: 2, public: true, name: "late-agent", desc: "" });
    expect(JSON.parse((await records.next()).text)).toMatchObject({ mail_id: "late-agent" });
    const again = await me.ask("MAILBOX.CREATE", { ttl: 1, public: true, name: "weather-agent" });
    expect(again).toMatchObject({ is_new: false, ttl: 3600 });
  });

  it("a mailbox ends at its time, crash or not, and its name starts anew", async () => {
    const body = { ttl: 2, public: true, name: "short-lived", desc: "soon gone" };
    const createdAtMs = Date.now();
    {
      await using me = await agent(broker().url);
      await me.create(body);
      me.send("MAILBOX.MSG.short-lived", "goes with it");
      await me.flush();
    }
    await crash();
    await using me = await agent(broker().url);
    const gone = await until(async () => {
      const reply = await me.ask("MAILBOX.LIST.short-lived");
      return "error" in reply ? reply : undefined;
    });
    expect(Date.now()).toBeGreaterThanOrEqual(createdAtMs + 2000);
    expect(gone["code"]).toBeOneOf([404, 410]);
    expect(gone["error"]).toMatch(/mailbox short-lived does not exist/);
    expect(await me.ask("MAILBOX.CREATE", { ...body, ttl: 60 })).toMatchObject({ is_new: true });
    expect(await me.list("short-lived")).toEqual([]);
    // Numbers of the earlier life are not handed out again.
    expect(await me.ask("MAILBOX.MSG.short-lived", "new life")).toEqual({ msg_id: 1 });
  });

  it("a running subscription hears nothing from an expired mailbox", async () => {
    await using me = await agent(broker().url);
    const id = await me.create({ type: "standard", ttl: 1 });
    const mails = await me.read(`INBOX.${id}.*`);
    me.send(`INBOX.${id}.normal`, "in time");
    expect(await mails.texts(1)).toEqual(["in time"]);
    await until(async () => ((await me.list(id)) === undefined ? true : undefined));
    me.send(`INBOX.${id}.normal`, "too late");
    await me.flush();
    expect(mails.waiting).toEqual([]);
    expect(me.nc.isClosed()).toBe(false);
  });
});
