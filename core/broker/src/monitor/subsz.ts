// What is subscribed: figures of the subject index, and a page of the subscriptions themselves. The
// list is walked in slices between which other work goes on.
import type { Connection, Sublist, Subscription } from "@mq9/router";
import { isLiteralSubject, isValidSubject, subjectMatches } from "@mq9/wire";
import { type SubscriptionJson, subscriptionJson } from "./connection-facts.ts";
import { MonitorError, type Page, type Parameters, pageOf } from "./parameters.ts";
import { timeText } from "./texts.ts";
import { type MonitorView, pause, sliceLength } from "./view.ts";

export interface SubszOptions extends Page {
  /** The list too, not only the figures. */
  readonly subscriptions: boolean;
  /** Undefined = of all accounts. */
  readonly account: string | undefined;
  /** Only subscriptions that this literal subject reaches; a byte string. */
  readonly test: string | undefined;
}

/** Options as a query string says them. @throws {MonitorError} */
export function subszQuery(parameters: Parameters): SubszOptions {
  return checked(parameters, parameters.flag("subs"), parameters.text("acc"));
}

/** Options as the JSON body of a `$SYS` request says them. @throws {MonitorError} */
export function subszBody(parameters: Parameters): SubszOptions {
  return checked(parameters, parameters.flag("subscriptions"), parameters.text("account"));
}

function checked(
  parameters: Parameters,
  subscriptions: boolean | undefined,
  account: string | undefined,
): SubszOptions {
  const text = parameters.text("test");
  const test = text === undefined ? undefined : Buffer.from(text, "utf8").toString("latin1");
  if (test !== undefined && !(isValidSubject(test) && isLiteralSubject(test))) {
    throw new MonitorError(
      `invalid test subject, must be valid publish subject: ${text?.slice(0, 256)}`,
    );
  }
  return { ...pageOf(parameters), subscriptions: subscriptions ?? false, account, test };
}

/** Figures of one subject index, or of several together. */
export interface SublistJson {
  readonly num_subscriptions: number;
  readonly num_cache: number;
  readonly num_inserts: number;
  readonly num_removes: number;
  /** Searches; subjects whose result a connection's publish still knew are not searched again. */
  readonly num_matches: number;
  readonly cache_hit_rate: number;
  readonly max_fanout: number;
  readonly avg_fanout: number;
}

/** The reply to SUBSZ. */
export interface Subsz extends SublistJson {
  readonly server_id: string;
  readonly now: string;
  /** All that match, when they are listed. */
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly subscriptions_list?: readonly ListedSubscription[];
}

/** One entry of the list. */
export interface ListedSubscription extends SubscriptionJson {
  readonly account: string;
  readonly account_tag: string;
}

/** Figures, and a page of the subscriptions that the options name. */
export async function subsz(view: MonitorView, options: SubszOptions): Promise<Subsz> {
  const { offset, limit, account } = options;
  const { accounts } = view.router;
  const lists =
    account === undefined ? [...accounts.values()] : [accounts.get(account)].filter(isThere);
  const figures = sublistJson(lists, subscriptionCount(view, account));
  const { list, total } = options.subscriptions
    ? await view.lists.run(() => listed(view, options))
    : nothing;
  return {
    server_id: view.router.serverId,
    now: timeText(Date.now()),
    ...figures,
    total,
    offset,
    limit,
    ...(list.length === 0 ? {} : { subscriptions_list: list }),
  };
}

const nothing = { list: [], total: 0 };

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}

async function listed(
  view: MonitorView,
  { offset, limit, account, test }: SubszOptions,
): Promise<{ readonly list: readonly ListedSubscription[]; readonly total: number }> {
  const list: ListedSubscription[] = [];
  let total = 0;
  let looked = 0;
  const isMeant = (subscription: Subscription, { account: of }: Connection): boolean =>
    (account === undefined || of === account) &&
    (test === undefined || subjectMatches(subscription.subject, test));
  for (const connection of view.router.connections) {
    for (const subscription of connection.subscriptions.values()) {
      looked += 1;
      if (looked % sliceLength === 0) await pause();
      if (!isMeant(subscription, connection)) continue;
      if (total >= offset && list.length < limit) {
        const { account: of } = connection;
        list.push({ account: of, account_tag: of, ...subscriptionJson(subscription, connection) });
      }
      total += 1;
    }
  }
  return { list, total };
}

/** Subscriptions of clients, those to mailboxes among them. */
export function subscriptionCount(view: MonitorView, account?: string): number {
  let count = 0;
  for (const connection of view.router.connections) {
    if (account === undefined || connection.account === account) {
      count += connection.subscriptions.size;
    }
  }
  return count;
}

/** @param subscriptions those of the index, and others that lie in no index */
export function sublistJson(lists: readonly Sublist[], subscriptions: number): SublistJson {
  const sum = { cache: 0, inserts: 0, removes: 0, matches: 0, hits: 0, max: 0, fanout: 0 };
  for (const list of lists) {
    const stats = list.stats();
    sum.cache += stats.cached;
    sum.inserts += stats.inserts;
    sum.removes += stats.removes;
    sum.matches += stats.matches;
    sum.hits += stats.hits;
    sum.max = Math.max(sum.max, stats.fanoutMax);
    sum.fanout += stats.fanoutSum;
  }
  return {
    num_subscriptions: subscriptions,
    num_cache: sum.cache,
    num_inserts: sum.inserts,
    num_removes: sum.removes,
    num_matches: sum.matches,
    cache_hit_rate: sum.matches === 0 ? 0 : sum.hits / sum.matches,
    max_fanout: sum.max,
    avg_fanout: sum.cache === 0 ? 0 : sum.fanout / sum.cache,
  };
}
