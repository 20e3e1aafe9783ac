// What accounts, kinds of mailboxes and the broker's own subjects allow beside rules and tokens, and
// what nobody gets to by detours.
import { connectRaw } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";
import { type Person, person, twoAccounts } from "./people.ts";

const notThere = '"reason":"not_found"';
const rules = {
  "a-owner": undefined,
  "a-other": undefined,
  "a-narrow": { manage: ["own.narrow.>"] },
  "a-receiver": { receive: [">"] },
  "b-owner": undefined,
};

let server: BrokerInProcess;
let owner: Person;
let other: Person;

const enter = (user: string): Promise<Person> => person(server.address.port, user);
const rawAs = (user: string, port = server.address.port) => connectRaw(port, { user, pass: user });

beforeAll(async () => {
  server = await brokerInProcess({ auth: twoAccounts(rules, "granted") });
  owner = await enter("a-owner");
  other = await enter("a-other");
});

afterAll(async () => {
  await owner.nc.close();
  await other.nc.close();
  await server[Symbol.asyncDispose]();
});

describe("sending", () => {
  it("by name is for everybody where the account says so", async () => {
    await using open = await brokerInProcess({ auth: twoAccounts(rules, "anyone") });
    await using mine = await person(open.address.port, "a-owner");
    await using theirs = await person(open.address.port, "a-other");
    await mine.tell("MAILBOX.CREATE", { name: "desk", ttl: 60 });
    expect(await theirs.tell("MSG.SEND.desk", "mail")).toMatchObject({ error: "" });
    expect(await theirs.ask("MSG.QUERY.desk")).toContain(notThere);
    expect(await theirs.ask("MSG.SEND.nobody", "mail")).toContain(notThere);
  });

  it("to a generated address is for whoever knows it, in its account", async () => {
    const { mail_address: address } = await owner.tell("MAILBOX.CREATE", { ttl: 60 });
    expect(await other.tell(`MSG.SEND.${String(address)}`, "mail")).toMatchObject({ error: "" });
    expect(await other.ask(`MSG.FETCH.${String(address)}`, { deliver: "earliest" })).toContain(
      notThere,
    );
    await using foreign = await enter("b-owner");
    expect(await foreign.ask(`MSG.SEND.${String(address)}`, "mail")).toContain(notThere);
  });
});

describe("a public mailbox", () => {
  it("is read by everybody of its account, and managed by its owner alone", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "notice", ttl: 600, public: true });
    await owner.tell("MSG.SEND.notice", "read me");
    const fetch = { deliver: "earliest", group_name: "mine" };
    expect(await other.ask("MSG.FETCH.notice", fetch)).toContain("read me");
    expect(await other.tell("MSG.ACK.notice", { group_name: "mine", msg_id: 0 })).toMatchObject({
      acked: [0],
    });
    for (const request of ["MSG.DELETE.notice.0", "MSG.PURGE.notice", "MAILBOX.DROP.notice"]) {
      expect(await other.ask(request), request).toContain(notThere);
    }
    expect(await other.ask("MSG.SEND.notice", "graffiti")).toContain(notThere);
    const restart = { ...fetch, force_deliver: true };
    expect(await other.tell("MSG.FETCH.notice", restart)).toMatchObject({ reason: "forbidden" });
    await using foreign = await enter("b-owner");
    expect(await foreign.ask("MSG.FETCH.notice", fetch)).toContain(notThere);
  });

  it("is in the directory, which everybody reads and nobody writes", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "listed", ttl: 600, public: true });
    expect(await other.ask("MSG.QUERY.$SYSTEM.PUBLIC", { key: "listed" })).toContain('"listed"');
    for (const request of ["MSG.PURGE", "MAILBOX.DROP", "MSG.SEND"]) {
      const answer = await owner.tell(`${request}.$SYSTEM.PUBLIC`, "");
      expect(answer).toMatchObject({ reason: "forbidden" });
    }
    expect(await other.tell("MAILBOX.GRANT.$SYSTEM.PUBLIC", { rights: ["send"] })).toMatchObject({
      reason: "forbidden",
    });
  });
});

describe("a list of mailboxes", () => {
  it("shows everybody his own and what he may see", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "z.private", ttl: 60 });
    await other.tell("MAILBOX.CREATE", { name: "z.mine", ttl: 60 });
    await owner.tell("MAILBOX.CREATE", { name: "z.public", ttl: 60, public: true });
    const names = async (by: Person): Promise<string[]> => {
      const { mailboxes } = await by.tell("MAILBOX.LIST", { after: "z" });
      return (mailboxes as readonly { mail_id: string }[]).map(({ mail_id }) => mail_id);
    };
    expect(await names(other)).toEqual(["z.mine", "z.public"]);
    expect(await names(owner)).toEqual(["z.private", "z.public"]);
    await using receiver = await enter("a-receiver");
    expect(await names(receiver)).toEqual(["z.mine", "z.private", "z.public"]);
  });
});

