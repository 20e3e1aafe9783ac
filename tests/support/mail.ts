// A plain NATS connection as mailbox users drive it: JSON requests, publishes, and subscriptions
// whose mail is taken one by one. Knows subjects and bodies, nothing of the broker's inside.
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";

/** What a request to the broker answers. */
export type Reply = Readonly<Record<string, unknown>>;

/** One delivered message. */
export interface Mail {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly text: string;
  header(name: string): string | undefined;
}

/** A running subscription; mail waits in it until it is taken. */
export interface Mails {
  /** The next message. @throws when none comes in ten seconds */
  next(): Promise<Mail>;
  take(count: number): Promise<Mail[]>;
  /** The text of the next `count` messages. */
  texts(count: number): Promise<string[]>;
  /** Messages that arrived and were not taken. */
  readonly waiting: readonly Mail[];
  /** Ends the subscription once everything on its way has arrived. */
  drain(): Promise<void>;
}

/** One connection of an agent. Disposing closes it. */
export interface Agent extends AsyncDisposable {
  readonly nc: NatsConnection;
  /** Requests `$mq9.AI.<subject>`; strings go as they are, everything else as JSON. */
  ask(subject: string, body?: unknown): Promise<Reply>;
  /** CREATE; returns the new mailbox's id. */
  create(body?: unknown): Promise<string>;
  /** Publishes on `$mq9.AI.<subject>`. */
  send(subject: string, payload: string | Uint8Array): void;
  /** Resolves when everything sent is stored. */
  flush(): Promise<void>;
  /** Subscribes to `$mq9.AI.<subject>` and resolves when the broker has taken the subscription. */
  read(subject: string, queue?: string): Promise<Mails>;
  /** Ids in the mailbox as LIST tells them; undefined when LIST fails. */
  list(id: string): Promise<string[] | undefined>;
}

const patienceMs = 10_000;

/** Opens a connection. `clientName` becomes CONNECT's `name`. */
export async function agent(url: string, clientName?: string): Promise<Agent> {
  const nc = await connect({
    servers: url,
    ...(clientName === undefined ? {} : { name: clientName }),
  });
  const ask = async (subject: string, body: unknown = {}): Promise<Reply> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const reply = await nc.request(`$mq9.AI.${subject}`, text, { timeout: patienceMs });
    return reply.json<Reply>();
  };
  return {
    nc,
    ask,
    create: async (body = { ttl: 3600 }) => {
      const reply = await ask("MAILBOX.CREATE", body);
      if (typeof reply["mail_id"] !== "string") throw new Error(JSON.stringify(reply));
      return reply["mail_id"];
    },
    send: (subject, payload) => nc.publish(`$mq9.AI.${subject}`, payload),
    flush: () => nc.flush(),
    read: async (subject, queue) => {
      const mails = readAll(nc, `$mq9.AI.${subject}`, queue);
      await nc.flush();
      return mails;
    },
    list: async (id) => {
      const { messages, error } = await ask(`MAILBOX.LIST.${id}`);
      if (typeof error === "string") return undefined;
      return (messages as { msg_id: string }[]).map((message) => message.msg_id);
    },
    [Symbol.asyncDispose]: () => nc.close(),
  };
}

function readAll(nc: NatsConnection, subject: string, queue: string | undefined): Mails {
  const waiting: Mail[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const subscription = nc.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (error, message) => {
      if (error) failure = error;
      else waiting.push(mailOf(message));
      wake?.();
    },
  });
  const next = async (): Promise<Mail> => {
    for (;;) {
      const mail = waiting.shift();
      if (mail !== undefined) return mail;
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no mail on ${subject}`)), patienceMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const take = async (count: number): Promise<Mail[]> => {
    const mails: Mail[] = [];
    while (mails.length < count) mails.push(await next());
    return mails;
  };
  return {
    next,
    take,
    texts: async (count) => (await take(count)).map((mail) => mail.text),
    waiting,
    drain: () => subscription.drain(),
  };
}

function mailOf(message: Msg): Mail {
  return {
    subject: message.subject,
    payload: message.data,
    text: message.string(),
    header: (name) => message.headers?.get(name) || undefined,
  };
}
