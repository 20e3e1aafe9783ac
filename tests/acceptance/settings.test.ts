// What the settings for generation 2 change for its clients: how much may be stored, whether a taken
// name is handed out, how payloads are shown, where `latest` begins.
import { describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { shapedClient } from "./clients/shaped-client.ts";
import { shapes } from "./clients/shapes.ts";
import {
  ackOn,
  agent,
  bodies,
  fetchFrom,
  freshName,
  ids,
  queryAt,
  sendTo,
  trySend,
} from "./support.ts";

describe("limits of what is stored", () => {
  const broker = useBroker({
    args: ["--max-messages-per-mailbox", "3", "--max-mailboxes", "5", "--max-bytes", "4000"],
  });

  it("refuse what is too much by its name, take nothing away, and take more once there is room", async () => {
    let address = "";
    {
      await using me = await agent(broker().url);
      address = await me.create();
      for (const body of ["a", "b", "c"]) await sendTo(me, address, body);
      for (const headers of [{}, { "mq9-delay": "60" }, { "mq9-key": "new" }]) {
        const refused = await trySend(me, address, "d", headers);
        expect(refused).toMatchObject({ code: 429, reason: "quota_exceeded" });
        expect(refused["error"]).toContain(address);
      }
      // A publish of an older generation that asks for an answer hears the same.
      expect(await me.ask(`MAILBOX.MSG.${address}`, "d")).toMatchObject({ code: 429 });
      me.send(`INBOX.${address}.urgent`, "d");
      await me.flush();
      expect(bodies(await queryAt(me, address))).toEqual(["a", "b", "c"]);
    }
    await broker().kill();
    await broker().restart();
    await using me = await agent(broker().url);
    expect(await trySend(me, address, "d")).toMatchObject({ code: 429 });
    expect(ids(await fetchFrom(me, address, { group_name: "g" }))).toEqual([0, 1, 2]);
    await ackOn(me, address, "g", 0);
    await me.ask(`MSG.DELETE.${address}.0`);
    expect(await sendTo(me, address, "d")).toBe(3);
    expect(await me.ask(`MSG.PURGE.${address}`)).toMatchObject({ error: "", purged: 3 });
    for (const body of ["e", "f", "g"]) await sendTo(me, address, body);
    expect(await trySend(me, address, "h")).toMatchObject({ code: 429 });
  });

  it("count mailboxes and bytes of the whole account", async () => {
    await using me = await agent(broker().url);
    const made: string[] = [];
    let refused: Readonly<Record<string, unknown>> = {};
    for (let i = 0; i < 6 && refused["code"] === undefined; i += 1) {
      const reply = await me.ask("MAILBOX.CREATE", { name: freshName("many"), ttl: 60 });
      if (reply["error"] === "") made.push(reply["mail_address"] as string);
      else refused = reply;
    }
    expect(refused).toMatchObject({ code: 429, reason: "quota_exceeded" });
    const [first = "", second = ""] = made;
    await sendTo(me, first, "x".repeat(3_000));
    expect(await trySend(me, second, "x".repeat(3_000))).toMatchObject({ code: 429 });
    expect(await me.ask(`MAILBOX.DROP.${first}`)).toMatchObject({ error: "" });
    expect(await sendTo(me, second, "x".repeat(3_000))).toBe(0);
    const again = await me.ask("MAILBOX.CREATE", { name: freshName("many"), ttl: 60 });
    expect(again).toMatchObject({ error: "" });
  });
});

describe("names, payloads and the newest message", () => {
  const broker = useBroker({
    args: ["--idempotent-create", "--payloads", "utf8", "--latest-shows-newest"],
  });

  it("a taken name is handed out to clients that know nothing of it", async () => {
    const [shape] = shapes;
    if (shape === undefined) throw new Error("no shape");
    await using client = await shapedClient(broker().url, shape);
    const name = freshName("again");
    expect(await client.create({ name, ttl: 60 })).toBe(name);
    await client.send(name, Buffer.from("kept"));
    expect(await client.create({ name, ttl: 60 })).toBe(name);
    await using me = await agent(broker().url);
    expect(bodies(await queryAt(me, name))).toEqual(["kept"]);
  });

  it("payloads are shown as text to everybody", async () => {
    await using me = await agent(broker().url);
    const address = await me.create();
    await sendTo(me, address, "plain");
    for (const shape of shapes) {
      const body = shape.fetchBody({ deliver: "earliest", maxWaitMs: 10 });
      const { messages } = await me.ask(`MSG.FETCH.${address}`, body);
      expect(messages).toMatchObject([{ payload: "plain", payload_encoding: "utf8" }]);
    }
  });

  it("latest takes in the newest message for requests that write every field", async () => {
    await using me = await agent(broker().url);
    const address = await me.create();
    for (const body of ["old", "newest"]) await sendTo(me, address, body);
    const every = {
      group_name: null,
      deliver: "latest",
      from_time: null,
      from_id: null,
      force_deliver: null,
      config: { num_msgs: 10, max_wait_ms: 0 },
    };
    expect(bodies(await fetchFrom(me, address, every))).toEqual(["newest"]);
    expect(await fetchFrom(me, address, { deliver: "latest" })).toEqual([]);
  });
});
