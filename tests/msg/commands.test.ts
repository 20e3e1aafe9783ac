// The requests of generation 2 over a socket, one after the other, as documents describe them.
import { expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";
import { fetchFrom, ids, payloads, queryOf, sendTo } from "./talk.ts";

const broker = useBroker();
const now = { config: { max_wait_ms: 0 } };

it("makes a named mailbox once, and says so the second time", async () => {
  await using a = await agent(broker().url);
  expect(await a.ask("MAILBOX.CREATE", { name: "once.only", ttl: 0 })).toMatchObject({
    error: "",
    mail_address: "once.only",
  });
  expect(await a.ask("MAILBOX.CREATE", { name: "once.only", ttl: 0 })).toEqual({
    error: "mailbox once.only already exists",
    code: 409,
    reason: "exists",
    mail_address: "",
  });
  expect(
    await a.ask("MAILBOX.CREATE", { name: "once.only", ttl: 0, idempotent: true }),
  ).toMatchObject({ error: "", created: false, already_exists: true });
});

it("makes names of letters and digits for whoever speaks generation 2", async () => {
  await using a = await agent(broker().url);
  await a.ask("MSG.QUERY.nobody");
  const { error, mail_address: address } = await a.ask("MAILBOX.CREATE", {});
  expect(error).toBe("");
  expect(address).toMatch(/^[a-z0-9]{20,}$/);
});

it("fetches by priority and settles a batch by its last message", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "batch" });
  expect(await sendTo(a, "batch", "n0")).toEqual({ error: "", msg_id: 0 });
  expect(await sendTo(a, "batch", "c1", { "mq9-priority": "critical" })).toMatchObject({
    msg_id: 1,
  });
  await sendTo(a, "batch", "u2", { "MQ9-PRIORITY": "urgent" });
  await a.ask("MSG.SEND.batch.urgent", "u3");
  const got = await fetchFrom(a, "batch", { group_name: "g", deliver: "earliest" });
  expect(payloads(got)).toEqual(["c1", "u2", "u3", "n0"]);
  expect(got.map((row) => row.priority)).toEqual(["critical", "urgent", "urgent", "normal"]);
  expect(
    await a.ask("MSG.ACK.batch", { group_name: "g", mail_address: "batch", msg_id: 0 }),
  ).toMatchObject({ error: "", acked: expect.arrayContaining([0, 1, 2, 3]) as unknown });
  expect(await fetchFrom(a, "batch", { group_name: "g", ...now })).toEqual([]);
  expect(
    payloads(await fetchFrom(a, "batch", { group_name: "h", deliver: "earliest" })),
  ).toHaveLength(4);
});

it("keeps a failed message of a loop that acknowledges one by one", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "loop" });
  for (const text of ["a", "b", "c"]) await sendTo(a, "loop", text);
  const got = await fetchFrom(a, "loop", { group_name: "g", deliver: "earliest" });
  expect(ids(got)).toEqual([0, 1, 2]);
  for (const msg_id of [0, 2]) {
    await a.ask("MSG.ACK.loop", { group_name: "g", mail_address: "loop", msg_id });
  }
  const again = await fetchFrom(a, "loop", { group_name: "g" });
  expect(again.map(({ msg_id, delivery_count }) => [msg_id, delivery_count])).toEqual([[1, 2]]);
});

it("acknowledges on another connection, twice, and without a group", async () => {
  await using a = await agent(broker().url);
  await using b = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "across" });
  await sendTo(a, "across", "x");
  await fetchFrom(a, "across", { group_name: "g", deliver: "earliest" });
  const body = { group_name: "g", mail_address: "across", msg_id: 0 };
  expect(await b.ask("MSG.ACK.across", body)).toEqual({ error: "", acked: [0] });
  expect(await b.ask("MSG.ACK.across", body)).toEqual({ error: "", acked: [] });
  expect(await b.ask("MSG.ACK.across", { ...body, group_name: "" })).toMatchObject({ error: "" });
  expect(await b.ask("MSG.ACK.across", { ...body, msg_id: 99 })).toMatchObject({
    reason: "not_delivered",
  });
  expect(await b.ask("MSG.ACK.across", { ...body, mail_address: "loop" })).toMatchObject({
    code: 400,
  });
  expect(await b.ask("MSG.ACK.nobody", { group_name: "g", msg_id: 0 })).toMatchObject({
    error: "mailbox not found: nobody",
    code: 404,
  });
});

