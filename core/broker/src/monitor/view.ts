// What can be seen of a running broker from outside, without changing anything. Made by the broker,
// read by the builders beside this file, which HTTP monitoring and the `$SYS` service share.
import type { Turns } from "@mq9/mailbox";
import type { Router } from "@mq9/router";
import type { Meters } from "../meters.ts";
import type { ClosedConnections } from "./closed-connections.ts";

/** What monitoring reads of the router. */
export type MonitoredRouter = Pick<
  Router,
  | "serverId"
  | "server"
  | "options"
  | "maxConnections"
  | "stats"
  | "connections"
  | "accounts"
  | "nowMs"
>;

/** What lies in all mailboxes, but for those the broker keeps for itself. */
export interface StoredFigures {
  readonly mailboxes: number;
  /** Delayed ones included. A message that ended counts until it is swept. */
  readonly messages: number;
  /** Of headers and payloads. */
  readonly bytes: number;
}

/** The disk beneath the store as it was last looked at. */
export interface DiskFigures {
  /** `soft` and `hard`: free space is below that mark and nothing new is taken. */
  readonly state: "plenty" | "soft" | "hard";
  /** Undefined = not looked at yet, or the store knows no disk. */
  readonly freeBytes: number | undefined;
  readonly totalBytes: number | undefined;
  readonly softMarkBytes: number | undefined;
}

export interface ClockFigures {
  /** How far the broker's clock is ahead of the machine's; negative = behind. */
  readonly aheadMs: number;
  /** The machine's clock differs too much to be followed. */
  readonly suspect: boolean;
}

/** Whether sends are taken. `reason` is a sentence for people. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: string };

/** Where monitoring is served, once it is. */
export interface HttpFacts {
  readonly host: string;
  readonly port: number;
  /** "" or a path with a leading slash. */
  readonly basePath: string;
  /** Requests so far, by path. */
  readonly requests: ReadonlyMap<string, number>;
}

/** A broker as monitoring sees it. Figures are read when asked for; nothing here may be changed but `http`. */
export interface MonitorView {
  readonly router: MonitoredRouter;
  readonly closed: ClosedConnections;
  readonly meters: Meters;
  /** Our own version. */
  readonly productVersion: string;
  /** Unix ms, by the machine's clock. */
  readonly startedAtMs: number;
  /** Latest reload, or the start; Unix ms. */
  readonly configuredAtMs: number;
  /** Undefined = no accounts are configured. */
  readonly systemAccount: string | undefined;
  /** Names of the accounts that the configuration describes, used or not. */
  readonly configuredAccounts: readonly string[];
  readonly authRequired: boolean;
  readonly tlsRequired: boolean;
  /** The part of its life the broker is in. */
  readonly state: string;
  readonly stored: StoredFigures;
  /** What lies in the mailboxes of each account that has any. */
  readonly storedByAccount: ReadonlyMap<string, StoredFigures>;
  readonly disk: DiskFigures;
  readonly clock: ClockFigures;
  readonly readiness: Readiness;
  /** Long lists are gathered in turn, whoever asks. */
  readonly lists: Turns;
  /** Set by whoever serves monitoring over HTTP. */
  http: HttpFacts | undefined;
}

/** Work between two pauses in which other work goes first. */
export const sliceLength = 2_048;

/** Lets other work of the event loop go first. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
