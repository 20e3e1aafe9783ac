// Holds the replies of a running broker against the command table: every field that comes is in it, and every
// field that it promises comes. One story that asks each request at least once.
import { commandPrefix, commands } from "@mq9/protocol/commands";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBroker } from "../support/use-broker.ts";

type Json = Readonly<Record<string, unknown>>;

interface Step {
  /** Name in the table. */
  readonly name: string;
  /** Instead of the subject of the table with its places filled: what follows the prefix. */
  readonly subject?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const group = { group_name: "workers" };
const fetchAll = { ...group, deliver: "earliest", held: "kept" };

const story: readonly Step[] = [
  { name: "create", body: { name: "box", ttl: 3600, public: true, desc: "for tests" } },
  { name: "create", body: { name: "box", idempotent: true } },
  { name: "create", body: { type: "standard", ttl: 60 } },
  { name: "create", body: { type: "standard", subject: "$mq9.AI.BROADCAST.build.done" } },
  { name: "send", subject: "MSG.SEND.box", body: "zero", headers: { "mq9-dedup-id": "a" } },
  { name: "send", subject: "MSG.SEND.box", body: "zero", headers: { "mq9-dedup-id": "a" } },
  { name: "send-mailbox", subject: "MAILBOX.MSG.box.urgent", body: "one" },
  { name: "send-inbox", subject: "INBOX.box.normal", body: "two" },
  { name: "send-direct", subject: "MAILBOX.box.high", body: "three" },
  { name: "send", subject: "MSG.SEND.box", body: "later", headers: { "mq9-delay": "600" } },
  { name: "info", subject: "MAILBOX.INFO.box" },
  { name: "renew", subject: "MAILBOX.RENEW.box", body: { ttl: 600 } },
  { name: "mailboxes", body: { limit: 1 } },
  { name: "grant", subject: "MAILBOX.GRANT.box", body: { rights: ["send"], ttl: 60 } },
  { name: "grants", subject: "MAILBOX.GRANTS.box" },
  { name: "revoke", subject: "MAILBOX.REVOKE.box", body: { grant_id: "none" } },
  { name: "fetch", subject: "MSG.FETCH.box", body: { ...fetchAll, config: { num_msgs: 3 } } },
  { name: "extend", subject: "MSG.EXTEND.box", body: { ...group, msg_id: 1 } },
  { name: "ack", subject: "MSG.ACK.box", body: { ...group, msg_id: 1, ack_mode: "one" } },
  { name: "nack", subject: "MSG.NACK.box", body: { ...group, msg_id: 3, poison: true } },
  { name: "settle", subject: "MSG.ACK.box.=workers.0.1", body: "+WPI" },
  { name: "settle", subject: "MSG.ACK.box.=workers.0.1", body: "+ACK" },
  { name: "query", subject: "MAILBOX.QUERY.box", body: { limit: 1 } },
  { name: "list", subject: "MAILBOX.LIST.box", body: { limit: 1, payload: true } },
  { name: "search", subject: "MSG.QUERY.box", body: { limit: 1 } },
  { name: "receipt", subject: "MSG.RECEIPT.box.1" },
  { name: "redrive", subject: "MSG.REDRIVE.box" },
  { name: "scheduled", subject: "MSG.SCHEDULED.box" },
  { name: "cancel", subject: "MSG.CANCEL.box.<scheduled_id>" },
  { name: "remove", subject: "MAILBOX.DELETE.box.0" },
  { name: "discard", subject: "MSG.DELETE.box.1" },
  { name: "purge", subject: "MSG.PURGE.box" },
  { name: "register", body: { name: "clerk", mailbox: "box", payload: "checks invoices" } },
  { name: "report", body: { name: "clerk" } },
  { name: "discover", body: { text: "invoices" } },
  { name: "discover", body: { semantic: "invoices" } },
  { name: "unregister", body: { name: "clerk" } },
  { name: "drop", subject: "MAILBOX.DROP.box" },
];

/** Asks for what only other rights or tokens give. */
const notTold: ReadonlySet<string> = new Set(["open"]);

describe("replies", () => {
  const broker = useBroker();
  let connection: NatsConnection;

  beforeAll(async () => {
    connection = await connect({ servers: broker().url });
  });
  afterAll(async () => {
    await connection.close();
  });

  async function ask(step: Step): Promise<Json> {
    const entry = commands.find(({ name }) => name === step.name);
    const lines = headers();
    for (const [name, value] of Object.entries(step.headers ?? {})) lines.set(name, value);
    const { body = "" } = step;
    const reply = await connection.request(
      commandPrefix + (step.subject ?? entry?.subject ?? ""),
      typeof body === "string" ? body : JSON.stringify(body),
      { headers: lines, timeout: 10_000 },
    );
    return reply.json();
  }

  test("have the fields of the table, and no other", async () => {
    const seen = new Set<string>();
    let scheduledId = "";
    for (const step of story) {
      const entry = commands.find(({ name }) => name === step.name);
      const subject = step.subject?.replace("<scheduled_id>", scheduledId);
      const reply = await ask(subject === undefined ? step : { ...step, subject });
      if (typeof reply["scheduled_id"] === "number") scheduledId = `${reply["scheduled_id"]}`;
      const told = `${step.name}: ${JSON.stringify(reply)}`;
      expect(reply["error"] ?? "", told).toBe("");
      const fields = entry?.reply ?? [];
      const known = new Set(fields.map(({ name }) => name));
      expect(
        Object.keys(reply).filter((name) => !known.has(name)),
        told,
      ).toEqual([]);
      const promised = fields.filter(({ optional }) => !optional).map(({ name }) => name);
      expect(
        promised.filter((name) => !Object.hasOwn(reply, name)),
        told,
      ).toEqual([]);
      seen.add(step.name);
    }
    const asked = commands.filter(({ reply, name }) => reply !== undefined && !notTold.has(name));
    expect(asked.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });

  test("of a token that is shown are those of the table", async () => {
    await connection.request(`${commandPrefix}MAILBOX.CREATE`, '{"name":"shared"}');
    const granted = await ask({
      name: "grant",
      subject: "MAILBOX.GRANT.shared",
      body: { rights: ["query"] },
    });
    const opened = await ask({
      name: "open",
      subject: "MAILBOX.OPEN.shared",
      body: { token: granted["token"] },
    });
    const table = commands.find(({ name }) => name === "open")?.reply ?? [];
    expect(Object.keys(opened).toSorted()).toEqual(table.map(({ name }) => name).toSorted());
  });
});
