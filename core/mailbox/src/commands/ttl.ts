// The one rule for a mailbox's time to live.
import { Mq9Error } from "@mq9/protocol";

/** @throws {Mq9Error} `invalid` unless a whole number of seconds, 0 (never) to the maximum */
export function assertTtl(ttlSeconds: number, secondsMax: number): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 0 || ttlSeconds > secondsMax) {
    throw new Mq9Error(
      "invalid",
      `ttl is a whole number of seconds from 0 (never expires) to ${secondsMax}`,
    );
  }
}
