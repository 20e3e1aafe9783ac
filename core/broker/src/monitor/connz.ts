// The list of connections, open and ended, sorted and paged. A list of many thousands is looked
// through in slices between which other work goes on.
import {
  type ConnectionFacts,
  type ConnectionJson,
  connectionJson,
  factsOf,
  type Shown,
} from "./connection-facts.ts";
import { MonitorError, type Page, type Parameters, pageOf } from "./parameters.ts";
import { selectBest } from "./select-best.ts";
import { timeText } from "./texts.ts";
import { type MonitorView, pause, sliceLength } from "./view.ts";

/** Which connections, in which order, and how much of each. */
export interface ConnzOptions extends Page, Shown {
  readonly sort: SortKey;
  readonly state: "open" | "closed" | "any";
  /** Undefined = any, as below. */
  readonly cid: number | undefined;
  readonly user: string | undefined;
  readonly account: string | undefined;
  /** Only those with a subscription to exactly this subject. */
  readonly filterSubject: string | undefined;
}

/** What connections can be sorted by; "" is `cid`. */
export type SortKey =
  | ""
  | "cid"
  | "start"
  | "subs"
  | "pending"
  | "msgs_to"
  | "msgs_from"
  | "bytes_to"
  | "bytes_from"
  | "last"
  | "idle"
  | "uptime"
  | "stop"
  | "reason"
  | "rtt";

/** Each says which of two comes first (negative: `a`). */
const orders: Readonly<Record<SortKey, (a: ConnectionFacts, b: ConnectionFacts) => number>> = {
  "": (a, b) => a.id - b.id,
  cid: (a, b) => a.id - b.id,
  start: (a, b) => a.startedMs - b.startedMs,
  subs: (a, b) => b.subscriptions - a.subscriptions,
  pending: (a, b) => b.pendingBytes - a.pendingBytes,
  msgs_to: (a, b) => b.outMsgs - a.outMsgs,
  msgs_from: (a, b) => b.inMsgs - a.inMsgs,
  bytes_to: (a, b) => b.outBytes - a.outBytes,
  bytes_from: (a, b) => b.inBytes - a.inBytes,
  last: (a, b) => b.activeMs - a.activeMs,
  idle: (a, b) => idleMs(b) - idleMs(a),
  uptime: (a, b) => uptimeMs(a) - uptimeMs(b),
  stop: (a, b) => (a.stoppedMs ?? 0) - (b.stoppedMs ?? 0),
  reason: (a, b) => (a.reason < b.reason ? -1 : a.reason > b.reason ? 1 : 0),
  rtt: (a, b) => b.roundTripMs - a.roundTripMs,
};

function idleMs({ activeMs, stoppedMs, seenMs }: ConnectionFacts): number {
  return (stoppedMs ?? seenMs) - activeMs;
}

function uptimeMs({ startedMs, stoppedMs, seenMs }: ConnectionFacts): number {
  return (stoppedMs ?? seenMs) - startedMs;
}

/** Options as a query string says them. @throws {MonitorError} */
export function connzQuery(parameters: Parameters): ConnzOptions {
  const subs = parameters.text("subs")?.toLowerCase() === "detail";
  return checked(parameters, {
    subs: subs ? "detail" : parameters.flag("subs") === true ? "list" : "none",
    account: parameters.text("acc"),
    state: stateOf(parameters.text("state")),
    filterSubject: undefined,
  });
}

/** Options as the JSON body of a `$SYS` request says them. @throws {MonitorError} */
export function connzBody(parameters: Parameters): ConnzOptions {
  const detail = parameters.flag("subscriptions_detail") === true;
  const state = parameters.whole("state");
  return checked(parameters, {
    subs: detail ? "detail" : parameters.flag("subscriptions") === true ? "list" : "none",
    account: parameters.text("acc"),
    state: stateOf(state === undefined ? undefined : String(state)),
    filterSubject: parameters.text("filter_subject"),
  });
}

