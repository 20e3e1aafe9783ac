// What the server tells the system account by itself: who came and went, who was not let in, how it is
// doing, and that it is about to stop. Nothing is built that nobody is subscribed to.
import type { Connection, RouterServices } from "@mq9/router";
import { toWireSubject } from "@mq9/wire";
import { accstatz } from "../monitor/accountz.ts";
import { timeText } from "../monitor/texts.ts";
import type { MonitorView } from "../monitor/view.ts";
import { type Envelope, jsonBytes } from "./envelope.ts";
import { statsz } from "./queries.ts";

/** What events need. */
export interface EventDeps {
  readonly services: RouterServices;
  readonly view: MonitorView;
  readonly envelope: Envelope;
}

/** Between two reports of how the server is doing. */
const statsEveryMs = 10_000;
/** Between two reports of how many connections an account has, if nothing changes. */
const accountsEveryMs = 30_000;
/** Changes of an account's connections within this time are told together. */
const settleMs = 100;

export class SystemEvents {
  readonly #deps: EventDeps;
  #account: string | undefined = undefined;
  #stats: NodeJS.Timeout | undefined = undefined;
  #accounts: NodeJS.Timeout | undefined = undefined;
  #settling: NodeJS.Timeout | undefined = undefined;
  readonly #changed = new Set<string>();

  constructor(deps: EventDeps) {
    this.#deps = deps;
  }

  /** Names the account that hears of everything; undefined = nobody does. May be repeated. */
  operate(account: string | undefined): void {
    this.stop();
    this.#account = account;
    if (account === undefined) return;
    this.#stats = setInterval(() => this.#tellStats(), statsEveryMs).unref();
    this.#accounts = setInterval(() => this.#tellAccounts(), accountsEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#stats);
    clearInterval(this.#accounts);
    clearTimeout(this.#settling);
    this.#settling = undefined;
    this.#changed.clear();
  }

  connected(connection: Connection): void {
    const { account } = connection;
    this.#tell(`$SYS.ACCOUNT.${toWireSubject(account)}.CONNECT`, () =>
      this.#deps.envelope.event("client_connect", {
        client: clientJson(connection, this.#startedAt(connection), undefined),
      }),
    );
    this.#accountChanged(account);
  }

  /** A connection that was let in ended. @param reason in a few words */
  disconnected(connection: Connection, reason: string): void {
    const { account } = connection;
    const token = toWireSubject(account);
    this.#tell(`$SYS.ACCOUNT.${token}.DISCONNECT`, () => this.#farewell(connection, reason));
    this.#accountChanged(account);
  }

  /** Somebody was not let in. */
  turnedAway(connection: Connection, reason: string): void {
    const token = toWireSubject(connection.account);
    const build = (): Buffer => this.#farewell(connection, reason);
    this.#tell(`$SYS.SERVER.${this.#serverId}.CLIENT.AUTH.ERR`, build);
    this.#tell(`$SYS.ACCOUNT.${token}.DISCONNECT`, build);
  }

  /** The server takes leave of its clients. */
  lameDuck(): void {
    this.#tell(`$SYS.SERVER.${this.#serverId}.LAMEDUCK`, () =>
      jsonBytes(this.#deps.envelope.server()),
    );
  }

  /** The server stops now. */
  shutDown(): void {
    this.#tell(`$SYS.SERVER.${this.#serverId}.SHUTDOWN`, () =>
      jsonBytes(this.#deps.envelope.server()),
    );
  }

  get #serverId(): string {
    return this.#deps.view.router.serverId;
  }

  #farewell(connection: Connection, reason: string): Buffer {
    return this.#deps.envelope.event("client_disconnect", {
      client: clientJson(connection, this.#startedAt(connection), Date.now()),
      // As the client sees it: what it sent, and what it got.
      sent: { msgs: connection.inMsgs, bytes: connection.inBytes },
      received: { msgs: connection.outMsgs, bytes: connection.outBytes },
      reason,
    });
  }

  #startedAt({ sinceMs }: Connection): number {
    return Date.now() - this.#deps.view.router.nowMs() + sinceMs;
  }

  #tellStats(): void {
    this.#tell(`$SYS.SERVER.${this.#serverId}.STATSZ`, () => {
      const { envelope, view } = this.#deps;
      return jsonBytes({ server: envelope.server(), statsz: statsz(view) });
    });
  }

  /** Tells how many connections an account has, soon: storms of connections are one event. */
  #accountChanged(account: string): void {
    if (this.#account === undefined) return;
    this.#changed.add(account);
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const each of changed) this.#tellAccount(each);
    }, settleMs).unref();
  }

  #tellAccounts(): void {
    const accounts = new Set<string>();
    for (const { account } of this.#deps.view.router.connections) accounts.add(account);
    for (const account of accounts) this.#tellAccount(account);
  }

  #tellAccount(account: string): void {
    const token = toWireSubject(account);
    const build = (): Buffer => {
      const { envelope, view } = this.#deps;
      const [stat] = accstatz(view, { accounts: [account], includeUnused: true }).account_statz;
      return envelope.event("account_connections", { ...stat });
    };
    this.#tell(`$SYS.ACCOUNT.${token}.SERVER.CONNS`, build);
    this.#tell(`$SYS.SERVER.ACCOUNT.${token}.CONNS`, build); // where older tools listen
  }

  #tell(subject: string, build: () => Buffer): void {
    const { services } = this.#deps;
    const account = this.#account;
    if (account === undefined || !services.hasInterest(account, subject)) return;
    services.publish(account, subject, "", undefined, build());
  }
}

/** Times are Unix ms. @param stoppedAtMs undefined = it is open */
function clientJson(
  connection: Connection,
  startedAtMs: number,
  stoppedAtMs: number | undefined,
): object {
  const { options, identity, keepAlive, peer, account } = connection;
  const { roundTripMs } = keepAlive;
  return {
    start: timeText(startedAtMs),
    host: connection.remoteAddress,
    id: connection.id,
    acc: account,
    ...(identity === undefined || identity.user === "" ? {} : { user: identity.user }),
    ...(options.name === "" ? {} : { name: options.name }),
    ...(options.lang === "" ? {} : { lang: options.lang }),
    ...(options.version === "" ? {} : { ver: options.version }),
    ...(roundTripMs < 0 ? {} : { rtt: Math.round(roundTripMs * 1e6) }),
    ...(stoppedAtMs === undefined ? {} : { stop: timeText(stoppedAtMs) }),
    name_tag: account,
    kind: "Client",
    client_type: peer.kind === "WEBSOCKET" ? "websocket" : "nats",
  };
}
