// A broker with accounts in this process, for the tests of this folder: A with ann and carl (who may do
// little), B with bob, SYS with sys and root. Every password is `pw`.
import { type AuditEvent, type Broker, createBroker, resolveOptions, silentLog } from "@mq9/broker";
import { MemoryStore } from "@mq9/store";
import { connectRaw, type RawClient } from "@mq9/testkit";

export interface SystemRig extends AsyncDisposable {
  readonly broker: Broker;
  readonly port: number;
  /** What the audit was told so far. */
  readonly audit: AuditEvent[];
  /** Whether the audit can be kept. */
  keepsAudit: boolean;
  /** How often an operator asked to read the configuration again. */
  readonly reloads: number;
  /** A connection of one of the users, with its inbox `_INBOX.<user>.>` as sid `in`. */
  connect(user: string): Promise<RawClient>;
}

const password = "pw";

/** Starts the broker on a free port. */
export async function startRig(): Promise<SystemRig> {
  const audit: AuditEvent[] = [];
  let reloads = 0;
  let keepsAudit = true;
  const broker = createBroker(
    resolveOptions({
      port: 0,
      serverName: "rig",
      disk: { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 },
      shutdown: { graceMs: 50, spreadMs: 50 },
      auth: {
        systemAccount: "SYS",
        sharedInboxes: true, // short names for the inboxes of few
        accounts: [
          {
            name: "A",
            users: [
              { user: "ann", password },
              { user: "ann2", password },
              {
                user: "carl",
                password,
                permissions: {
                  publish: { allow: ["foo.>", "$SYS.REQ.USER.INFO"], deny: ["foo.x"] },
                  subscribe: { allow: ["foo.>", "_INBOX.>"], deny: ["foo.no"] },
                  allowResponses: { messagesMax: 5, ttlMs: 60_000 },
                },
              },
            ],
          },
          { name: "B", users: [{ user: "bob", password }] },
          {
            name: "SYS",
            users: [
              { user: "sys", password },
              { user: "root", password },
            ],
          },
        ],
      },
    }),
    {
      store: new MemoryStore(),
      log: silentLog,
      version: "test",
      audit: (event) => {
        audit.push(event);
        return keepsAudit;
      },
      reload: async () => {
        reloads += 1;
      },
    },
  );
  const { port } = await broker.start();
  return {
    broker,
    port,
    audit,
    get keepsAudit() {
      return keepsAudit;
    },
    set keepsAudit(keeps) {
      keepsAudit = keeps;
    },
    get reloads() {
      return reloads;
    },
    connect: async (user) => {
      const client = await connectRaw(port, {
        user,
        pass: password,
        protocol: 1,
        headers: true,
        no_responders: true,
        name: `test of ${user}`,
      });
      client.send(`SUB _INBOX.${user}.> in`);
      await client.flush();
      return client;
    },
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

/** An answer of the system service. */
export interface Told {
  readonly server?: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what the tests are about
  readonly data?: any;
  readonly error?: { readonly code: number; readonly description: string };
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly statsz?: any;
}

let requests = 0;

/** Asks, and waits for the answer. @returns `undefined` when nobody is there to answer */
export async function ask(
  client: RawClient,
  user: string,
  subject: string,
  body: unknown = "",
): Promise<Told | undefined> {
  requests += 1;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  client.publish(subject, text, `_INBOX.${user}.${requests}`);
  const { headers, payload } = await client.readMessage();
  if (headers?.startsWith("NATS/1.0 503")) return undefined;
  return JSON.parse(payload.toString("utf8")) as Told;
}
