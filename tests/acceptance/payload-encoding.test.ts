// How FETCH and QUERY of generation 2 show payloads: as text to whoever writes requests by hand or
// encodes every field, as base64 to the published clients, told apart by the request alone.
import { beforeAll, describe, expect, it } from "vitest";
import { type Agent, agent, type Reply } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";
import { shapes } from "./clients/shapes.ts";
import { everyByte, queryAt, sendTo } from "./support.ts";

const text = '{"task":"grüße","n":1}';
const encoded = Buffer.from(text).toString("base64");

/** Bodies that are no published client's: documents, other programs, encoders that write nulls. */
const textual: Readonly<Record<string, unknown>> = {
  "an empty body": "",
  "an empty object": { deliver: "earliest" },
  "a document's example": { group_name: "g1", deliver: "earliest" },
  "a document's example with a limit": { deliver: "earliest", config: { num_msgs: 10 } },
  "a plugin that sends null for what it does not force": {
    group_name: "g2",
    deliver: "earliest",
    force_deliver: null,
    config: { num_msgs: 10, max_wait_ms: 100 },
  },
  "an encoder that writes every field": {
    group_name: null,
    deliver: "earliest",
    from_time: null,
    from_id: null,
    force_deliver: null,
    config: { num_msgs: 10, max_wait_ms: 100 },
  },
};

describe("payloads in FETCH and QUERY", () => {
  const broker = useBroker();
  let address = "";
  let latest = "";
  beforeAll(async () => {
    await using me = await agent(broker().url);
    address = await me.create();
    latest = await me.create();
    await sendTo(me, address, text);
    await sendTo(me, address, everyByte);
  });

  const payloads = (reply: Reply) =>
    (reply["messages"] as { payload: string; payload_encoding: string }[]).map(
      ({ payload, payload_encoding }) => [payload, payload_encoding],
    );
  const binary = [Buffer.from(everyByte).toString("base64"), "base64"];

  it.each(Object.entries(textual).slice(1))("%s gets readable text", async (_, body) => {
    await using me = await agent(broker().url);
    const reply = await me.ask(`MSG.FETCH.${address}`, body);
    expect(payloads(reply)).toEqual([[text, "utf8"], binary]);
  });

  it("an empty body is an empty request", async () => {
    await using me = await agent(broker().url);
    const fetched = me.ask(`MSG.FETCH.${latest}`, "");
    expect(await fetched).toMatchObject({ error: "", messages: [] });
  });

  it.each(shapes.map((shape) => [shape.language, shape] as const))(
    "the %s client gets base64",
    async (_, shape) => {
      await using me = await agent(broker().url);
      for (const options of [{}, { groupName: `of ${shape.language}` }, { fromId: 0 }]) {
        const body = shape.fetchBody({ deliver: "earliest", maxWaitMs: 10, ...options });
        expect(payloads(await me.ask(`MSG.FETCH.${address}`, body))).toEqual([
          [encoded, "base64"],
          binary,
        ]);
      }
      const queried = await me.ask(`MSG.QUERY.${address}`, shape.queryBody({ limit: 10 }));
      expect(payloads(queried)).toEqual([[encoded, "base64"], binary]);
    },
  );

  it("whoever says which encoding it wants gets that one", async () => {
    await using me = await agent(broker().url);
    const ask = async (me2: Agent, subject: string, encoding: string) =>
      payloads(await me2.ask(subject, { deliver: "earliest", encoding }))[0];
    for (const subject of [`MSG.FETCH.${address}`, `MSG.QUERY.${address}`]) {
      expect(await ask(me, subject, "base64")).toEqual([encoded, "base64"]);
      expect(await ask(me, subject, "utf8")).toEqual([text, "utf8"]);
    }
  });

  it("a query written by hand shows text, and so does any after a fetch by hand", async () => {
    await using me = await agent(broker().url);
    const first = async (body: unknown) => (await queryAt(me, address, body))[0]?.payload;
    expect(await first({})).toBe(encoded);
    expect(await first("")).toBe(text);
    expect(await first({ key: null, limit: 10 })).toBe(text);
    expect(await queryAt(me, address, { tags: ["none has it"] })).toEqual([]);
    await me.ask(`MSG.FETCH.${address}`, { deliver: "earliest" });
    expect(await first({})).toBe(text);
    await using cli = await agent(broker().url, "NATS CLI Version 0.3.0");
    expect((await queryAt(cli, address, {}))[0]?.payload).toBe(text);
  });
});
