// Whoever tries names of mailboxes gets few answers, and from then on the same one whatever exists;
// whoever works with mailboxes notices nothing of it.
import { connectRaw, type RawClient } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { type Person, person, questions, twoAccounts } from "../rights/people.ts";
import { brokerInProcess } from "../support/in-process.ts";

const users = {
  "a-owner": undefined,
  "a-mallory": undefined,
  "a-friend": undefined,
  "a-keeper": { query: ["kept.>"] },
  "b-mallory": undefined,
};

async function answerTo(who: Person, name: string): Promise<string> {
  const { error, code } = await who.tell(`MAILBOX.INFO.${name}`);
  return `${String(code)} ${String(error).replace(name, "<name>")}`;
}

/** Names what is not there until that is not answered any more. @returns how many were answered */
async function guess(who: Person, times = 40): Promise<number> {
  let answered = 0;
  for (let at = 0; at < times; at++) {
    const answer = await answerTo(who, `guess-${answered}-${at}`);
    if (answer.startsWith("404")) answered++;
  }
  return answered;
}

const refusal =
  "429 mailbox <name> is not looked for: too many mailboxes were named that do not exist; those in use are served, ask for others again in a second";

describe("a user that tries names", () => {
  it("gets twenty answers, and then one that is the same for all there is and is not", async () => {
    await using server = await brokerInProcess({
      auth: twoAccounts(users),
      limits: { maxMissesPerAddress: 21 },
    });
    const { port } = server.address;
    await using owner = await person(port, "a-owner");
    await using mallory = await person(port, "a-mallory");
    for (const name of ["private", "public"]) {
      await owner.tell("MAILBOX.CREATE", { name, public: name === "public", ttl: 60 });
    }
    const answered = await guess(mallory);
    expect(answered).toBeGreaterThanOrEqual(20);
    expect(answered).toBeLessThanOrEqual(25); // one more for each second that it took
    for (const name of ["private", "public", "absent"]) {
      expect(await answerTo(mallory, name)).toBe(refusal);
    }
  });

  it("is answered alike in every generation's words, with a reply and without", async () => {
    await using server = await brokerInProcess({
      auth: twoAccounts(users),
      limits: { maxMissesPerAddress: 1 }, // and the next in a minute
    });
    const { port } = server.address;
    await using owner = await person(port, "a-owner");
    await using mallory = await person(port, "a-mallory");
    await owner.tell("MAILBOX.CREATE", { name: "open", public: true, ttl: 60 });
    await owner.tell("MAILBOX.CREATE", { name: "hush", ttl: 60 });
    await guess(mallory);
    for (const { subject, body } of questions) {
      const [open, hush, none] = await Promise.all(
        ["open", "hush", "none"].map(async (name) => {
          const answer = await mallory.ask(subject(name), body);
          return answer.replaceAll(name, "<name>");
        }),
      );
      expect(open, subject("<name>")).toBe(none);
      expect(hush, subject("<name>")).toBe(none);
    }
    await using raw = await connectRaw(port, { user: "a-mallory", pass: "a-mallory" });
    const told: string[] = [];
    for (const name of ["open", "hush", "none"]) {
      raw.publish(`$mq9.AI.MSG.SEND.${name}`, "x");
      raw.send("PING");
      told.push((await linesUntilPong(raw)).join().replace(name, "<name>"));
    }
    expect(new Set(told)).toEqual(
      new Set([`-ERR 'Permissions Violation for Publish to "$mq9.AI.MSG.SEND.<name>"'`]),
    );
    const { messages } = await owner.tell("MAILBOX.LIST.open");
    expect(messages).toEqual([]);
  });

  it("does not get further with many connections, nor all at once", async () => {
    await using server = await brokerInProcess({ auth: twoAccounts(users) });
    const { port } = server.address;
    const crowd = await Promise.all(Array.from({ length: 5 }, () => person(port, "a-mallory")));
    const began = Date.now();
    const answers = await Promise.all(
      crowd.flatMap((one, who) =>
        Array.from({ length: 200 }, (_, at) => answerTo(one, `guess-${who}-${at}`)),
      ),
    );
    const seconds = (Date.now() - began) / 1_000;
    const answered = answers.filter((answer) => answer.startsWith("404")).length;
    expect(answered).toBeGreaterThanOrEqual(20);
    expect(answered).toBeLessThanOrEqual(20 + Math.ceil(seconds));
    await Promise.all(crowd.map((one) => one[Symbol.asyncDispose]()));
  });

  it("goes on with what it used before, with what is its own, and with what its rules name", async () => {
    await using server = await brokerInProcess({ auth: twoAccounts(users) });
    const { port } = server.address;
    await using owner = await person(port, "a-owner");
    await using keeper = await person(port, "a-keeper");
    for (const name of ["open", "kept.one"]) {
      await owner.tell("MAILBOX.CREATE", { name, public: true, ttl: 60 });
    }
    await keeper.tell("MAILBOX.CREATE", { name: "mine", ttl: 60 });
    expect(await keeper.tell("MSG.SEND.open", "before")).toMatchObject({ msg_id: 0 });
    await guess(keeper);
    expect(await keeper.tell("MSG.SEND.open", "after")).toMatchObject({ msg_id: 1 });
    expect(await keeper.tell("MAILBOX.INFO.mine")).toMatchObject({ error: "" });
    expect(await keeper.tell("MAILBOX.INFO.kept.one")).toMatchObject({ error: "" });
    expect(await answerTo(keeper, "kept.two")).toMatch(/^404/);
    const made = await keeper.tell("MAILBOX.CREATE", { name: "another", ttl: 60 });
    expect(made).toMatchObject({ error: "" });
    expect(await keeper.tell("MSG.SEND.another", "mail")).toMatchObject({ error: "" });
  });

  it("disturbs nobody else, of its account or of another", async () => {
    await using server = await brokerInProcess({
      auth: twoAccounts(users),
      limits: { maxMissesPerAddress: 0 },
    });
    const { port } = server.address;
    await using mallory = await person(port, "a-mallory");
    await guess(mallory);
    for (const user of ["a-friend", "b-mallory"]) {
      await using other = await person(port, user);
      expect(await answerTo(other, "absent"), user).toMatch(/^404/);
    }
  });
});