describe("names", () => {
  it("beyond what a user may create are refused, taken or not", async () => {
    await using narrow = await enter("a-narrow");
    await owner.tell("MAILBOX.CREATE", { name: "own.wide", ttl: 60 });
    const taken = await narrow.ask("MAILBOX.CREATE", { name: "own.wide", ttl: 60 });
    await owner.tell("MAILBOX.DROP.own.wide");
    expect(await narrow.ask("MAILBOX.CREATE", { name: "own.wide", ttl: 60 })).toBe(taken);
    expect(JSON.parse(taken)).toMatchObject({ reason: "forbidden" });
    expect(await narrow.tell("MAILBOX.CREATE", { name: "own.narrow.1", ttl: 60 })).toMatchObject({
      error: "",
    });
    expect(await narrow.ask("MAILBOX.CREATE", { ttl: 60 })).toContain('"mail_id"');
  });
});

describe("dead letters", () => {
  it("belong to who manages the mailbox they come from", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "work", ttl: 600 });
    await owner.tell("MSG.SEND.work", "poison");
    await owner.tell("MSG.FETCH.work", { group_name: "g", deliver: "earliest" });
    await owner.tell("MSG.NACK.work", { group_name: "g", msg_id: 0, poison: true });
    expect(await owner.ask("MSG.QUERY.work.dlq")).toContain("poison");
    await using receiver = await enter("a-receiver");
    for (const by of [other, receiver]) {
      expect(await by.ask("MSG.FETCH.work.dlq", { deliver: "earliest" })).toContain(notThere);
      expect(await by.ask("MSG.REDRIVE.work")).toContain(notThere);
    }
  });

  it("never go to a stranger who has the name", async () => {
    const create = (name: string) => other.tell("MAILBOX.CREATE", { name, ttl: 60 });
    expect(await create("unmade.dlq")).toMatchObject({ reason: "exists" });
    await owner.tell("MAILBOX.CREATE", { name: "job", ttl: 600 });
    expect(await create("job.dlq")).toMatchObject({ reason: "exists" });
    await owner.tell("MSG.SEND.job", "secret");
    await owner.tell("MSG.FETCH.job", { group_name: "g", deliver: "earliest" });
    await owner.tell("MSG.NACK.job", { group_name: "g", msg_id: 0, poison: true });
    await owner.tell("MAILBOX.DROP.job");
    // Who takes the name anew must not get what is left under the other one.
    expect(await create("job")).toMatchObject({ reason: "exists" });
    expect(await other.ask("MSG.REDRIVE.job")).toContain(notThere);
  });
});

describe("what passes by", () => {
  it("is watched by operators alone, whatever the server allows", async () => {
    await using tapped = await brokerInProcess({ auth: twoAccounts(rules), tap: true });
    for (const subject of ["$mq9.AI.>", "$mq9.AI.#"]) {
      await using client = await rawAs("a-owner", tapped.address.port);
      client.send(`SUB ${subject} 1`);
      await client.expect(/^-ERR 'Permissions Violation for Subscription to/);
    }
    await using operator = await rawAs("operator", tapped.address.port);
    operator.send("SUB $mq9.AI.> 1");
    expect(await operator.flush()).toEqual([]);
  });

  it("is no mail, whatever pattern asks for it", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "seen.by.none", ttl: 60 });
    await using client = await rawAs("a-other");
    const patterns = [">", "*.>", "*.*.>", "$mq9.>", "*.AI.>", "$mq9.*.MSG.>", "*.*.MSG.SEND.>"];
    patterns.push("$mq9.AI.*.seen.by.none", "$mq9.AI.MSG.*.seen.by.none", "$mq9.AI.MAILBOX.*.>");
    patterns.forEach((pattern, sid) => client.send(`SUB ${pattern} ${sid}`));
    client.send("PING");
    for (let line = ""; line !== "PONG"; ) line = await client.readLine();
    await owner.tell("MSG.SEND.seen.by.none", "secret");
    await owner.tell("MAILBOX.MSG.seen.by.none", "secret");
    const subjects = (await client.flush()).map(({ subject }) => subject);
    expect(subjects.filter((subject) => !subject.startsWith("_INBOX."))).toEqual([]);
  });
});

