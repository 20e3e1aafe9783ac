// Rights that are handed out as tokens: what each gives, to whom, and that they end everywhere when they
// end, also for whoever is just being served.
import { headers } from "@nats-io/transport-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";
import { type Person, person, questions, twoAccounts } from "./people.ts";

let server: BrokerInProcess;
let owner: Person;
let box = "";
let count = 0;

const notThere = '"reason":"not_found"';
const stranger = (): Promise<Person> => person(server.address.port, "a-stranger");

beforeAll(async () => {
  const rules = { "a-owner": undefined, "a-stranger": undefined, "b-owner": undefined };
  server = await brokerInProcess({ auth: twoAccounts(rules, "granted") });
  owner = await person(server.address.port, "a-owner");
});

afterAll(async () => {
  await owner.nc.close();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  count += 1;
  box = `shared.box-${count}`;
  await owner.tell("MAILBOX.CREATE", { name: box, ttl: 600 });
  await owner.tell(`MSG.SEND.${box}`, "first");
});

interface Given {
  readonly token: string;
  readonly grant_id: string;
  readonly rights: readonly string[];
  readonly expires_at: number | null;
}

async function give(rights: readonly string[], ttl?: number): Promise<Given> {
  const answer = await owner.tell(`MAILBOX.GRANT.${box}`, { rights, ttl });
  expect(answer).toMatchObject({ error: "" });
  return answer as unknown as Given;
}

function showing(token: string) {
  const shown = headers();
  shown.set("mq9-token", token);
  return shown;
}

describe("a token", () => {
  it("has 128 bits and is nowhere to be read afterwards", async () => {
    const { token, grant_id, rights, expires_at } = await give(["send", "query"], 60);
    expect(token).toMatch(/^mq9t-[0-9a-f]{32}$/);
    expect(rights).toEqual(["send", "query"]);
    expect(expires_at).toBeGreaterThan(0);
    const listed = await owner.ask(`MAILBOX.GRANTS.${box}`);
    expect(JSON.parse(listed)).toMatchObject({
      error: "",
      grants: [{ grant_id, rights, by: "a-owner", expires_at }],
    });
    const shown = showing(token);
    await using other = await stranger();
    expect(await other.tell(`MSG.SEND.${box}`, "mail", shown)).toMatchObject({ error: "" });
    const all = [
      listed,
      await owner.ask(`MAILBOX.INFO.${box}`),
      await owner.ask(`MSG.QUERY.${box}`),
      await owner.ask(`MSG.FETCH.${box}`, { deliver: "earliest" }),
    ].join();
    expect(all).not.toContain(token);
    expect(all).not.toContain("mq9-token");
  });

  it.each(["send", "receive", "query", "manage"])("for %s gives that alone", async (right) => {
    for (const { subject, body, verb, also } of questions) {
      await owner.tell("MAILBOX.CREATE", { name: box, ttl: 600 });
      const { token } = await give([right]);
      await using other = await stranger();
      const answer = await other.ask(subject(box), body, showing(token));
      const may = verb === right || also?.includes(right) === true;
      const what = `${right}: ${subject(box)} -> ${answer}`;
      if (may) expect(answer, what).not.toContain(notThere);
      else expect(answer, what).toContain(notThere);
      await owner.tell(`MAILBOX.DROP.${box}`);
    }
  });

  it("may stand in the body of what pulls", async () => {
    const { token } = await give(["receive", "query"]);
    await using other = await stranger();
    expect(await other.ask(`MSG.FETCH.${box}`, { group_name: "g" })).toContain(notThere);
    const answers = [
      await other.ask(`MSG.FETCH.${box}`, { group_name: "g", deliver: "earliest", token }),
      await other.ask(`MSG.ACK.${box}`, { group_name: "g", msg_id: 0, token }),
      await other.ask(`MSG.QUERY.${box}`, { token }),
    ];
    for (const answer of answers) expect(JSON.parse(answer)).toMatchObject({ error: "" });
    for (const answer of answers) expect(answer).not.toContain("ignored");
  });

  it("of another mailbox, life or account is worth nothing", async () => {
    const { token } = await give(["send", "receive", "query", "manage"]);
    await owner.tell("MAILBOX.CREATE", { name: `${box}.other`, ttl: 60 });
    await using other = await stranger();
    const open = (by: Person, name: string) => by.ask(`MAILBOX.OPEN.${name}`, { token });
    expect(await open(other, `${box}.other`)).toContain(notThere);
    await using foreign = await person(server.address.port, "b-owner");
    expect(await open(foreign, box)).toContain(notThere);
    await using twin = await person(server.address.port, "b-owner");
    await twin.tell("MAILBOX.CREATE", { name: box, ttl: 60 });
    expect(await open(foreign, box)).toContain(notThere);
    expect(await open(other, box)).not.toContain(notThere);
    await owner.tell(`MAILBOX.DROP.${box}`);
    expect(await open(other, box)).toContain(notThere);
    await owner.tell("MAILBOX.CREATE", { name: box, ttl: 60 });
    expect(await open(other, box)).toContain(notThere);
    expect(await other.ask(`MSG.SEND.${box}`, "mail")).toContain(notThere);
  });

  it("is handed out by who manages the mailbox, and by nobody else", async () => {
    const receive = await give(["receive"]);
    const manage = await give(["manage"]);
    await using other = await stranger();
    const body = { rights: ["send"] };
    expect(await other.ask(`MAILBOX.GRANT.${box}`, body, showing(receive.token))).toContain(
      notThere,
    );
    expect(await other.tell(`MAILBOX.GRANT.${box}`, body, showing(manage.token))).toMatchObject({
      by: "a-stranger",
    });
  });

  it.each([
    [{}],
    [{ rights: [] }],
    [{ rights: ["own"] }],
    [{ rights: "send" }],
    [{ rights: ["send"], ttl: -1 }],
  ])("is refused for %j", async (body) => {
    expect(await owner.tell(`MAILBOX.GRANT.${box}`, body)).toMatchObject({ reason: "invalid" });
  });

  it("beyond the limit is refused, and fits again when one was revoked", async () => {
    const given = await Promise.all(Array.from({ length: 64 }, () => give(["send"])));
    const once = { rights: ["send"] };
    expect(await owner.tell(`MAILBOX.GRANT.${box}`, once)).toMatchObject({
      reason: "quota_exceeded",
    });
    const { grant_id } = given[0] as Given;
    const revoke = () => owner.tell(`MAILBOX.REVOKE.${box}`, { grant_id });
    expect(await revoke()).toEqual({ error: "", revoked: true });
    expect(await revoke()).toEqual({ error: "", revoked: false });
    expect(await owner.tell(`MAILBOX.GRANT.${box}`, once)).toMatchObject({ error: "" });
  });
});

