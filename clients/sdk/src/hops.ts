// How long a chain of messages is that caused each other: copied from the cause, counted by the broker,
// which stops chains that have no end.
import type { Message } from "./message.ts";

const hopsHeader = "mq9-hops";

/** The header line of a message that another one made somebody send. */
export function hopsAfter({ headers }: Pick<Message<unknown>, "headers">): [string, string] {
  return [hopsHeader, headers.get(hopsHeader) ?? "1"];
}
