// Users change while their clients are connected: who may stay stays, what is no longer allowed ends,
// and nobody keeps what was taken away. Compared with the real nats-server where that is at hand.
import type { AuthConfig, UserConfig } from "@mq9/auth";
import { connectRaw, findPeer, type RawClient } from "@mq9/testkit";
import { describe, expect, test } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { lineOf, linesOf, ourDoor, theirDoor } from "./doors.ts";

const peer = findPeer("nats-server");

const user = (
  name: string,
  permissions?: UserConfig["permissions"],
  password = "p",
): UserConfig => ({
  user: name,
  password,
  permissions,
});
const worlds = (a: readonly UserConfig[], b: readonly UserConfig[] = []): AuthConfig => ({
  accounts: [
    { name: "A", users: a },
    { name: "B", users: [user("anchor"), ...b] },
  ],
});

const before = worlds([
  user("stays"),
  user("removed"),
  user("changed"),
  user("narrowed"),
  user("widened", { publish: { allow: ["x"] }, subscribe: { deny: ["z.q"] } }),
  user("moved"),
]);
const after = worlds(
  [
    user("stays"),
    user("changed", undefined, "other"),
    user("narrowed", {
      publish: { deny: ["x"] },
      subscribe: { allow: ["a", "c.>"], deny: ["c.no"] },
    }),
    user("widened"),
  ],
  [user("moved")],
);

async function connected(port: number, name: string, ...lines: string[]): Promise<RawClient> {
  const client = await connectRaw(port, { user: name, pass: "p" });
  expect(await linesOf(client, ...lines)).toEqual([]);
  return client;
}

/** What each user's connection is told after the reload, and what it may do then. */
async function lives(door: typeof ourDoor): Promise<Record<string, unknown>> {
  await using server = await door(before);
  const subs = ["SUB a 1", "SUB b q 2", "SUB c.> 3"];
  await using stays = await connected(server.port, "stays", ...subs);
  await using removed = await connected(server.port, "removed", ...subs);
  await using changed = await connected(server.port, "changed", ...subs);
  await using narrowed = await connected(server.port, "narrowed", ...subs);
  await using widened = await connected(server.port, "widened", "SUB z.* 1");
  await server.reload(after);
  const ending = async (client: RawClient) => [await lineOf(client), await lineOf(client)];
  // The real server says nothing to those who are gone.
  expect((await ending(removed)).at(-1)).toBe("closed");
  const told = {
    changed: await ending(changed),
    narrowed: (await linesOf(narrowed)).sort(),
    widened: await linesOf(widened, "PUB y 0\r\n", "SUB z.a 2"),
  };
  const publish = ["a", "b", "c.yes", "c.no", "z.q"].map((subject) => `PUB ${subject} 0\r\n`);
  const own = (await linesOf(stays, ...publish)).filter((line) => line !== "").sort();
  const heard = (await linesOf(narrowed, "PUB x 0\r\n", "SUB b 9")).filter((line) => line !== "");
  return { ...told, own, heard, seen: (await linesOf(widened)).filter((line) => line !== "") };
}

describe("a reload of users", () => {
  test.skipIf(peer.path === undefined)(
    `does what the real server does ${peer.reason}`,
    async () => {
      const theirs = await lives(theirDoor);
      expect(await lives(ourDoor)).toEqual(theirs);
    },
  );

  test("ends connections of users that are gone, changed or elsewhere now", async () => {
    await using server = await ourDoor(before);
    await using moved = await connected(server.port, "moved", "SUB a 1");
    await using stays = await connected(server.port, "stays", "SUB a 1");
    await server.reload(after);
    expect(await lineOf(moved)).toBe("closed"); // and may come again at once
    expect(await linesOf(stays)).toEqual([]);
  });

  test("leaves everything as it is when it can not be used", async () => {
    await using server = await brokerInProcess({ auth: before });
    await using stays = await connected(server.address.port, "stays");
    const twice = { ...before, users: [user("stays")] };
    expect(() => server.broker.reload({ auth: twice })).toThrow(/"stays"/);
    expect(await linesOf(stays, "SUB a 1")).toEqual([]);
    await using removed = await connected(server.address.port, "removed");
    expect(await linesOf(removed)).toEqual([]);
  });

  test("does not open a door to the network", async () => {
    await using server = await brokerInProcess({ host: "0.0.0.0", auth: before });
    for (const auth of [{}, { ...before, noAuthUser: "stays" }]) {
      expect(() => server.broker.reload({ auth })).toThrow(/without authentication/);
    }
    await using client = await connectRaw(server.address.port, {});
    expect(await lineOf(client)).toBe("-ERR 'Authorization Violation'");
  });

  test("asks those who never said who they are, once somebody has to", async () => {
    await using server = await brokerInProcess();
    const { port } = server.address;
    await using silent = await connectRaw(port, null);
    await using listening = await connectRaw(port, null);
    await using known = await connectRaw(port, {});
    expect(await linesOf(known)).toEqual([]);
    expect(await linesOf(listening, "SUB > 1")).toEqual(["+OK"]);
    server.broker.reload({ auth: { token: "t" } });
    expect(await lineOf(listening)).toBe("-ERR 'Authorization Violation'");
    expect(await lineOf(known)).toBe("-ERR 'Authorization Violation'");
    silent.send("PUB a 0", "");
    expect(await lineOf(silent)).toBe("-ERR 'Authorization Violation'");
  });

  test("gives back the mail that a removed user held, for those who stay", async () => {
    const all = { send: [">"], receive: [">"], query: [">"], manage: [">"] };
    const keeps = { ...user("stays"), mailboxes: all };
    const shared = worlds([keeps, { ...user("removed"), mailboxes: all }]);
    await using server = await brokerInProcess({ auth: shared });
    const { port } = server.address;
    await using keeper = await connectRaw(port, { user: "stays", pass: "p", headers: true });
    await using leaver = await connectRaw(port, { user: "removed", pass: "p", headers: true });
    const ask = async (client: RawClient, subject: string, body: unknown) => {
      client.send("SUB r.* 99");
      client.publish(`$mq9.AI.${subject}`, JSON.stringify(body), "r.1");
      const { payload } = await client.readMessage();
      client.send("UNSUB 99");
      return JSON.parse(payload.toString()) as Record<string, unknown>;
    };
    const { mail_address: box } = await ask(keeper, "MAILBOX.CREATE", { name: "desk", ttl: 0 });
    expect(box).toBe("desk");
    await ask(keeper, `MSG.SEND.${String(box)}`, { text: "hello" });
    const fetch = { group_name: "g", deliver: "earliest", config: { num_msgs: 1 } };
    const held = await ask(leaver, `MSG.FETCH.${String(box)}`, fetch);
    expect(held["messages"]).toHaveLength(1);
    server.broker.reload({ auth: worlds([keeps]) });
    await leaver.closed;
    const again = await ask(keeper, `MSG.FETCH.${String(box)}`, fetch);
    expect(again["messages"]).toHaveLength(1);
  });
});
