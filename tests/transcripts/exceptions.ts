// Every way in which the answers of this broker and of nats-server may differ, each with its reason.
// The transcript itself holds our answer; `realServer` holds the lines of the real one in its place.

/** One transcript whose two answers differ. */
export interface DocumentedDifference {
  /** File name in ./wire. */
  readonly file: string;
  readonly reason: string;
  /** The whole record of the real server: what `replay` returns. */
  readonly realServer: readonly string[];
}

/**
 * Not listed because it is left out of every record: since 2.12 the real server repeats INFO, with
 * `connect_info` set, after the first PONG of a connection. It tells a client its account; every
 * client takes it as an update of what it knows, and none waits for it.
 */
export const differences: readonly DocumentedDifference[] = [
  {
    file: "leading-zeros.txt",
    reason:
      "The real server repeats the digits of the publisher. A size is a number here and is written without leading zeros, which every client reads alike.",
    realServer: ["S: MSG foo 1 000000002", "S: hi", "S: PONG", "open"],
  },
];