describe("an answer", () => {
  it("never becomes a send or reaches a server's subject", async () => {
    await owner.tell("MAILBOX.CREATE", { name: "victim", ttl: 60 });
    await owner.tell("MAILBOX.CREATE", { name: "source", ttl: 60 });
    await using watcher = await rawAs("a-owner");
    watcher.send("SUB $SYS.> 1", "SUB $anything.> 2", "PING");
    for (let line = ""; line !== "PONG"; ) line = await watcher.readLine();
    await using client = await rawAs("a-owner");
    const replies = ["$mq9.AI.MSG.SEND.victim", "$SYS.x", "$anything.x", "$mq9.AI.INBOX.victim"];
    for (const reply of replies) {
      client.publish("$mq9.AI.MSG.SEND.source", "mail", reply);
      client.publish("$mq9.AI.MAILBOX.INFO.source", "", reply);
      client.publish("$mq9.AI.MSG.FETCH.source", '{"deliver":"earliest"}', reply);
    }
    client.send("PING");
    for (let line = ""; line !== "PONG"; ) line = await client.readLine();
    expect(await owner.tell("MAILBOX.INFO.victim")).toMatchObject({ next_id: 0 });
    watcher.send("PING");
    expect(await watcher.readLine()).toBe("PONG");
  });

  it("goes where its asker may speak, or to his own ears alone", async () => {
    const permissions = {
      publish: { allow: ["$mq9.AI.>"] },
      subscribe: { allow: ["_INBOX.mine.>", "orders.>"] },
    };
    const auth = {
      sharedInboxes: true,
      accounts: [
        {
          name: "a",
          users: [
            { user: "narrow", password: "narrow", permissions },
            { user: "wide", password: "wide" },
          ],
        },
      ],
    };
    await using shop = await brokerInProcess({ auth });
    await using narrow = await rawAs("narrow", shop.address.port);
    await using wide = await rawAs("wide", shop.address.port);
    wide.send("SUB orders.paid 1", "SUB _INBOX.> 2");
    await wide.flush();
    narrow.send("SUB _INBOX.mine.* 1", "UNSUB 1 2");
    narrow.publish("$mq9.AI.MAILBOX.LIST", "", "orders.paid");
    narrow.publish("$mq9.AI.MAILBOX.LIST", "", "_INBOX.mine.1");
    const heard = await narrow.flush();
    await until(async () => (heard.push(...(await narrow.flush())) > 0 ? true : undefined));
    expect(heard.map(({ subject }) => subject)).toEqual(["_INBOX.mine.1"]);
    expect(await wide.flush()).toEqual([]);
  });
});

describe("rules that change", () => {
  it("end what they allowed and begin what they allow, without a break for others", async () => {
    await using shop = await brokerInProcess({
      auth: twoAccounts({ "a-owner": undefined, "a-worker": { receive: ["shop"] } }),
    });
    await using keeper = await person(shop.address.port, "a-owner");
    await using worker = await person(shop.address.port, "a-worker");
    await keeper.tell("MAILBOX.CREATE", { name: "shop", ttl: 60 });
    await keeper.tell("MAILBOX.CREATE", { name: "depot", ttl: 60 });
    const heard: string[] = [];
    for (const name of ["shop", "depot"]) {
      const callback = (_e: unknown, m: { string(): string }) => {
        heard.push(m.string());
      };
      worker.nc.subscribe(`$mq9.AI.MSG.PUSH.${name}`, { callback });
    }
    await worker.nc.flush();
    const send = (text: string) =>
      Promise.all(
        ["shop", "depot"].map((name) => keeper.tell(`MSG.SEND.${name}`, `${name} ${text}`)),
      );
    await send("1");
    await until(async () => (heard.length === 1 ? true : undefined));
    shop.broker.reload({
      auth: twoAccounts({ "a-owner": undefined, "a-worker": { receive: ["depot"] } }),
    });
    await send("2");
    await until(async () => (heard.length === 3 ? true : undefined));
    await worker.nc.flush();
    expect(heard).toEqual(["shop 1", "depot 1", "depot 2"]);
  });
});

describe("a mailbox from before there were users", () => {
  it("is managed by rules alone, and belongs to nobody who finds it", async () => {
    await using shop = await brokerInProcess();
    await using nobody = await person(shop.address.port, "");
    await nobody.tell("MAILBOX.CREATE", { name: "old", ttl: 60 });
    shop.broker.reload({ auth: twoAccounts({ "a-owner": undefined }) });
    const users = [
      { user: "finder", password: "finder" },
      { user: "keeper", password: "keeper", mailboxes: { manage: ["old"] } },
    ];
    shop.broker.reload({ auth: { users } });
    await using finder = await person(shop.address.port, "finder");
    await using keeper = await person(shop.address.port, "keeper");
    expect(await finder.tell("MSG.SEND.old", "mail")).toMatchObject({ error: "" });
    for (const request of ["MSG.QUERY.old", "MAILBOX.DROP.old", "MAILBOX.INFO.old"]) {
      expect(await finder.ask(request)).toContain(notThere);
    }
    expect(await keeper.tell("MAILBOX.INFO.old")).toMatchObject({ error: "", messages: 1 });
    expect(await keeper.tell("MAILBOX.DROP.old")).toMatchObject({ dropped: true });
  });
});
