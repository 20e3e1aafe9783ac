// Every way to send mail and every way to read it, of every generation, each as one row of a table:
// what the matrix and the tests of deletion and life times go through.
import { headers as newHeaders } from "@nats-io/transport-node";
import type { Agent, Mail, Mails } from "../support/mail.ts";
import { until } from "../support/until.ts";

/** A mailbox that every generation can open: its id, and the token that QUERY of generation 0 asks for. */
export interface Box {
  readonly id: string;
  readonly token: string;
}

/** A message as some reader found it. What a way of reading does not show is undefined. */
export interface Found {
  readonly payload: Uint8Array;
  readonly word: string | undefined;
  readonly msgId: number | undefined;
  /** The sender's own header `trace`. */
  readonly trace: string | undefined;
}

export interface Sender {
  readonly name: string;
  /** The sender's words from the most to the least urgent. */
  readonly words: readonly [string, string, string];
  /** Sends with one of its words and the header `trace: abc`; resolves when it is stored. */
  send(me: Agent, box: Box, word: string, payload: Uint8Array): Promise<void>;
}

type Words = Readonly<Record<string, string>>;

export interface Receiver {
  readonly name: string;
  /** The word this reader is told for each word a sender can use. */
  readonly words: Words;
  /** `delivery`: most urgent first. `number`: as accepted. `none`: spread over several readers. */
  readonly order: "delivery" | "number" | "none";
  /** Reads only mail of normal priority and below. */
  readonly onlyNormal?: boolean;
  /** Reads all there is. */
  read(me: Agent, box: Box): Promise<Found[]>;
}

/** A mailbox for one row of a table. */
export async function openBox(me: Agent): Promise<Box> {
  const reply = await me.ask("MAILBOX.CREATE", { type: "standard", ttl: 3600 });
  return { id: reply["mail_id"] as string, token: reply["token"] as string };
}

const published =
  (subjectOf: (id: string, word: string) => string): Sender["send"] =>
  async (me, { id }, word, payload) => {
    const headers = newHeaders();
    headers.set("trace", "abc");
    me.nc.publish(`$mq9.AI.${subjectOf(id, word)}`, payload, { headers });
    await me.flush();
  };

const requested =
  (subjectOf: (id: string, word: string) => string, header: boolean): Sender["send"] =>
  async (me, { id }, word, payload) => {
    const headers = newHeaders();
    headers.set("trace", "abc");
    if (header) headers.set("mq9-priority", word);
    const subject = `$mq9.AI.${subjectOf(id, word)}`;
    const reply = await me.nc.request(subject, payload, { timeout: 10_000, headers });
    const { error, msg_id } = reply.json<{ error?: string; msg_id?: number }>();
    if (error !== "" || typeof msg_id !== "number") throw new Error(reply.string());
  };

export const senders: readonly Sender[] = [
  {
    name: "0 INBOX",
    words: ["urgent", "normal", "notify"],
    send: published((id, word) => `INBOX.${id}.${word}`),
  },
  {
    name: "0d MAILBOX",
    words: ["high", "normal", "low"],
    send: published((id, word) => `MAILBOX.${id}.${word}`),
  },
  {
    name: "1a MAILBOX.MSG",
    words: ["high", "normal", "low"],
    send: published((id, word) => `MAILBOX.MSG.${id}.${word}`),
  },
  {
    name: "1b MAILBOX.MSG",
    words: ["critical", "urgent", "normal"],
    send: published((id, word) => `MAILBOX.MSG.${id}${word === "normal" ? "" : `.${word}`}`),
  },
  {
    name: "2a MSG.SEND with a suffix",
    words: ["critical", "urgent", "normal"],
    send: requested((id, word) => `MSG.SEND.${id}${word === "normal" ? "" : `.${word}`}`, false),
  },
  {
    name: "2b MSG.SEND with a header",
    words: ["critical", "urgent", "normal"],
    send: requested((id) => `MSG.SEND.${id}`, true),
  },
];

const urgentNormalNotify: Words = {
  critical: "urgent",
  urgent: "urgent",
  high: "urgent",
  normal: "normal",
  low: "notify",
  notify: "notify",
};
const highNormalLow: Words = {
  critical: "high",
  urgent: "high",
  high: "high",
  normal: "normal",
  low: "low",
  notify: "low",
};
const criticalUrgentNormal: Words = {
  critical: "critical",
  urgent: "urgent",
  high: "urgent",
  normal: "normal",
  low: "normal",
  notify: "normal",
};
const asSent: Words = {
  critical: "critical",
  urgent: "urgent",
  high: "high",
  normal: "normal",
  low: "low",
  notify: "notify",
};

const marker = "the end of what was sent";

/** Everything there is: the marker is the last message of the lowest priority. */
async function readAll(me: Agent, { id }: Box, readers: readonly Mails[]): Promise<Mail[]> {
  me.send(`MAILBOX.${id}.low`, marker);
  const ended = () => readers.some(({ waiting }) => waiting.some(({ text }) => text === marker));
  await until(async () => {
    await me.flush();
    return ended() ? true : undefined;
  });
  return readers.flatMap(({ waiting }) => waiting.filter(({ text }) => text !== marker));
}

