// Who may do what, asked in every generation's words: whoever has no right gets the same bytes as if
// there were no mailbox; whoever has one right has that one.
import { connectRaw } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { type Person, person, questions, twoAccounts, waysToRead } from "./people.ts";

const box = "task.box-1";
const notThere = '"reason":"not_found"';
const verbs = ["send", "receive", "query", "manage"] as const;

let server: BrokerInProcess;
const people = new Map<string, Person>();
const who = (name: string): Person => people.get(name) as Person;

beforeAll(async () => {
  server = await brokerInProcess({
    auth: twoAccounts(
      {
        "a-owner": undefined,
        "a-stranger": undefined,
        "a-send": { send: ["task.*"] },
        "a-receive": { receive: ["task.>"] },
        "a-query": { query: ["task.box-1"] },
        "a-manage": { manage: ["task.*"] },
        "b-owner": undefined,
        "b-manage": { send: [">"], receive: [">"], query: [">"], manage: [">"] },
      },
      "granted",
    ),
  });
  for (const name of [
    "a-owner",
    "a-stranger",
    "a-send",
    "a-receive",
    "a-query",
    "a-manage",
    "b-owner",
    "b-manage",
  ]) {
    people.set(name, await person(server.address.port, name));
  }
});

afterAll(async () => {
  for (const each of people.values()) await each.nc.close();
  await server[Symbol.asyncDispose]();
});

/** What a mailbox can be like. Each is made by its owner, in an account where it was not before. */
const states: Readonly<Record<string, (owner: Person) => Promise<unknown>>> = {
  empty: (owner) => owner.tell("MAILBOX.CREATE", { name: box, ttl: 60 }),
  "with mail": async (owner) => {
    await owner.tell("MAILBOX.CREATE", { name: box, ttl: 60 });
    await owner.tell(`MSG.SEND.${box}`, "one");
    await owner.tell(`MSG.FETCH.${box}`, { group_name: "g", deliver: "earliest" });
  },
  latest: async (owner) => {
    await owner.tell("MAILBOX.CREATE", { name: box, ttl: 60, type: "latest" });
    await owner.tell(`MSG.SEND.${box}`, "one");
  },
  dropped: async (owner) => {
    await owner.tell("MAILBOX.CREATE", { name: box, ttl: 60 });
    await owner.tell(`MAILBOX.DROP.${box}`);
  },
};

describe("without a right", () => {
  const answers = (by: Person): Promise<string[]> =>
    Promise.all(questions.map(({ subject, body }) => by.ask(subject(box), body)));

  it.each(Object.keys(states))("a mailbox that is %s answers like none", async (state) => {
    const stranger = who("a-stranger");
    const absent = await answers(stranger);
    for (const text of absent) expect(text).toContain(notThere);
    await states[state]?.(who("a-owner"));
    try {
      expect(await answers(stranger)).toEqual(absent);
      const token = { token: `mq9t-${"0".repeat(32)}` };
      const present = await stranger.ask(`MAILBOX.OPEN.${box}`, token);
      await who("a-owner").tell(`MAILBOX.DROP.${box}`);
      expect(await stranger.ask(`MAILBOX.OPEN.${box}`, token)).toBe(present);
      expect(await answers(stranger)).toEqual(absent);
    } finally {
      await who("a-owner").tell(`MAILBOX.DROP.${box}`);
    }
  });

  it("another account's mailbox of the same name is another one, whatever its rules say", async () => {
    await states["with mail"]?.(who("a-owner"));
    const absent = await answers(who("b-manage"));
    for (const text of absent) expect(text).toContain(notThere);
    await who("a-owner").tell(`MAILBOX.DROP.${box}`);
    expect(await answers(who("b-manage"))).toEqual(absent);
  });

  it("no subscription gets anything, nor is told why", async () => {
    const stranger = who("a-stranger");
    const heard: string[] = [];
    const subscribe = (by: Person, queue?: string) =>
      waysToRead.map((way) =>
        by.nc.subscribe(`$mq9.AI.${way(box)}`, {
          ...(queue === undefined ? {} : { queue }),
          callback: (error, { subject }) => {
            heard.push(error === null ? subject : error.message);
          },
        }),
      );
    const early = [...subscribe(stranger), ...subscribe(stranger, "q")];
    await stranger.nc.flush();
    await states["latest"]?.(who("a-owner"));
    const late = [...subscribe(stranger), ...subscribe(stranger, "workers")];
    await stranger.nc.flush();
    for (const { subject, body, verb } of questions) {
      if (verb === "send") await who("a-owner").ask(subject(box), body);
    }
    await stranger.nc.flush();
    for (const each of [...early, ...late]) each.unsubscribe();
    await stranger.nc.flush();
    await who("a-owner").tell(`MAILBOX.DROP.${box}`);
    expect(heard).toEqual([]);
  });

  it("a subscription too many is refused, whether there is a mailbox or not", async () => {
    const refusals = async (): Promise<number> => {
      await using client = await connectRaw(server.address.port, {
        user: "a-stranger",
        pass: "a-stranger",
      });
      for (let sid = 0; sid < 70; sid += 1) client.send(`SUB $mq9.AI.MSG.PUSH.${box} ${sid}`);
      client.send("PING");
      let count = 0;
      for (let line = ""; line !== "PONG"; line = await client.readLine()) {
        if (line.startsWith("-ERR")) count += 1;
      }
      return count;
    };
    expect(await refusals()).toBe(6);
    await states["with mail"]?.(who("a-owner"));
    expect(await refusals()).toBe(6);
    await who("a-owner").tell(`MAILBOX.DROP.${box}`);
  });

  it("a name that is taken is told to whoever wants it, and nothing else", async () => {
    await who("a-owner").tell("MAILBOX.CREATE", { name: box, ttl: 60, desc: "secret" });
    for (const body of [
      { name: box, ttl: 5 },
      { name: box, idempotent: true },
      { name: box, public: true, ttl: 5 },
      { name: box, public: true, type: "latest", idempotent: true },
    ]) {
      const answer = await who("a-stranger").tell("MAILBOX.CREATE", body);
      expect(answer).toMatchObject({ reason: "exists" });
      expect(JSON.stringify(answer)).not.toContain("secret");
    }
    expect(await who("a-owner").tell(`MAILBOX.INFO.${box}`)).toMatchObject({
      public: false,
      ttl: 60,
      owner: "a-owner",
    });
    await who("a-owner").tell(`MAILBOX.DROP.${box}`);
  });
});

describe("with a right", () => {
  it("the owner may do everything", async () => {
    await states["with mail"]?.(who("a-owner"));
    for (const { subject, body } of questions) {
      expect(await who("a-owner").ask(subject(box), body)).not.toContain(notThere);
    }
  });

  it.each(verbs)("a user whose rule says %s may do that alone", async (verb) => {
    const user = who(`a-${verb}`);
    for (const question of questions) {
      await states["with mail"]?.(who("a-owner"));
      const answer = await user.ask(question.subject(box), question.body);
      const may = question.verb === verb || question.also?.includes(verb) === true;
      const what = `${verb}: ${question.subject(box)} -> ${answer}`;
      if (may) expect(answer, what).not.toContain(notThere);
      else expect(answer, what).toContain(notThere);
      await who("a-owner").tell(`MAILBOX.DROP.${box}`);
    }
  });
});
