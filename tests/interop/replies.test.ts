// The forms of replies that decide whether published clients work at all.
import { connectRaw } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";

describe("replies", () => {
  const broker = useBroker();

  it("CREATE of generation 0 hands out a token and the inbox, and no error key", async () => {
    await using me = await agent(broker().url);
    const reply = await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 3600 });
    expect(reply).toMatchObject({
      mail_id: expect.stringMatching(/^m-[0-9a-f-]{36}$/),
      token: expect.stringMatching(/./),
      inbox: `$mq9.AI.INBOX.${String(reply["mail_id"])}`,
      ttl: 3600,
    });
    expect(reply).not.toHaveProperty("error");
  });

  it("a mailbox of type latest gets an id that m-status-* finds", async () => {
    await using me = await agent(broker().url);
    const reply = await me.ask("MAILBOX.CREATE", { type: "latest" });
    expect(reply["mail_id"]).toMatch(/^m-status-/);
    expect(reply).not.toHaveProperty("error");
  });

  it("a BROADCAST channel is created by its subject, and stores what is said on it", async () => {
    await using me = await agent(broker().url);
    const subject = "$mq9.AI.BROADCAST.news.today";
    expect(await me.ask("MAILBOX.CREATE", { subject, ttl: 60 })).toMatchObject({ subject });
    me.send("BROADCAST.news.today", "stored");
    me.send("BROADCAST.news.other", "not stored");
    await me.flush();
    const late = await me.read("BROADCAST.news.today");
    expect(await late.texts(1)).toEqual(["stored"]);
    me.send("BROADCAST.news.today", "live");
    const { text, subject: liveSubject } = await late.next();
    expect([text, liveSubject]).toEqual(["live", subject]);
  });

  it.each([{ ttl: 3600 }, { ttl: 60, public: true, name: "reply-shapes", desc: "d" }])(
    "CREATE of generation 1 answers %j without an error key and with both names of the id",
    async (body) => {
      await using me = await agent(broker().url);
      const reply = await me.ask("MAILBOX.CREATE", body);
      expect(reply).not.toHaveProperty("error");
      expect(reply["mail_address"]).toBe(reply["mail_id"]);
      expect(reply["is_new"]).toBe(true);
    },
  );

  it("CREATE of a public name is idempotent and keeps the first life time", async () => {
    await using me = await agent(broker().url);
    const body = { ttl: 3600, public: true, name: "agent-b-inbox" };
    expect(await me.ask("MAILBOX.CREATE", body)).toMatchObject({ is_new: true, ttl: 3600 });
    me.send("MAILBOX.MSG.agent-b-inbox", "kept");
    const again = await me.ask("MAILBOX.CREATE", { ...body, ttl: 5 });
    expect(again).toMatchObject({ mail_id: "agent-b-inbox", is_new: false, ttl: 3600 });
    expect(again).not.toHaveProperty("error");
    expect(await me.list("agent-b-inbox")).toEqual(["0"]);
  });

  it("CREATE of generation 2 carries an empty error, and refuses a taken name", async () => {
    await using me = await agent(broker().url);
    const reply = await me.ask("MAILBOX.CREATE", { name: "task.queue", ttl: 60 });
    expect(reply).toMatchObject({ error: "", mail_address: "task.queue" });
    expect(await me.ask("MAILBOX.CREATE", { name: "task.queue", ttl: 60 })).toMatchObject({
      error: "mailbox task.queue already exists",
      code: 409,
    });
    expect(await me.ask("MAILBOX.CREATE", {})).toMatchObject({ error: "" });
  });

  it.each([
    ["not json", { code: 400 }],
    [{ ttl: "soon" }, { code: 400 }],
    [
      { ttl: 60, public: true },
      { error: "public mailbox requires a 'name' field", code: 400 },
    ],
    [
      { ttl: 60, public: true, name: "$SYSTEM.PUBLIC" },
      {
        error: "mailbox '$SYSTEM.PUBLIC' is reserved and cannot be created by clients",
        code: 403,
      },
    ],
  ])("CREATE refuses %j with a sentence and a number", async (body, expected) => {
    await using me = await agent(broker().url);
    const reply = await me.ask("MAILBOX.CREATE", body);
    expect(reply).toMatchObject({ error: expect.stringMatching(/\w+ \w+/), ...expected });
  });

  it.each(["LIST", "QUERY"])("%s of a mailbox that is not there is an error 404", async (verb) => {
    await using me = await agent(broker().url);
    const reply = await me.ask(`MAILBOX.${verb}.m-nobody`);
    expect(reply).toMatchObject({ code: 404, messages: [] });
    expect(reply["error"]).toMatch(/mailbox m-nobody does not exist/);
  });

  it("QUERY needs the token, and counts what nobody was handed yet", async () => {
    await using me = await agent(broker().url);
    const created = await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 3600 });
    const { mail_id: id, token } = created as { mail_id: string; token: string };
    me.send(`INBOX.${id}.normal`, "one");
    me.send(`INBOX.${id}.urgent`, "two");
    for (const body of [{ token: "tok-wrong" }, {}]) {
      const refused = await me.ask(`MAILBOX.QUERY.${id}`, body);
      expect(refused).toMatchObject({ error: expect.stringMatching(/token/), code: 403 });
      expect(refused).not.toHaveProperty("unread");
    }
    const unread = async () => (await me.ask(`MAILBOX.QUERY.${id}`, { token }))["unread"];
    expect(await unread()).toBe(2);
    await (await me.read(`INBOX.${id}.urgent`)).next();
    expect(await unread()).toBe(1);
  });

  it("an unknown request under $mq9.AI. is answered, not left to time out", async () => {
    await using me = await agent(broker().url);
    expect(await me.ask("MAILBOX.FLY.away")).toMatchObject({
      error: "unrecognized mq9 subject: $mq9.AI.MAILBOX.FLY.away",
      code: 400,
    });
  });

  it("a request without a reply subject is carried out all the same", async () => {
    await using me = await agent(broker().url);
    me.nc.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60,"public":true,"name":"quiet-create"}');
    await me.flush();
    expect(await me.list("quiet-create")).toEqual([]);
  });

  it("the Python client of generation 1 gets envelopes on its subjects, raw bodies elsewhere", async () => {
    await using me = await agent(broker().url);
    const id = await me.create();
    const payload = Buffer.from([0, 128, 255]);
    me.send(`MAILBOX.MSG.${id}.urgent`, payload);
    await me.flush();
    await using python = await connectRaw(broker().port, { name: "robustmq-mq9-python" });
    python.send(`SUB $mq9.AI.MAILBOX.MSG.${id}.* 1`);
    const wrapped = await python.readMessage();
    expect(wrapped.subject).toBe(`$mq9.AI.MAILBOX.MSG.${id}.urgent`);
    expect(JSON.parse(wrapped.payload.toString())).toMatchObject({
      msg_id: "0",
      mail_id: id,
      priority: "urgent",
      ts: expect.any(Number),
      payload: payload.toString("base64"),
    });
    python.send("UNSUB 1", `SUB $mq9.AI.INBOX.${id}.* 2`);
    expect((await python.readMessage()).payload).toEqual(payload);
  });
});