it("shows libraries base64 and people text", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "shapes" });
  await sendTo(a, "shapes", "hello");
  await sendTo(a, "shapes", Uint8Array.of(0xff, 0));
  const sdk = {
    group_name: "g",
    deliver: "earliest",
    from_time: 0,
    from_id: 0,
    force_deliver: false,
    config: { num_msgs: 10, max_wait_ms: 0 },
  };
  const sdkRows = await fetchFrom(a, "shapes", sdk);
  expect(payloads(sdkRows)).toEqual(["aGVsbG8=", "/wA="]);
  expect(await a.ask("MSG.QUERY.shapes", "{}")).toMatchObject({
    messages: [{ payload_encoding: "base64" }, { payload_encoding: "base64" }],
  });
  const textRows = await fetchFrom(a, "shapes", { group_name: "h", deliver: "earliest" });
  expect(textRows.map((row) => row["payload_encoding"])).toEqual(["utf8", "base64"]);
  // from now on this connection is known to read text
  expect(await a.ask("MSG.QUERY.shapes", "{}")).toMatchObject({
    messages: [{ payload: "hello", payload_encoding: "utf8" }, { payload: "/wA=" }],
  });
});

it("queries by key, tags and time together", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "filters" });
  await sendTo(a, "filters", "old", { "mq9-key": "k" });
  await sendTo(a, "filters", "new", { "mq9-key": "k", "mq9-tags": "red, blue" });
  await sendTo(a, "filters", "red", { "mq9-tags": "red" });
  await sendTo(a, "filters", "plain");
  expect(payloads(await queryOf(a, "filters"))).toEqual(["new", "red", "plain"]);
  expect(payloads(await queryOf(a, "filters", { key: "k" }))).toEqual(["new"]);
  expect(payloads(await queryOf(a, "filters", { tags: ["red"] }))).toEqual(["new", "red"]);
  expect(payloads(await queryOf(a, "filters", { tags: ["red", "blue"] }))).toEqual(["new"]);
  expect(
    payloads(await queryOf(a, "filters", { tags: ["blue", "red"], tags_mode: "any" })),
  ).toEqual(["new", "red"]);
  expect(payloads(await queryOf(a, "filters", { tags: ["green"] }))).toEqual([]);
  expect(payloads(await queryOf(a, "filters", { key: "k", tags: ["green"] }))).toEqual([]);
  expect(payloads(await queryOf(a, "filters", { limit: 2 }))).toEqual(["red", "plain"]);
  expect(payloads(await queryOf(a, "filters", { limit: 1, before_id: 3 }))).toEqual(["red"]);
  expect(payloads(await queryOf(a, "filters", { since: 1 }))).toHaveLength(3);
  expect(payloads(await queryOf(a, "filters", { since: 4_000_000_000 }))).toEqual([]);
  const [row] = await queryOf(a, "filters", { key: "k" });
  expect(row).toMatchObject({ key: "k", tags: ["red", "blue"], header: null, headers: {} });
});

it("deletes a message for everybody, and says when there is none", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "a.1" });
  await sendTo(a, "a.1", "x");
  await sendTo(a, "a.1", "y");
  expect(await a.ask("MSG.DELETE.a.1.0", '""')).toEqual({ error: "", deleted: true });
  expect(await a.ask("MSG.DELETE.a.1.0", "")).toMatchObject({
    error: "message not found",
    deleted: false,
  });
  expect(await a.ask("MSG.DELETE.a.1.x", "{}")).toMatchObject({ error: "invalid msg_id: x" });
  expect(payloads(await queryOf(a, "a.1"))).toEqual(["y"]);
});

it("starts where it is told: time, id, restart", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "starts" });
  for (const text of ["a", "b", "c"]) await sendTo(a, "starts", text);
  const read = async (body: object) => payloads(await fetchFrom(a, "starts", { ...now, ...body }));
  expect(await read({ deliver: "from_id", from_id: 1 })).toEqual(["b", "c"]);
  expect(await read({ deliver: "from_time", from_time: 1 })).toEqual(["a", "b", "c"]);
  expect(await read({ group_name: "g", deliver: "from_id", from_id: 2 })).toEqual(["c"]);
  await a.ask("MSG.ACK.starts", { group_name: "g", msg_id: 2 });
  expect(await read({ group_name: "g", deliver: "earliest" })).toEqual([]);
  expect(await read({ group_name: "g", deliver: "earliest", force_deliver: true })).toHaveLength(3);
  expect(await read({ group_name: "late" })).toEqual([]);
  await sendTo(a, "starts", "d");
  expect(await read({ group_name: "late" })).toEqual(["d"]);
});

it("shows each new message once to a loop without a group", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "tail" });
  await sendTo(a, "tail", "before");
  const read = async (num_msgs = 10) =>
    payloads(await fetchFrom(a, "tail", { config: { num_msgs, max_wait_ms: 0 } }));
  expect(await read()).toEqual([]);
  await sendTo(a, "tail", "n1");
  await sendTo(a, "tail", "n2");
  await sendTo(a, "tail", "c3", { "mq9-priority": "critical" });
  expect(await read(1)).toEqual(["c3"]);
  expect(await read(1)).toEqual(["n1"]);
  await sendTo(a, "tail", "n4");
  expect(await read()).toEqual(["n2", "n4"]);
  expect(await read()).toEqual([]);
  const waiting = fetchFrom(a, "tail", { config: { max_wait_ms: 9000 } });
  await sendTo(a, "tail", "n5");
  expect(payloads(await waiting)).toEqual(["n5"]);
  expect(await read()).toEqual([]);
});

