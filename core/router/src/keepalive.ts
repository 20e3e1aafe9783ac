// When to ping, when to give up: the clock side of one connection. Looked at by the router's one
// timer; owns no timer itself.

import { wireErrors } from "@mq9/wire";
import type { Connection } from "./connection.ts";
import type { RouterOptions } from "./options.ts";

/** The round trip is measured anew after this long, even if traffic makes pings needless. */
const roundTripAgeMaxMs = 3_600_000;
/** Up to this part of the first ping's delay is added, so that a reconnecting crowd spreads out. */
const jitterPart = 0.2;
/** Progress that a large payload on a slow line has to make per partial timeout. */
const partialBytesMin = 65_536;

/** Deadlines of one connection. Times are of the hub's clock, in milliseconds. */
export class KeepAlive {
  readonly #connection: Connection;
  readonly #options: RouterOptions;

  /** Unix ms from which the credentials of the connection are void; Infinity = never. */
  credentialsEndMs: number = Number.POSITIVE_INFINITY;

  #connectByMs: number;
  #pingAtMs: number;
  #pingSentMs = 0;
  #pingsOut = 0;
  #roundTripMs = -1;
  #roundTripAtMs = 0;
  /** SUB, UNSUB and PING of the peer; publishes are seen in the connection's own count. */
  #heard = 0;
  #heardBefore = 0;
  /** When `#activity` was last seen to grow. */
  #activeAtMs: number;
  #activitySeen = 0;

  #writes = 0;
  #busySinceMs = -1;
  #begun = -1;
  #partialSinceMs = 0;
  #partialBytes = 0;

  /** @param mustConnect CONNECT has to come in time */
  constructor(connection: Connection, options: RouterOptions, nowMs: number, mustConnect: boolean) {
    this.#connection = connection;
    this.#options = options;
    this.#activeAtMs = nowMs;
    const timeoutMs = mustConnect ? options.authTimeoutMs : options.connectTimeoutMs;
    // The time of a handshake after INFO is not the client's to say who it is.
    const handshakeMs = connection.awaitsHandshake ? (options.tls?.timeoutMs ?? 0) : 0;
    this.#connectByMs =
      timeoutMs === 0 ? Number.POSITIVE_INFINITY : nowMs + handshakeMs + timeoutMs;
    this.#pingAtMs = nowMs + options.pingIntervalMs;
  }

  /** Latest measured round trip in milliseconds; -1 before the first. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /**
   * When something was last said in either direction, as exactly as the router's timer looks: nothing
   * is noted down per message.
   */
  activeAtMs(nowMs: number): number {
    const activity = this.#activity;
    if (activity !== this.#activitySeen) {
      this.#activitySeen = activity;
      this.#activeAtMs = nowMs;
    }
    return this.#activeAtMs;
  }

  /** Grows with every message in or out, and with every other operation of the peer. */
  get #activity(): number {
    return this.#heard + this.#connection.inMsgs + this.#connection.outMsgs;
  }

  /** CONNECT has to come in time although it had not when the connection began. */
  mustConnect(nowMs: number): void {
    this.#connectByMs = Math.min(this.#connectByMs, nowMs + this.#options.authTimeoutMs);
  }

  /** CONNECT was accepted. */
  connected(nowMs: number): void {
    this.#connectByMs = Number.POSITIVE_INFINITY;
    const delayMs = Math.min(this.#options.pingIntervalMs, this.#options.firstPingMs);
    this.#pingAtMs = nowMs + delayMs * (1 + jitterPart * Math.random());
  }

  /** The peer said something that shows it is alive. */
  heard(): void {
    this.#heard++;
  }

  /** The peer answered a ping. */
  answered(nowMs: number): void {
    if (this.#pingsOut > 0) {
      this.#roundTripMs = nowMs - this.#pingSentMs;
      this.#roundTripAtMs = nowMs;
    }
    this.#pingsOut = 0;
  }

  /** Does what is due. @param unixMs the time of day, which credentials end by */
  check(nowMs: number, unixMs: number): void {
    this.activeAtMs(nowMs);
    if (unixMs >= this.credentialsEndMs) {
      this.#connection.expired();
      return;
    }
    if (nowMs >= this.#connectByMs) {
      this.#connection.close("Authentication Timeout", wireErrors.authenticationTimeout);
      return;
    }
    if (nowMs >= this.#pingAtMs) this.#ping(nowMs);
    this.checkWrite(nowMs);
    this.#checkPartial(nowMs);
  }

  #ping(nowMs: number): void {
    this.#pingAtMs = nowMs + this.#options.pingIntervalMs;
    const heard = this.#heard + this.#connection.inMsgs;
    const wasHeard = heard !== this.#heardBefore;
    this.#heardBefore = heard;
    const isMeasured = this.#roundTripMs >= 0 && nowMs - this.#roundTripAtMs <= roundTripAgeMaxMs;
    if (wasHeard && isMeasured) return;
    if (this.#pingsOut + 1 > this.#options.pingMax) {
      // Who is not read because its user was too fast may have answered long ago.
      if (!this.#connection.isPaused) this.#connection.stale();
      return;
    }
    this.#pingsOut++;
    this.#pingSentMs = nowMs;
    this.#connection.sendPing();
  }

  /** A write that stays in flight for too long is a reader that does not read. */
  checkWrite(nowMs: number): void {
    const { outbox } = this.#connection;
    if (!outbox.isBusy) {
      this.#busySinceMs = -1;
    } else if (this.#busySinceMs < 0 || outbox.writes !== this.#writes) {
      this.#busySinceMs = nowMs;
      this.#writes = outbox.writes;
    } else if (nowMs - this.#busySinceMs >= this.#options.writeDeadlineMs) {
      this.#connection.writeDeadlineMissed();
    }
  }

  /** A line or payload that does not get whole holds a connection for nothing. */
  #checkPartial(nowMs: number): void {
    const { partialTimeoutMs } = this.#options;
    const { parser } = this.#connection;
    if (partialTimeoutMs === 0 || !parser.isPartial || this.#connection.isPaused) {
      this.#begun = -1;
      return;
    }
    if (parser.begun !== this.#begun) {
      this.#begun = parser.begun;
      this.#partialSinceMs = nowMs;
      this.#partialBytes = parser.bodyFilled;
    } else if (nowMs - this.#partialSinceMs >= partialTimeoutMs) {
      if (parser.bodyFilled - this.#partialBytes < partialBytesMin) {
        this.#connection.close("Read Timeout");
        return;
      }
      this.#partialSinceMs = nowMs;
      this.#partialBytes = parser.bodyFilled;
    }
  }
}
