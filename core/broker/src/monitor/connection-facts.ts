// One connection as monitoring knows it, open or ended: numbers to sort by, and its JSON. Credentials
// are nowhere in it, and names of mailboxes that work like credentials are hidden.
import { spacePrefix } from "@mq9/dialects";
import type { Connection, PeerKind, Subscription } from "@mq9/router";
import { withoutSecretNames } from "../audit.ts";
import { durationText, timeText, uptimeText } from "./texts.ts";

/** Times are of the router's clock, in milliseconds. */
export interface ConnectionFacts {
  readonly id: number;
  readonly kind: PeerKind;
  readonly address: string;
  readonly port: number;
  readonly account: string;
  readonly user: string;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly tlsVersion: string;
  readonly tlsCipher: string;
  readonly startedMs: number;
  readonly activeMs: number;
  /** When this was looked at. */
  readonly seenMs: number;
  /** Undefined = it is open. */
  readonly stoppedMs: number | undefined;
  /** "" while it is open. */
  readonly reason: string;
  /** -1 = not measured. */
  readonly roundTripMs: number;
  readonly pendingBytes: number;
  readonly inMsgs: number;
  readonly outMsgs: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly subscriptions: number;
  /** Undefined = it ended. */
  readonly connection: Connection | undefined;
}

/** What there is to know of an open connection, or of one that ends right now. */
export function factsOf(connection: Connection, nowMs: number): ConnectionFacts {
  const { peer, options, keepAlive } = connection;
  return {
    id: connection.id,
    kind: peer.kind,
    address: connection.remoteAddress,
    port: connection.remotePort,
    account: connection.account,
    user: connection.identity?.user ?? "",
    name: options.name,
    lang: options.lang,
    version: options.version,
    tlsVersion: peer.tls?.version ?? "",
    tlsCipher: peer.tls?.cipher ?? "",
    startedMs: connection.sinceMs,
    activeMs: keepAlive.activeAtMs(nowMs),
    seenMs: nowMs,
    stoppedMs: undefined,
    reason: "",
    roundTripMs: keepAlive.roundTripMs,
    pendingBytes: connection.closed ? 0 : connection.outbox.pendingBytes,
    inMsgs: connection.inMsgs,
    outMsgs: connection.outMsgs,
    inBytes: connection.inBytes,
    outBytes: connection.outBytes,
    subscriptions: connection.subscriptions.size,
    connection,
  };
}

/** How much of a connection is shown. */
export interface Shown {
  /** User and account. */
  readonly auth: boolean;
  readonly subs: "none" | "list" | "detail";
}

/** The moment of an answer, on both clocks. */
export interface Moment {
  /** Of the router's clock. */
  readonly nowMs: number;
  /** The same instant since 1970. */
  readonly unixMs: number;
}

/** Subscriptions of one connection that are listed at most. */
const listedMax = 10_000;

/** One subscription in a detailed list. */
export interface SubscriptionJson {
  readonly subject: string;
  readonly qgroup?: string;
  readonly sid: string;
  readonly msgs: number;
  readonly max?: number;
  readonly cid: number;
}

/** One entry of `connections`. */
export type ConnectionJson = Readonly<Record<string, unknown>>;

export function connectionJson(
  facts: ConnectionFacts,
  { auth, subs }: Shown,
  { nowMs, unixMs }: Moment,
): ConnectionJson {
  const at = (ms: number): string => timeText(unixMs - nowMs + ms);
  const { stoppedMs } = facts;
  const untilMs = stoppedMs ?? nowMs;
  return {
    cid: facts.id,
    kind: "Client",
    type: facts.kind === "WEBSOCKET" ? "websocket" : "nats",
    ip: facts.address,
    port: facts.port,
    start: at(facts.startedMs),
    last_activity: at(facts.activeMs),
    ...(stoppedMs === undefined ? {} : { stop: at(stoppedMs), reason: facts.reason }),
    ...(facts.roundTripMs < 0 ? {} : { rtt: durationText(facts.roundTripMs) }),
    uptime: uptimeText(untilMs - facts.startedMs),
    idle: uptimeText(untilMs - facts.activeMs),
    pending_bytes: facts.pendingBytes,
    in_msgs: facts.inMsgs,
    out_msgs: facts.outMsgs,
    in_bytes: facts.inBytes,
    out_bytes: facts.outBytes,
    subscriptions: facts.subscriptions,
    ...textual(facts),
    ...(auth ? { authorized_user: facts.user, account: facts.account } : {}),
    ...(subs === "none" ? {} : listing(facts, subs)),
  };
}

/** What is left out when it is empty. */
function textual(facts: ConnectionFacts): ConnectionJson {
  return {
    ...(facts.name === "" ? {} : { name: facts.name }),
    ...(facts.lang === "" ? {} : { lang: facts.lang }),
    ...(facts.version === "" ? {} : { version: facts.version }),
    ...(facts.tlsVersion === "" ? {} : { tls_version: facts.tlsVersion }),
    ...(facts.tlsCipher === "" ? {} : { tls_cipher_suite: facts.tlsCipher }),
  };
}

function listing({ connection }: ConnectionFacts, subs: "list" | "detail"): ConnectionJson {
  if (connection === undefined || connection.subscriptions.size === 0) return {};
  const listed: Subscription[] = [];
  for (const subscription of connection.subscriptions.values()) {
    if (listed.length >= listedMax) break;
    listed.push(subscription);
  }
  if (subs === "list") {
    return { subscriptions_list: listed.map(({ subject }) => shownSubject(subject)) };
  }
  return { subscriptions_list_detail: listed.map((each) => subscriptionJson(each, connection)) };
}

export function subscriptionJson(
  { subject, queue, sid, delivered, max }: Subscription,
  connection: Connection,
): SubscriptionJson {
  return {
    subject: shownSubject(subject),
    ...(queue === "" ? {} : { qgroup: Buffer.from(queue, "latin1").toString("utf8") }),
    sid,
    msgs: delivered,
    ...(max === 0 ? {} : { max }),
    cid: connection.id,
  };
}

/** A subject for people to read: a byte string as text, digests in place of names that are secrets. */
export function shownSubject(subject: string): string {
  const text = Buffer.from(subject, "latin1").toString("utf8");
  return text.startsWith(spacePrefix) ? withoutSecretNames(text) : text;
}
