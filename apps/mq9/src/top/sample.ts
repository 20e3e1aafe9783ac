// One look at a broker for `mq9 top`: mailboxes with their groups over the connection, and the figures of
// the whole broker from its monitoring port, where that is open. Takes and marks nothing.
import type { MailboxDetail } from "@mq9/protocol";
import type { Mq9 } from "@mq9/sdk";
import type { TopBrokerJson, TopJson } from "../cli/schemas/top.ts";

/** Mailboxes looked into at once. */
const inFlightMax = 32;
const monitoringMs = 1_500;

export interface SampleOptions {
  readonly mq9: Mq9;
  /** Only names that begin so. */
  readonly prefix: string;
  /** Mailboxes looked into at most. */
  readonly limit: number;
  /** Figures of the whole broker; see `figuresOf`. */
  readonly figures: () => Promise<Monitored | undefined>;
}

/** What a sample remembers for the rates of the next. */
export interface Sample {
  readonly value: TopJson;
  readonly takenMs: number;
  readonly nextIds: ReadonlyMap<string, number>;
  readonly counters: Counters | undefined;
}

/** What tells of the whole broker. */
export interface Monitored {
  readonly figures: TopBrokerJson;
  readonly counters: Counters;
}

export interface Counters {
  readonly in_msgs: number;
  readonly out_msgs: number;
}

export async function takeSample(options: SampleOptions, before?: Sample): Promise<Sample> {
  const [{ details, more }, monitored] = await Promise.all([
    inspectAll(options),
    options.figures(),
  ]);
  const takenMs = performance.now();
  const seconds = before === undefined ? 0 : (takenMs - before.takenMs) / 1_000;
  const nextIds = new Map(details.map(({ name, nextId }) => [name, nextId]));
  const rateOf = (now: number, then: number | undefined) =>
    then === undefined || seconds <= 0 ? undefined : Math.max(0, (now - then) / seconds);
  const mailboxes = details.map((detail) => ({
    ...rowOf(detail),
    ...present("sent_per_second", rateOf(detail.nextId, before?.nextIds.get(detail.name))),
  }));
  const broker: TopBrokerJson | undefined = monitored && {
    ...monitored.figures,
    ...present("in_per_second", rateOf(monitored.counters.in_msgs, before?.counters?.in_msgs)),
    ...present("out_per_second", rateOf(monitored.counters.out_msgs, before?.counters?.out_msgs)),
  };
  return {
    takenMs,
    nextIds,
    counters: monitored?.counters,
    value: {
      at: new Date().toISOString(),
      url: options.mq9.server.url,
      ...(broker === undefined ? {} : { broker }),
      mailboxes,
      ...(more ? { more: true } : {}),
    },
  };
}

function present(name: string, value: number | undefined): Record<string, number> {
  return value === undefined ? {} : { [name]: Math.round(value * 10) / 10 };
}

function rowOf(detail: MailboxDetail): TopJson["mailboxes"][number] {
  const { name, messages, bytes, scheduled, nextId, groups } = detail;
  return {
    mailbox: name,
    messages,
    bytes,
    scheduled,
    next_id: nextId,
    groups: groups.map(({ group, leased, deferred, unsettled, waiting }) => ({
      group,
      leased,
      deferred,
      unsettled,
      waiting,
    })),
  };
}

async function inspectAll({
  mq9,
  prefix,
  limit,
}: SampleOptions): Promise<{ details: MailboxDetail[]; more: boolean }> {
  const details: MailboxDetail[] = [];
  const inFlight = new Set<Promise<void>>();
  let started = 0;
  let more = false;
  for await (const { name } of mq9.mailboxes({ prefix })) {
    if (name.startsWith("$")) continue;
    if (started >= limit) {
      more = true;
      break;
    }
    started += 1;
    // One that ended between the list and the look is none.
    const look = mq9
      .mailbox(name)
      .info()
      .then(
        (detail) => void details.push(detail),
        () => {},
      );
    inFlight.add(look);
    void look.then(() => inFlight.delete(look));
    if (inFlight.size >= inFlightMax) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  return { details, more };
}

interface Varz extends Counters {
  readonly server_id?: string;
  readonly connections: number;
  readonly subscriptions: number;
  readonly mem: number;
  readonly cpu?: number;
  readonly slow_consumers: number;
  readonly mq9?: {
    readonly leases: number;
    readonly messages: number;
    readonly mailboxes: number;
    readonly disk?: { readonly free_bytes?: number };
  };
}

/**
 * Where figures of the whole broker come from: its monitoring port, else its system account, which
 * answers operators alone. What did not answer once is not asked again.
 * @param monitoring address of the port; undefined = it is not asked
 */
export function figuresOf(
  mq9: Mq9,
  monitoring: string | undefined,
): () => Promise<Monitored | undefined> {
  const serverId = mq9.connection.info?.server_id;
  let ways = [
    ...(monitoring === undefined ? [] : [() => overHttp(monitoring, serverId)]),
    () => overSystemAccount(mq9),
  ];
  return async () => {
    for (const way of ways) {
      try {
        const varz = await way();
        if (varz.mq9 !== undefined) return monitoredOf(varz, varz.mq9);
      } catch {
        // best effort: the rest is shown all the same.
      }
      ways = ways.filter((one) => one !== way);
    }
    return undefined;
  };
}

/** Another broker of this machine may have the usual port. */
async function overHttp(url: string, serverId: string | undefined): Promise<Varz> {
  const base = url.endsWith("/") ? url : `${url}/`;
  const answer = await fetch(new URL("varz", base), { signal: AbortSignal.timeout(monitoringMs) });
  const varz = (await answer.json()) as Varz;
  if (varz.server_id !== serverId) throw new Error("that port is another broker's");
  return varz;
}

async function overSystemAccount(mq9: Mq9): Promise<Varz> {
  const answer = await mq9.connection.request("$SYS.REQ.SERVER.PING.VARZ", "", {
    timeout: monitoringMs,
  });
  return answer.json<{ data: Varz }>().data;
}

function monitoredOf(varz: Varz, mail: NonNullable<Varz["mq9"]>): Monitored {
  const { connections, subscriptions, mem, slow_consumers, in_msgs, out_msgs } = varz;
  const free = mail.disk?.free_bytes;
  return {
    counters: { in_msgs, out_msgs },
    figures: {
      connections,
      subscriptions,
      slow_consumers,
      memory_bytes: mem,
      mailboxes: mail.mailboxes,
      messages: mail.messages,
      leases: mail.leases,
      ...(free === undefined ? {} : { disk_free_bytes: free }),
    },
  };
}