const fromMail =
  (prefix: string) =>
  (mail: Mail): Found => {
    const word = mail.subject.slice(`$mq9.AI.${prefix}.`.length).split(".").at(-1);
    const number = mail.header("mq9-msg-id");
    return {
      payload: mail.payload,
      word,
      msgId: number === undefined ? undefined : Number(number),
      trace: mail.header("trace"),
    };
  };

const subscribed =
  (prefix: string): Receiver["read"] =>
  async (me, box) => {
    const mails = await me.read(`${prefix}.${box.id}.*`);
    const found = (await readAll(me, box, [mails])).map(fromMail(prefix));
    await mails.drain();
    return found;
  };

interface Row {
  readonly msg_id: number | string;
  readonly payload: string;
  readonly priority: string;
  readonly payload_encoding: "base64" | "utf8";
  readonly header?: readonly number[] | null;
}

const fromRow = (row: Row): Found => ({
  payload: Uint8Array.from(
    Buffer.from(row.payload, row.payload_encoding === "base64" ? "base64" : "utf8"),
  ),
  word: row.priority,
  msgId: Number(row.msg_id),
  trace:
    row.header == null ? undefined : /trace: ?(\w+)/.exec(String.fromCharCode(...row.header))?.[1],
});

async function rowsOf(me: Agent, subject: string, body: object): Promise<Row[]> {
  const reply = await me.ask(subject, body);
  if (reply["error"]) throw new Error(`${subject}: ${JSON.stringify(reply)}`);
  return reply["messages"] as Row[];
}

const fetched = { deliver: "earliest", config: { num_msgs: 100, max_wait_ms: 0 } };

export const receivers: readonly Receiver[] = [
  {
    name: "0 SUB INBOX",
    words: urgentNormalNotify,
    order: "delivery",
    read: subscribed("INBOX"),
  },
  {
    name: "0 QUERY with the token",
    words: urgentNormalNotify,
    order: "delivery",
    read: async (me, { id, token }) =>
      (await rowsOf(me, `MAILBOX.QUERY.${id}`, { token })).map(fromRow),
  },
  {
    name: "0d SUB MAILBOX",
    words: highNormalLow,
    order: "delivery",
    read: subscribed("MAILBOX"),
  },
  {
    name: "1 SUB .*",
    words: asSent,
    order: "delivery",
    read: subscribed("MAILBOX.MSG"),
  },
  {
    name: "1 SUB without a priority",
    words: {},
    order: "delivery",
    onlyNormal: true,
    read: async (me, box) => {
      const mails = await me.read(`MAILBOX.MSG.${box.id}`);
      const found = (await readAll(me, box, [mails])).map(fromMail("MAILBOX.MSG"));
      await mails.drain();
      return found;
    },
  },
  {
    name: "1 SUB as a queue group of two",
    words: asSent,
    order: "none",
    read: async (me, box) => {
      const subject = `MAILBOX.MSG.${box.id}.*`;
      const members = [await me.read(subject, "pair"), await me.read(subject, "pair")];
      const found = (await readAll(me, box, members)).map(fromMail("MAILBOX.MSG"));
      for (const member of members) await member.drain();
      return found;
    },
  },
  {
    name: "1 LIST with payloads",
    words: {},
    order: "delivery",
    read: async (me, { id }) =>
      (await rowsOf(me, `MAILBOX.LIST.${id}`, { payload: true })).map(fromRow),
  },
  {
    name: "2 FETCH without a group",
    words: criticalUrgentNormal,
    order: "delivery",
    read: async (me, { id }) => (await rowsOf(me, `MSG.FETCH.${id}`, fetched)).map(fromRow),
  },
  {
    name: "2 FETCH in a group, acknowledged",
    words: criticalUrgentNormal,
    order: "delivery",
    read: async (me, { id }) => {
      const body = { ...fetched, group_name: "matrix" };
      const rows = await rowsOf(me, `MSG.FETCH.${id}`, body);
      for (const { msg_id } of rows) {
        const ack = { group_name: "matrix", mail_address: id, msg_id };
        const reply = await me.ask(`MSG.ACK.${id}`, ack);
        if (reply["error"] !== "") throw new Error(JSON.stringify(reply));
      }
      const again = await rowsOf(me, `MSG.FETCH.${id}`, body);
      return [...rows, ...again].map(fromRow);
    },
  },
  {
    name: "2 QUERY",
    words: criticalUrgentNormal,
    order: "number",
    read: async (me, { id }) => (await rowsOf(me, `MSG.QUERY.${id}`, {})).map(fromRow),
  },
  {
    name: "2 SUB MSG.PUSH",
    words: {},
    order: "delivery",
    read: async (me, box) => {
      const mails = await me.read(`MSG.PUSH.${box.id}`);
      const found = (await readAll(me, box, [mails])).map((mail) => ({
        ...fromMail("MSG.PUSH")(mail),
        word: mail.header("mq9-priority"),
      }));
      await mails.drain();
      return found;
    },
  },
];