describe("users of one address", () => {
  it("are counted together too", async () => {
    await using server = await brokerInProcess({
      auth: twoAccounts(users),
      limits: { maxMissesPerAddress: 25 },
    });
    const { port } = server.address;
    await using mallory = await person(port, "a-mallory");
    await using helper = await person(port, "b-mallory");
    await guess(mallory, 20);
    const answered = await guess(helper, 30);
    expect(answered).toBeGreaterThanOrEqual(5);
    expect(answered).toBeLessThan(20);
  });
});

describe("no guesses are", () => {
  it("mailboxes that were there: who answers many that left is not stopped", async () => {
    await using server = await brokerInProcess({ auth: twoAccounts(users) });
    const { port } = server.address;
    await using owner = await person(port, "a-owner");
    await using worker = await person(port, "a-friend");
    for (let at = 0; at < 60; at++) {
      const { mail_id } = await owner.tell("MAILBOX.CREATE", { ttl: 60 });
      await owner.tell(`MAILBOX.DROP.${String(mail_id)}`);
      expect(await worker.tell(`MSG.SEND.${String(mail_id)}`, "answer")).toMatchObject({
        code: 404,
      });
    }
    expect(await answerTo(worker, "absent")).toMatch(/^404/);
  });

  it("the same name again and again", async () => {
    await using server = await brokerInProcess({ auth: twoAccounts(users) });
    await using worker = await person(server.address.port, "a-friend");
    for (let at = 0; at < 100; at++) {
      expect(await answerTo(worker, "later")).toMatch(/^404/);
    }
  });

  it("counted at all where nobody signs in", async () => {
    await using server = await brokerInProcess();
    await using anybody = await person(server.address.port, "anybody");
    expect(await guess(anybody, 300)).toBe(300);
  });
});

async function linesUntilPong(client: RawClient): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await client.readLine();
    if (line === "PONG") return lines;
    lines.push(line);
  }
}