it("says which mailbox is not there, and leaves the fields of the answer empty", async () => {
  await using a = await agent(broker().url);
  const missing = { error: "mailbox nobody does not exist", code: 404, reason: "not_found" };
  expect(await a.ask("MSG.SEND.nobody", "x")).toEqual(missing);
  expect(await a.ask("MSG.FETCH.nobody", {})).toEqual({ ...missing, messages: [] });
  expect(await a.ask("MSG.QUERY.nobody", "")).toEqual({ ...missing, messages: [] });
  expect(await a.ask("MSG.DELETE.nobody.1", "")).toEqual({ ...missing, deleted: false });
  expect(await a.ask("MAILBOX.INFO.nobody", "")).toEqual({ ...missing, mail_address: "" });
  expect(await a.ask("MSG.FETCH.a..b", {})).toMatchObject({ code: 400, messages: [] });
  expect(await a.ask("MSG.SEND.$SYSTEM.PUBLIC", "x")).toMatchObject({ code: 403 });
});

it("reads the directory, and writes nothing to it", async () => {
  await using a = await agent(broker().url);
  const read = () => fetchFrom(a, "$SYSTEM.PUBLIC", now);
  expect(await read()).toEqual([]);
  await a.ask("MAILBOX.CREATE", { ttl: 60, public: true, name: "listed" });
  const [row] = await read();
  expect(JSON.parse(row?.payload ?? "")).toMatchObject({ mail_address: "listed", public: true });
  expect(await read()).toEqual([]);
  for (const subject of ["MSG.SEND.$SYSTEM.PUBLIC", "MSG.PURGE.$SYSTEM.PUBLIC"]) {
    expect(await a.ask(subject, {})).toMatchObject({ reason: "forbidden" });
  }
  expect(await a.ask("MSG.DELETE.$SYSTEM.PUBLIC.0", {})).toMatchObject({ deleted: false });
  expect(await a.ask("MAILBOX.DROP.$SYSTEM.PUBLIC", {})).toMatchObject({ reason: "forbidden" });
});

it("tells about mailboxes, renews, empties and drops them", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "life", ttl: 600 });
  await sendTo(a, "life", "12345");
  await sendTo(a, "life", "12345");
  await fetchFrom(a, "life", { group_name: "g", deliver: "earliest", config: { num_msgs: 1 } });
  expect(await a.ask("MAILBOX.INFO.life", "")).toMatchObject({
    error: "",
    mail_address: "life",
    ttl: 600,
    messages: 2,
    bytes: 10,
    next_id: 2,
    groups: [{ group_name: "g", leased: 1, max_deliver: 20 }],
  });
  expect(await a.ask("MAILBOX.RENEW.life", { ttl: 0 })).toMatchObject({
    error: "",
    ttl: 0,
    expires_at: null,
  });
  expect(await a.ask("MSG.RECEIPT.life.0", "")).toMatchObject({
    state: "stored",
    groups: [{ group_name: "g", state: "leased", delivery_count: 1 }],
  });
  expect(await a.ask("MSG.PURGE.life", { before_id: 1 })).toEqual({ error: "", purged: 1 });
  expect(await a.ask("MSG.PURGE.life", {})).toEqual({ error: "", purged: 1 });
  expect(await a.ask("MAILBOX.LIST", { after: "lif", limit: 1 })).toMatchObject({
    mailboxes: [{ mail_address: "life" }],
  });
  expect(await a.ask("MAILBOX.DROP.life", "")).toEqual({ error: "", dropped: true });
  expect(await a.ask("MAILBOX.DROP.life", "")).toMatchObject({ code: 404, dropped: false });
});

it("shows large messages whole, as many as a reply holds, and says that there are more", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "large" });
  const whole = new Uint8Array(1_048_576 - 64).map((_, i) => i * 31);
  await sendTo(a, "large", whole);
  for (let i = 0; i < 3; i += 1) await sendTo(a, "large", whole.subarray(0, 300_000));
  const body = { group_name: "g", deliver: "earliest", encoding: "base64", held: "kept" };
  const first = await a.ask("MSG.FETCH.large", body);
  expect(first["more"]).toBe(true);
  const rows = first["messages"] as { payload: string }[];
  expect(rows).toHaveLength(1);
  expect(Buffer.from(rows[0]?.payload ?? "", "base64").equals(whole)).toBe(true);
  expect(ids(await fetchFrom(a, "large", body))).toEqual([1, 2]);
  expect(ids(await fetchFrom(a, "large", { ...body, bytes: 1000 }))).toEqual([3]);
  const newest = await a.ask("MSG.QUERY.large", { encoding: "base64" });
  expect(newest["more"]).toBe(true);
  const shown = ids(newest["messages"] as never);
  expect(shown).toEqual([2, 3]);
  expect(ids(await queryOf(a, "large", { before_id: 1 }))).toEqual([0]);
});
