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
  /** Of the monitoring port; undefined = it is not asked. */
  readonly monitoring: string | undefined;
}

/** What a sample remembers for the rates of the next. */
export interface Sample {
  readonly value: TopJson;
  readonly takenMs: number;
  readonly nextIds: ReadonlyMap<string, number>;
  readonly counters: Counters | undefined;
}

interface Counters {
  readonly in_msgs: number;
  readonly out_msgs: number;
}

export async function takeSample(options: SampleOptions, before?: Sample): Promise<Sample> {
  const [{ details, more }, monitored] = await Promise.all([
    inspectAll(options),
    options.monitoring === undefined ? undefined : readMonitoring(options.monitoring),
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

/** @returns undefined when nobody answers there: the rest is shown all the same */
async function readMonitoring(
  url: string,
): Promise<{ figures: TopBrokerJson; counters: Counters } | undefined> {
  try {
    const base = url.endsWith("/") ? url : `${url}/`;
    const answer = await fetch(new URL("varz", base), {
      signal: AbortSignal.timeout(monitoringMs),
    });
    const varz = (await answer.json()) as Varz;
    if (varz.mq9 === undefined) return undefined;
    const { connections, subscriptions, mem, slow_consumers, in_msgs, out_msgs, mq9 } = varz;
    const free = mq9.disk?.free_bytes;
    return {
      counters: { in_msgs, out_msgs },
      figures: {
        connections,
        subscriptions,
        slow_consumers,
        memory_bytes: mem,
        mailboxes: mq9.mailboxes,
        messages: mq9.messages,
        leases: mq9.leases,
        ...(free === undefined ? {} : { disk_free_bytes: free }),
      },
    };
  } catch {
    return undefined;
  }
}
