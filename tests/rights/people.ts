// Users of two accounts on one broker, and everything that can be asked of a mailbox in the words of
// every generation. For tests about who may do what.
import type { AuthConfig, MailboxRules } from "@mq9/auth";
import { connect, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";

/** One signed-in connection. Disposing closes it. */
export interface Person extends AsyncDisposable {
  readonly nc: NatsConnection;
  /** The answer as text, byte for byte. */
  ask(subject: string, body?: unknown, headers?: MsgHdrs): Promise<string>;
  /** The answer as JSON. */
  tell(
    subject: string,
    body?: unknown,
    headers?: MsgHdrs,
  ): Promise<Readonly<Record<string, unknown>>>;
}

export type Rule = { readonly [right in keyof MailboxRules]: readonly string[] };

/** Every user's password is its name. Names hold their account before a dash. */
export function twoAccounts(
  rules: Readonly<Record<string, MailboxRules | undefined>>,
  sendTo: "anyone" | "granted" = "anyone",
): AuthConfig {
  const account = (name: string) => ({
    name,
    sendTo,
    users: Object.entries(rules)
      .filter(([user]) => user.startsWith(`${name}-`))
      .map(([user, mailboxes]) => ({ user, password: user, mailboxes })),
  });
  return {
    accounts: [
      account("a"),
      account("b"),
      { name: "SYS", users: [{ user: "operator", password: "operator" }] },
    ],
    systemAccount: "SYS",
  };
}

export async function person(port: number, user: string): Promise<Person> {
  const nc = await connect({ port, user, pass: user, reconnect: false });
  const ask = async (subject: string, body: unknown = "", headers?: MsgHdrs): Promise<string> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const options = { timeout: 5_000, ...(headers === undefined ? {} : { headers }) };
    const reply = await nc.request(`$mq9.AI.${subject}`, text, options);
    return reply.string();
  };
  return {
    nc,
    ask,
    tell: async (subject, body, headers) => JSON.parse(await ask(subject, body, headers)),
    [Symbol.asyncDispose]: () => nc.close(),
  };
}

/** What can be asked of a mailbox that is there or not. */
export interface Question {
  readonly generation: 0 | 1 | 2 | "+";
  readonly verb: "send" | "receive" | "query" | "manage";
  readonly subject: (mailbox: string) => string;
  readonly body?: unknown;
  /** Whoever may do any of several things may ask. */
  readonly also?: readonly string[];
}

const group = { group_name: "g", msg_id: 0 };
const seeing = ["receive", "query", "manage"];

export const questions: readonly Question[] = [
  { generation: 0, verb: "send", subject: (id) => `INBOX.${id}.urgent`, body: "mail" },
  { generation: 0, verb: "send", subject: (id) => `INBOX.${id}`, body: "mail" },
  { generation: 1, verb: "send", subject: (id) => `MAILBOX.${id}.high`, body: "mail" },
  { generation: 1, verb: "send", subject: (id) => `MAILBOX.MSG.${id}`, body: "mail" },
  { generation: 1, verb: "send", subject: (id) => `MAILBOX.MSG.${id}.low`, body: "mail" },
  { generation: 2, verb: "send", subject: (id) => `MSG.SEND.${id}`, body: "mail" },
  { generation: 2, verb: "send", subject: (id) => `MSG.SEND.${id}.critical`, body: "mail" },
  { generation: 0, verb: "query", subject: (id) => `MAILBOX.QUERY.${id}`, body: {} },
  { generation: 1, verb: "query", subject: (id) => `MAILBOX.LIST.${id}`, body: {} },
  { generation: 2, verb: "query", subject: (id) => `MSG.QUERY.${id}`, body: {} },
  { generation: 2, verb: "query", subject: (id) => `MSG.QUERY.${id}`, body: { key: "k" } },
  { generation: "+", verb: "query", subject: (id) => `MSG.RECEIPT.${id}.0` },
  { generation: "+", verb: "query", subject: (id) => `MSG.SCHEDULED.${id}` },
  { generation: "+", verb: "query", subject: (id) => `MAILBOX.INFO.${id}`, also: seeing },
  {
    generation: 2,
    verb: "receive",
    subject: (id) => `MSG.FETCH.${id}`,
    body: { deliver: "earliest", config: { max_wait_ms: 0 } },
  },
  {
    generation: 2,
    verb: "receive",
    subject: (id) => `MSG.FETCH.${id}`,
    body: { group_name: "g", deliver: "earliest", config: { max_wait_ms: 0 } },
  },
  {
    generation: 2,
    verb: "receive",
    subject: (id) => `MSG.FETCH.${id}`,
    body: { deliver: "latest", config: { max_wait_ms: 0 } },
  },
  { generation: 2, verb: "receive", subject: (id) => `MSG.ACK.${id}`, body: group },
  { generation: "+", verb: "receive", subject: (id) => `MSG.EXTEND.${id}`, body: group },
  { generation: "+", verb: "receive", subject: (id) => `MSG.NACK.${id}`, body: group },
  { generation: "+", verb: "receive", subject: (id) => `MSG.ACK.${id}.=g.0.1`, body: "+ACK" },
  { generation: 1, verb: "receive", subject: (id) => `MAILBOX.DELETE.${id}.0` },
  { generation: 2, verb: "receive", subject: (id) => `MSG.DELETE.${id}.0` },
  { generation: "+", verb: "manage", subject: (id) => `MSG.CANCEL.${id}.0` },
  { generation: "+", verb: "manage", subject: (id) => `MSG.REDRIVE.${id}` },
  { generation: "+", verb: "manage", subject: (id) => `MSG.PURGE.${id}` },
  { generation: "+", verb: "manage", subject: (id) => `MAILBOX.RENEW.${id}`, body: { ttl: 60 } },
  { generation: "+", verb: "manage", subject: (id) => `MAILBOX.GRANTS.${id}` },
  {
    generation: "+",
    verb: "manage",
    subject: (id) => `MAILBOX.GRANT.${id}`,
    body: { rights: ["send"] },
  },
  {
    generation: "+",
    verb: "manage",
    subject: (id) => `MAILBOX.REVOKE.${id}`,
    body: { grant_id: "none" },
  },
  { generation: "+", verb: "manage", subject: (id) => `MAILBOX.DROP.${id}` },
];

/** Every way to subscribe to a mailbox. */
export const waysToRead: readonly ((mailbox: string) => string)[] = [
  (id) => `INBOX.${id}.urgent`,
  (id) => `INBOX.${id}.*`,
  (id) => `INBOX.${id}`,
  (id) => `INBOX.${id.slice(0, 3)}*.normal`,
  (id) => `MAILBOX.${id}.*`,
  (id) => `MAILBOX.MSG.${id}`,
  (id) => `MAILBOX.MSG.${id}.*`,
  (id) => `MAILBOX.MSG.${id}.urgent`,
  (id) => `MSG.PUSH.${id}`,
];
