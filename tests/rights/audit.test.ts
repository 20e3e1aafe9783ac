// Who wanted what he may not is in the audit, although he heard that there is nothing.
import { type AuditEvent, createBroker, resolveOptions, silentLog } from "@mq9/broker";
import { MemoryStore } from "@mq9/store";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, test } from "vitest";

let audit: AuditEvent[];
let ann: NatsConnection;
let eve: NatsConnection;

beforeEach(async () => {
  audit = [];
  const mailboxes = { receive: ["eve.>"], manage: ["eve.>"] };
  const broker = createBroker(
    resolveOptions({
      port: 0,
      disk: { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 },
      shutdown: { graceMs: 0, spreadMs: 0 },
      auth: {
        accounts: [
          {
            name: "A",
            sendTo: "granted",
            users: [
              { user: "ann", password: "ann" },
              { user: "eve", password: "eve", mailboxes },
            ],
          },
        ],
      },
    }),
    {
      store: new MemoryStore(),
      log: silentLog,
      version: "test",
      audit: (event) => audit.push(event),
    },
  );
  const { port } = await broker.start();
  const as = (user: string): Promise<NatsConnection> =>
    connect({ port, user, pass: user, inboxPrefix: `_INBOX_${user}` });
  [ann, eve] = await Promise.all([as("ann"), as("eve")]);
  await ask(ann, "MAILBOX.CREATE", { name: "secret" });
  return async () => {
    await Promise.all([ann.close(), eve.close()]);
    await broker.stop();
  };
});

async function ask(who: NatsConnection, subject: string, body: unknown): Promise<string> {
  const reply = await who.request(`$mq9.AI.${subject}`, JSON.stringify(body));
  return String(reply.json<{ error?: string }>().error);
}
const refusals = (): unknown[] =>
  audit.flatMap((event) =>
    event.kind === "mailbox.refused" ? [[event.by.user, event.mailbox, event.right]] : [],
  );

test.each([
  ["MSG.SEND.secret", {}, "send"],
  ["MSG.FETCH.secret", { group_name: "g" }, "receive"],
  ["MSG.QUERY.secret", {}, "query"],
  ["MAILBOX.CREATE", { name: "other" }, "create"],
])("%s without the right to is told", async (subject, body, right) => {
  expect(await ask(eve, subject, body)).not.toBe("");
  expect(refusals()).toEqual([["eve", right === "create" ? "other" : "secret", right]]);
});

test("what is not there, and what somebody may, is not", async () => {
  expect(await ask(eve, "MSG.QUERY.nothing", {})).toContain("does not exist");
  expect(await ask(eve, "MAILBOX.CREATE", { name: "eve.own" })).toBe("");
  expect(await ask(ann, "MSG.SEND.secret", {})).toBe("");
  expect(refusals()).toEqual([]);
});

test("a flood is counted, and not kept", async () => {
  for (let at = 0; at < 500; at += 1) eve.publish("$mq9.AI.MSG.SEND.secret", "x");
  await eve.flush();
  expect(refusals().length).toBeLessThanOrEqual(100); // of two seconds, should one end meanwhile
  expect(refusals().length).toBeGreaterThan(0);
});
