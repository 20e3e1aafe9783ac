// Every way in which the answers of this broker and of nats-server may differ, each with its reason.
// ./wire holds our answer; ./wire/nats-server holds a transcript of the same name with the other one.

/** One transcript that the two servers answer differently. */
export interface DocumentedDifference {
  /** File name in ./wire and in ./wire/nats-server. */
  readonly file: string;
  readonly reason: string;
}

/**
 * Not listed because it is left out of every record: since 2.12 the real server repeats INFO, with
 * `connect_info` set, after the first PONG of a connection. It tells a client its account; every
 * client takes it as an update of what it knows, and none waits for it.
 */
export const differences: readonly DocumentedDifference[] = [
  {
    file: "connect-again-defaults.txt",
    reason:
      "The real server keeps the options of the first CONNECT where the second leaves them out. Every client library writes all of its options every time; here each CONNECT means what it says, whatever came before.",
  },
  {
    file: "headers-not-a-block.txt",
    reason:
      "The real server passes any bytes on as headers. A client that checks what it gets drops its own connection then, so one publisher could cut off every reader; here the publisher is the one that goes.",
  },
  {
    file: "leading-zeros.txt",
    reason:
      "The real server repeats the digits of the publisher. A size is a number here and is written without leading zeros, which every client reads alike.",
  },
  {
    file: "pedantic-one-error.txt",
    reason:
      "The real server judges a pedantic publish twice, when its line ends and when its payload has come, and may answer both times. Here a publish is judged once, when it is whole, and gets the first error there is.",
  },
];
