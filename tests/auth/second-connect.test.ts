// A connection asks as one user and becomes another before it is answered: what the first one asked
// for is never said to the second, whose account the same subject may be somebody else's inbox in.
import type { AuthConfig } from "@mq9/auth";
import { connectRaw, type RawClient } from "@mq9/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";

const auth: AuthConfig = {
  accounts: [
    { name: "A", users: [{ user: "ann", password: "ann" }] },
    { name: "B", users: [{ user: "bob", password: "bob" }] },
    { name: "SYS", users: [{ user: "ops", password: "ops" }] },
  ],
  systemAccount: "SYS",
};
const as = (user: string): string =>
  `CONNECT ${JSON.stringify({ user, pass: user, verbose: false, pedantic: false, headers: true })}`;
const publish = (subject: string, body: string): string[] => [
  `PUB ${subject} _INBOX.1 ${Buffer.byteLength(body)}`,
  body,
];

const fetch = (mailbox: string, waitMs: number): string[] =>
  publish(`$mq9.AI.MSG.FETCH.${mailbox}`, JSON.stringify({ group_name: "g", max_wait_ms: waitMs }));

let broker: BrokerInProcess;
beforeAll(async () => {
  broker = await brokerInProcess({ auth });
});
afterAll(() => broker[Symbol.asyncDispose]());

describe("a second CONNECT, while a request is under way", () => {
  let listener: RawClient;
  let boxes = 0;
  let box = "";
  let empty = "";

  beforeEach(async () => {
    box = `box-${++boxes}`;
    empty = `empty-${boxes}`;
    listener = await connectRaw(broker.address.port, { user: "bob", pass: "bob" });
    listener.send("SUB _INBOX.1 1");
    await listener.flush();
    await using ann = await connectRaw(broker.address.port, { user: "ann", pass: "ann" });
    ann.send("SUB _INBOX.1 1");
    for (const name of [box, empty]) {
      ann.send(...publish("$mq9.AI.MAILBOX.CREATE", JSON.stringify({ name })));
      await ann.readMessage();
    }
    ann.send(...publish(`$mq9.AI.MSG.SEND.${box}`, "the mail of ann"));
    await ann.readMessage();
    return () => listener.close();
  });

  it.each([
    ["QUERY", () => publish(`$mq9.AI.MSG.QUERY.${box}`, "{}")],
    ["FETCH", () => fetch(box, 0)],
    ["FETCH that waits", () => fetch(empty, 60_000)],
    ["SEND", () => publish(`$mq9.AI.MSG.SEND.${box}`, "more")],
    ["SEND to nobody", () => publish("$mq9.AI.MSG.SEND.nowhere", "more")],
    ["a question about itself", () => publish("$SYS.REQ.USER.INFO", "")],
    ["a question about connections", () => publish("$SYS.REQ.ACCOUNT.PING.CONNZ", "")],
  ])("%s is not answered to another user", async (_what, lines) => {
    await using ann = await connectRaw(broker.address.port, { user: "ann", pass: "ann" });
    ann.send("SUB _INBOX.1 1", ...lines(), as("bob"), "SUB _INBOX.1 2");
    const heard = await ann.flush();
    ann.send(...publish("$mq9.AI.MSG.QUERY.none", "{}")); // what was under way is done by then
    heard.push(await ann.readMessage(), ...(await ann.flush()));
    const expected = [expect.stringContaining("not_found")];
    expect(heard.map(({ payload }) => payload.toString())).toEqual(expected);
    const elsewhere = await listener.flush();
    expect(elsewhere.map(({ payload }) => payload.toString())).toEqual(expected);
  });

  it("gives the same user an empty FETCH, and nothing about operators", async () => {
    await using ann = await connectRaw(broker.address.port, { user: "ann", pass: "ann" });
    ann.send("SUB _INBOX.1 1", ...fetch(empty, 60_000));
    await ann.flush();
    ann.send(as("ann"), "SUB _INBOX.1 2");
    expect(JSON.parse((await ann.readMessage()).payload.toString())).toMatchObject({
      error: "",
      messages: [],
    });
  });
});
