// The sentences generation 1 prints for errors every generation has.
import { Mq9Error } from "@mq9/protocol";

/** `mailbox not found`, with the sentence of the other generations behind it. */
export function asMailboxNotFound(error: Mq9Error): Mq9Error {
  if (error.code !== "not_found") return error;
  return new Mq9Error("not_found", `mailbox not found: ${error.message}`, { cause: error });
}

/** Exactly `message not found`, whatever the domain said beside it. */
export function asMessageNotFound(error: Mq9Error): Mq9Error {
  if (error.code !== "message_not_found") return error;
  return new Mq9Error("message_not_found", "message not found", { cause: error });
}
