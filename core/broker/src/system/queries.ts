// What can be asked of a server, by the last token of the subject. The answers are those of HTTP
// monitoring; nothing is changed by asking.
import { accountz, accountzBody, accstatz, accstatzBody } from "../monitor/accountz.ts";
import { connz, connzBody } from "../monitor/connz.ts";
import { gatewayz, healthz, jsz, leafz, routez } from "../monitor/healthz.ts";
import type { Parameters } from "../monitor/parameters.ts";
import { subsz, subszBody } from "../monitor/subsz.ts";
import { varz } from "../monitor/varz.ts";
import type { MonitorView } from "../monitor/view.ts";
import { SystemError } from "./envelope.ts";

/** Answers one kind of question. @throws {MonitorError} when its options make no sense */
export type Query = (view: MonitorView, parameters: Parameters) => object | Promise<object>;

/** Questions to a server: `$SYS.REQ.SERVER.PING.<name>` and `$SYS.REQ.SERVER.<id>.<name>`. */
export const serverQueries: Readonly<Record<string, Query>> = {
  VARZ: (view) => varz(view),
  CONNZ: (view, parameters) => connz(view, connzBody(parameters)),
  SUBSZ: (view, parameters) => subsz(view, subszBody(parameters)),
  HEALTHZ: (view) => healthz(view),
  ACCOUNTZ: (view, parameters) => accountz(view, accountzBody(parameters)),
  JSZ: (view) => jsz(view),
  ROUTEZ: (view) => routez(view),
  LEAFZ: (view) => leafz(view),
  GATEWAYZ: (view) => gatewayz(view),
};

/** Questions about one account: `$SYS.REQ.ACCOUNT.<account>.<name>`. */
export const accountQueries: Readonly<
  Record<
    string,
    (view: MonitorView, parameters: Parameters, account: string) => object | Promise<object>
  >
> = {
  CONNZ: (view, parameters, account) => connz(view, { ...connzBody(parameters), account }),
  SUBSZ: (view, parameters, account) => subsz(view, { ...subszBody(parameters), account }),
  STATZ: (view, _parameters, account) => accountFigures(view, account),
  INFO: (view, _parameters, account) => detailOf(view, account),
  LEAFZ: (view) => leafz(view),
  JSZ: () => {
    throw new SystemError(500, "jetstream not enabled");
  },
};

/**
 * The connections of the asker's own account, whatever account the options name. Without their
 * subscriptions: inboxes and mailboxes of others are none of its business.
 */
export function ownConnections(
  view: MonitorView,
  parameters: Parameters,
  account: string,
): Promise<object> {
  return connz(view, { ...connzBody(parameters), account, subs: "none" });
}

/** The traffic of one account. */
export function accountFigures(view: MonitorView, account: string): object {
  return accstatz(view, { accounts: [account], includeUnused: true });
}

/** The traffic of all accounts, or of those the options name. */
export function figures(view: MonitorView, parameters: Parameters): object {
  return accstatz(view, accstatzBody(parameters));
}

function detailOf(view: MonitorView, account: string): object {
  return accountz(view, { account }).account_detail ?? {};
}

/** The figures that a server tells of itself every few seconds. */
export function statsz(view: MonitorView): object {
  const general = varz(view);
  const { stats } = view.router;
  const sent = { msgs: stats.outMsgs, bytes: stats.outBytes };
  const received = { msgs: stats.inMsgs, bytes: stats.inBytes };
  return {
    start: general["start"],
    mem: general["mem"],
    cores: general["cores"],
    cpu: general["cpu"],
    connections: general["connections"],
    total_connections: stats.totalConnections,
    active_accounts: activeAccounts(view),
    subscriptions: general["subscriptions"],
    sent,
    sent_to_clients: sent,
    received,
    received_from_clients: received,
    slow_consumers: stats.slowConsumers,
    active_servers: 1,
    gomaxprocs: general["gomaxprocs"],
  };
}

/** Accounts somebody is connected to. */
function activeAccounts(view: MonitorView): number {
  const accounts = new Set<string>();
  for (const { account } of view.router.connections) accounts.add(account);
  return accounts.size;
}