function checked(
  parameters: Parameters,
  told: Pick<ConnzOptions, "subs" | "account" | "state" | "filterSubject">,
): ConnzOptions {
  const sort = (parameters.text("sort") ?? "").toLowerCase();
  if (!isSortKey(sort)) throw new MonitorError(`invalid sorting option: ${sort.slice(0, 64)}`);
  if ((sort === "stop" || sort === "reason") && told.state !== "closed") {
    throw new MonitorError(`sort by ${sort} only valid on closed connections`);
  }
  const cid = parameters.natural("cid") ?? 0;
  return {
    ...pageOf(parameters),
    ...told,
    sort,
    auth: parameters.flag("auth") ?? false,
    cid: cid === 0 ? undefined : cid,
    user: parameters.text("user"),
  };
}

function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(orders, text);
}

function stateOf(text: string | undefined): ConnzOptions["state"] {
  switch (text?.toLowerCase()) {
    case undefined:
    case "0":
    case "open":
      return "open";
    case "1":
    case "closed":
      return "closed";
    case "2":
    case "any":
    case "all":
      return "any";
    default:
      throw new MonitorError(`Error decoding state for ${text?.slice(0, 64)}`);
  }
}

/** A page ends early once it lists so many subscriptions. */
const listedMax = 50_000;

/** The reply to CONNZ. */
export interface Connz {
  readonly server_id: string;
  readonly now: string;
  /** Entries of this page. */
  readonly num_connections: number;
  /** All that match. */
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly connections: readonly ConnectionJson[];
}

/** One page of the connections that the options name. */
export function connz(view: MonitorView, options: ConnzOptions): Promise<Connz> {
  return view.lists.run(() => gathered(view, options));
}

async function gathered(view: MonitorView, options: ConnzOptions): Promise<Connz> {
  const { offset } = options;
  const limit = options.cid === undefined ? options.limit : 1;
  const found = await matching(view, options);
  const first = await selectBest(found, orders[options.sort], offset + limit, pause);
  const moment = { nowMs: view.router.nowMs(), unixMs: Date.now() };
  const connections: ConnectionJson[] = [];
  let weight = 0;
  let listed = 0;
  for (const facts of first.slice(offset)) {
    if (listed > listedMax) break;
    connections.push(connectionJson(facts, options, moment));
    const subscriptions = options.subs === "none" ? 0 : facts.subscriptions;
    listed += subscriptions;
    weight += 8 + subscriptions;
    if (weight < sliceLength) continue;
    weight = 0;
    await pause();
  }
  return {
    server_id: view.router.serverId,
    now: timeText(moment.unixMs),
    num_connections: connections.length,
    total: found.length,
    offset,
    limit,
    connections,
  };
}

async function matching(view: MonitorView, options: ConnzOptions): Promise<ConnectionFacts[]> {
  const found: ConnectionFacts[] = [];
  let looked = 0;
  const nowMs = view.router.nowMs();
  const take = (facts: ConnectionFacts): boolean => {
    if (isMeant(facts, options)) found.push(facts);
    looked += 1;
    return looked % sliceLength === 0;
  };
  // Of one connection both lists may know: it is asked for by its number.
  if (options.state !== "closed" || options.cid !== undefined) {
    for (const connection of view.router.connections) {
      if (connection.state === "OPEN" || connection.state === "AWAIT_CONNECT") {
        if (take(factsOf(connection, nowMs))) await pause();
      }
    }
  }
  if (options.state !== "open" || (options.cid !== undefined && found.length === 0)) {
    // The ring may move on during a pause: its entries never change, so a copy is a moment's truth.
    const remembered = [...view.closed];
    for (const facts of remembered) if (take(facts)) await pause();
  }
  return found;
}

function isMeant(facts: ConnectionFacts, options: ConnzOptions): boolean {
  const { cid, user, account, filterSubject } = options;
  if (cid !== undefined && facts.id !== cid) return false;
  if (user !== undefined && facts.user !== user) return false;
  if (account !== undefined && facts.account !== account) return false;
  return filterSubject === undefined || isSubscribed(facts, filterSubject);
}

function isSubscribed({ connection }: ConnectionFacts, subject: string): boolean {
  for (const each of connection?.subscriptions.values() ?? []) {
    if (each.subject === subject) return true;
  }
  return false;
}
