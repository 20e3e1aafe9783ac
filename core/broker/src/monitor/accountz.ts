// Accounts: their names, one of them in detail, and what each sent and received.
import { globalAccount } from "@mq9/router";
import type { EndedTotals } from "./closed-connections.ts";
import { MonitorError, type Parameters } from "./parameters.ts";
import { type SublistJson, sublistJson, subscriptionCount } from "./subsz.ts";
import { timeText } from "./texts.ts";
import type { MonitorView } from "./view.ts";

export interface AccountzOptions {
  /** Undefined = the names of all. */
  readonly account: string | undefined;
}

export interface AccstatzOptions {
  /** Undefined = all. */
  readonly accounts: readonly string[] | undefined;
  /** Those too that never had a connection. */
  readonly includeUnused: boolean;
}

/** @throws {MonitorError} */
export function accountzQuery(parameters: Parameters): AccountzOptions {
  return { account: parameters.text("acc") };
}

/** @throws {MonitorError} */
export function accountzBody(parameters: Parameters): AccountzOptions {
  return { account: parameters.text("account") };
}

/** @throws {MonitorError} */
export function accstatzQuery(parameters: Parameters): AccstatzOptions {
  const includeUnused = parameters.flag("unused") ?? false;
  return { accounts: parameters.texts("acc"), includeUnused };
}

/** @throws {MonitorError} */
export function accstatzBody(parameters: Parameters): AccstatzOptions {
  const includeUnused = parameters.flag("include_unused") ?? false;
  return { accounts: parameters.texts("accounts"), includeUnused };
}

/** The reply to ACCOUNTZ. */
export interface Accountz {
  readonly server_id: string;
  readonly now: string;
  readonly system_account?: string;
  readonly accounts?: readonly string[];
  readonly account_detail?: AccountDetail;
}

/** One account. */
export interface AccountDetail {
  readonly account_name: string;
  readonly update_time: string;
  readonly is_system?: boolean;
  readonly expired: boolean;
  readonly complete: boolean;
  readonly jetstream_enabled: boolean;
  readonly leafnode_connections: number;
  readonly client_connections: number;
  readonly subscriptions: number;
  readonly name_tag: string;
  readonly sublist_stats: SublistJson;
}

/** Names, or one account in detail. @throws {MonitorError} when there is no such account */
export function accountz(view: MonitorView, { account }: AccountzOptions): Accountz {
  const head = {
    server_id: view.router.serverId,
    now: timeText(Date.now()),
    ...(view.systemAccount === undefined ? {} : { system_account: view.systemAccount }),
  };
  const names = accountNames(view);
  if (account === undefined) return { ...head, accounts: [...names].sort() };
  if (!names.has(account)) {
    throw new MonitorError(`Account ${account.slice(0, 256)} does not exist`);
  }
  return { ...head, account_detail: detailOf(view, account) };
}

function detailOf(view: MonitorView, account: string): AccountDetail {
  const list = view.router.accounts.get(account);
  const subscriptions = subscriptionCount(view, account);
  let connections = 0;
  for (const connection of view.router.connections) {
    if (connection.account === account) connections += 1;
  }
  return {
    account_name: account,
    update_time: timeText(view.configuredAtMs),
    ...(account === view.systemAccount ? { is_system: true } : {}),
    expired: false,
    complete: true,
    jetstream_enabled: false,
    leafnode_connections: 0,
    client_connections: connections,
    subscriptions,
    name_tag: account,
    sublist_stats: sublistJson(list === undefined ? [] : [list], subscriptions),
  };
}

/** Every account that anything is known of. */
function accountNames(view: MonitorView): Set<string> {
  const names = new Set([globalAccount, ...view.router.accounts.keys()]);
  for (const name of view.closed.accounts.keys()) names.add(name);
  for (const name of view.storedByAccount.keys()) names.add(name);
  for (const name of view.configuredAccounts) names.add(name);
  if (view.systemAccount !== undefined) names.add(view.systemAccount);
  return names;
}

/** What went one way. */
interface Flow {
  readonly msgs: number;
  readonly bytes: number;
}

/** The traffic of one account. */
export interface AccountStat {
  readonly acc: string;
  readonly name: string;
  readonly conns: number;
  readonly leafnodes: number;
  readonly total_conns: number;
  readonly num_subscriptions: number;
  /** To its clients. */
  readonly sent: Flow;
  /** From its clients. */
  readonly received: Flow;
  readonly slow_consumers: number;
}

/** The reply to ACCSTATZ, which `$SYS` names STATZ of an account. */
export interface Accstatz {
  readonly server_id: string;
  readonly now: string;
  readonly account_statz: readonly AccountStat[];
}

/** Open connections of one account together. */
interface Open extends EndedTotals {
  subscriptions: number;
}

const nobody: EndedTotals = {
  connections: 0,
  inMsgs: 0,
  inBytes: 0,
  outMsgs: 0,
  outBytes: 0,
  slowConsumers: 0,
};

/** What each account has and had. */
export function accstatz(view: MonitorView, options: AccstatzOptions): Accstatz {
  const open = openByAccount(view);
  const known = accountNames(view);
  const names = options.accounts ?? [...known].sort();
  const stats: AccountStat[] = [];
  for (const name of names) {
    const now = open.get(name) ?? { ...nobody, subscriptions: 0 };
    const ended = view.closed.accounts.get(name) ?? nobody;
    const total = now.connections + ended.connections;
    if (total === 0 && !(options.includeUnused && known.has(name))) continue;
    stats.push({
      acc: name,
      name,
      conns: now.connections,
      leafnodes: 0,
      total_conns: total,
      num_subscriptions: now.subscriptions,
      sent: { msgs: now.outMsgs + ended.outMsgs, bytes: now.outBytes + ended.outBytes },
      received: { msgs: now.inMsgs + ended.inMsgs, bytes: now.inBytes + ended.inBytes },
      slow_consumers: ended.slowConsumers,
    });
  }
  return {
    server_id: view.router.serverId,
    now: timeText(Date.now()),
    account_statz: stats,
  };
}

function openByAccount(view: MonitorView): Map<string, Open> {
  const open = new Map<string, Open>();
  for (const connection of view.router.connections) {
    let sums = open.get(connection.account);
    if (sums === undefined) {
      sums = { ...nobody, subscriptions: 0 };
      open.set(connection.account, sums);
    }
    sums.connections += 1;
    sums.subscriptions += connection.subscriptions.size;
    sums.inMsgs += connection.inMsgs;
    sums.inBytes += connection.inBytes;
    sums.outMsgs += connection.outMsgs;
    sums.outBytes += connection.outBytes;
  }
  return open;
}
