// Every metric of our own by name, with its meaning and where its numbers are. Names and units are a
// promise to dashboards; docs/operating/monitoring.md lists them.
import { connectionCount, type Meters, type MonitorView, subscriptionCount } from "@mq9/broker";
import { byAccount } from "./accounts.ts";
import type { Buckets } from "./bucket-histogram.ts";

/** One number; with a label one per value of it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** Undefined = one number without labels. */
  readonly label?: string;
  /** What there is now; a number that is not known is left out. */
  readonly read: (view: MonitorView) => number | undefined | Iterable<readonly [string, number]>;
}

export const families: readonly Family[] = [
  // --- connections and messages of the NATS protocol
  counter("mq9_in_messages_total", "Messages received from clients", inOut("inMsgs")),
  counter("mq9_in_bytes_total", "Bytes of headers and payloads received", inOut("inBytes")),
  counter("mq9_out_messages_total", "Messages delivered to clients", inOut("outMsgs")),
  counter("mq9_out_bytes_total", "Bytes of headers and payloads delivered", inOut("outBytes")),
  counter("mq9_connections_accepted_total", "Connections accepted", inOut("totalConnections")),
  counter("mq9_slow_consumers_total", "Connections closed for not reading", inOut("slowConsumers")),
  counter(
    "mq9_stale_connections_total",
    "Connections closed for not answering pings",
    inOut("staleConnections"),
  ),
  counter(
    "mq9_connections_refused_total",
    "Connections refused: too many, of all or of one address",
    inOut("refusedConnections"),
  ),
  counter(
    "mq9_output_cuts_total",
    "Slow consumers closed because the output of all was too much",
    inOut("outputCuts"),
  ),
  counter(
    "mq9_input_cuts_total",
    "Connections closed because the unfinished input of all was too much",
    inOut("inputCuts"),
  ),
  {
    ...counter(
      "mq9_connections_closed_total",
      "Connections that ended",
      ({ closed }) => closed.reasons,
    ),
    label: "reason",
  },
  gauge("mq9_connections", "Client connections that are open", connectionCount),
  gauge("mq9_subscriptions", "Subscriptions of all clients", (view) => subscriptionCount(view)),
  // --- mail
  counter(
    "mq9_sends_accepted_total",
    "Messages stored for a publisher",
    ({ meters }) => meters.sendsAccepted,
  ),
  {
    ...counter(
      "mq9_sends_refused_total",
      "Publishes to mailboxes that were not stored",
      ({ meters }) => meters.sendsRefused,
    ),
    label: "code",
  },
  counter("mq9_deliveries_total", "Messages handed to readers, each time anew", mail("deliveries")),
  counter(
    "mq9_redeliveries_total",
    "Deliveries of a group that were not the first",
    mail("redeliveries"),
  ),
  counter("mq9_acks_total", "Messages acknowledged", mail("acks")),
  counter("mq9_nacks_total", "Messages handed back by their consumer", mail("nacks")),
  counter("mq9_leases_expired_total", "Leases that ended unsettled", mail("leasesExpired")),
  counter("mq9_dead_letters_total", "Messages moved to the dead letters", mail("deadLetters")),
  counter(
    "mq9_messages_expired_total",
    "Messages removed after their time to live",
    mail("messagesExpired"),
  ),
  counter(
    "mq9_mailboxes_expired_total",
    "Mailboxes that reached their end",
    mail("mailboxesExpired"),
  ),
  gauge("mq9_leases", "Messages that are out with a consumer", mail("leases")),
  gauge("mq9_waiting_fetches", "FETCHes that wait for mail", ({ meters }) => meters.waitingFetches),
  stored("mq9_mailboxes", "Mailboxes", "mailboxes"),
  stored("mq9_stored_messages", "Messages stored, delayed ones included", "messages"),
  stored("mq9_stored_bytes", "Bytes of headers and payloads stored", "bytes"),
  // --- disk, clock, state
  counter(
    "mq9_commit_failures_total",
    "Commits that the disk refused",
    ({ meters }) => meters.commitsFailed,
  ),
  gauge(
    "mq9_disk_free_bytes",
    "Free bytes of the disk beneath the store",
    ({ disk }) => disk.freeBytes,
  ),
  gauge(
    "mq9_disk_total_bytes",
    "Bytes of the disk beneath the store",
    ({ disk }) => disk.totalBytes,
  ),
  gauge(
    "mq9_disk_soft_mark_bytes",
    "Free bytes below which sends are refused",
    ({ disk }) => disk.softMarkBytes,
  ),
  gauge("mq9_disk_full", "1 while sends are refused for want of space", ({ disk }) =>
    Number(disk.state !== "plenty"),
  ),
  gauge(
    "mq9_clock_ahead_seconds",
    "How far the broker's clock is ahead of the machine's",
    ({ clock }) => clock.aheadMs / 1_000,
  ),
  gauge("mq9_clock_suspect", "1 while the machine's clock is not believed", ({ clock }) =>
    Number(clock.suspect),
  ),
  gauge("mq9_ready", "1 while sends are accepted", ({ readiness }) => Number(readiness.ready)),
  {
    ...gauge("mq9_build_info", "1, labelled with the version", ({ productVersion }) => [
      [productVersion, 1],
    ]),
    label: "version",
  },
  {
    ...counter(
      "mq9_http_requests_total",
      "Requests to the monitoring port",
      ({ http }) => http?.requests ?? [],
    ),
    label: "path",
  },
];

/** A histogram of the broker, and how its unit becomes that of the metric. */
export interface HistogramFamily {
  readonly name: string;
  readonly help: string;
  readonly of: (meters: Meters) => Buckets;
  readonly divisor: number;
}

export const histograms: readonly HistogramFamily[] = [
  seconds(
    "mq9_send_duration_seconds",
    "From the bytes of a publish to its message being durable",
    (meters) => meters.sendMs,
  ),
  seconds(
    "mq9_queue_wait_seconds",
    "From stored to handed out by a group, at the first delivery",
    (meters) => meters.mail.queueMs,
  ),
  seconds(
    "mq9_lease_hold_seconds",
    "From handed out to acknowledged",
    (meters) => meters.mail.leaseMs,
  ),
  seconds("mq9_fetch_wait_seconds", "From a FETCH to its answer", (meters) => meters.fetchMs),
  seconds(
    "mq9_commit_duration_seconds",
    "Time the disk took for one commit",
    (meters) => meters.commitMs,
  ),
  {
    name: "mq9_commit_changes",
    help: "Changes in one commit",
    of: (meters) => meters.commitChanges,
    divisor: 1,
  },
];

function counter(name: string, help: string, read: Family["read"]): Family {
  return { name, help, type: "counter", read };
}

function gauge(name: string, help: string, read: Family["read"]): Family {
  return { name, help, type: "gauge", read };
}

function seconds(name: string, help: string, of: (meters: Meters) => Buckets): HistogramFamily {
  return { name, help, of, divisor: 1_000 };
}

function inOut(name: keyof MonitorView["router"]["stats"]): Family["read"] {
  return ({ router }) => router.stats[name];
}

function mail(
  name: Exclude<keyof Meters["mail"], "queueMs" | "leaseMs" | "handedOut">,
): Family["read"] {
  return ({ meters }) => meters.mail[name];
}

function stored(name: string, help: string, of: "mailboxes" | "messages" | "bytes"): Family {
  const read: Family["read"] = (view) => byAccount(view, of);
  return { ...gauge(name, help, read), label: "account" };
}