describe("a right that ends", () => {
  /** How it ends, and when. */
  const ends: readonly [string, number | undefined, (given: Given) => Promise<unknown>][] = [
    ["revoked", undefined, ({ grant_id }) => owner.tell(`MAILBOX.REVOKE.${box}`, { grant_id })],
    ["over", 1, async () => {}],
  ];

  it.each(ends)("ends pushed mail when it is %s", async (_, ttl, end) => {
    const given = await give(["receive"], ttl);
    await using other = await stranger();
    const heard: string[] = [];
    for (const subject of [`MSG.PUSH.${box}`, `MAILBOX.MSG.${box}.*`, `INBOX.${box}.*`]) {
      other.nc.subscribe(`$mq9.AI.${subject}`, {
        callback: (_e, m) => void heard.push(m.string()),
      });
    }
    await other.nc.flush();
    expect(await other.tell(`MAILBOX.OPEN.${box}`, { token: given.token })).toMatchObject({
      error: "",
      rights: ["receive"],
    });
    await until(async () => (heard.length === 3 ? true : undefined));
    await end(given);
    await until(async () =>
      (await other.ask(`MAILBOX.INFO.${box}`)).includes(notThere) ? true : undefined,
    );
    await owner.tell(`MSG.SEND.${box}`, "secret");
    await other.nc.flush();
    expect(heard).toEqual(["first", "first", "first"]);
  });

  it.each(ends)(
    "ends a FETCH that waits when it is %s, and frees what is out",
    async (_, ttl, end) => {
      const given = await give(["receive"], ttl);
      await using other = await stranger();
      const { token } = given;
      const fetch = { group_name: "g", deliver: "earliest", token };
      const taken = await other.tell(`MSG.FETCH.${box}`, { ...fetch, ack_wait_ms: 600_000 });
      expect(taken["messages"]).toHaveLength(1);
      const config = { max_wait_ms: 4000 };
      const waiting = other.tell(`MSG.FETCH.${box}`, { ...fetch, held: "kept", config });
      const loose = other.tell(`MSG.FETCH.${box}`, { deliver: "latest", token, config });
      await other.nc.flush();
      await end(given);
      const mine = await until(async () => {
        const answer = await owner.tell(`MSG.FETCH.${box}`, { group_name: "g" });
        return (answer["messages"] as readonly unknown[]).length > 0 ? answer : undefined;
      });
      expect(mine["messages"]).toHaveLength(1);
      await owner.tell(`MSG.SEND.${box}`, "secret");
      expect(JSON.stringify([await waiting, await loose])).not.toContain("secret");
    },
  );

  it.each(ends)("ends the work of a queue group when it is %s", async (_, ttl, end) => {
    const given = await give(["receive"], ttl);
    await using other = await stranger();
    const heard: string[] = [];
    const callback = (_e: unknown, m: { string(): string }) => {
      heard.push(m.string());
    };
    other.nc.subscribe(`$mq9.AI.MSG.PUSH.${box}`, { queue: "work", callback });
    other.nc.subscribe(`$mq9.AI.MAILBOX.MSG.${box}.*`, { queue: "old", callback });
    await other.tell(`MAILBOX.OPEN.${box}`, { token: given.token });
    await until(async () => (heard.length === 2 ? true : undefined));
    await end(given);
    const mine: string[] = [];
    const own = (_e: unknown, m: { string(): string }) => {
      mine.push(m.string());
    };
    owner.nc.subscribe(`$mq9.AI.MSG.PUSH.${box}`, { queue: "work", callback: own });
    owner.nc.subscribe(`$mq9.AI.MAILBOX.MSG.${box}.*`, { queue: "old", callback: own });
    await until(async () => (mine.length === 2 ? true : undefined));
    await owner.tell(`MSG.SEND.${box}`, "secret");
    await until(async () => (mine.length === 4 ? true : undefined));
    expect(mine.toSorted()).toEqual(["first", "first", "secret", "secret"]);
    expect(heard).toEqual(["first", "first"]);
  });
});
