// Opens a request: decodes and checks its body, says what to do in plain terms, and hands back the
// two functions that turn the outcome into a reply. Never throws.
import { Mq9Error } from "@mq9/protocol";
import { createEmptied, openCreate } from "./create/create.ts";
import type { Caller, Command, DialectOptions, Exchange } from "./dialect.ts";
import { openQuery, queryEmptied } from "./inbox/query.ts";
import type { JsonObject } from "./json.ts";
import { listEmptied, openList } from "./mailbox/list.ts";
import { openRemove, removeEmptied } from "./mailbox/remove.ts";
import { errorReply } from "./replies.ts";

const emptiedByVerb: Readonly<Record<Command["verb"], JsonObject>> = {
  create: createEmptied,
  query: queryEmptied,
  list: listEmptied,
  remove: removeEmptied,
};

/**
 * One request from its body to its reply.
 * @param body as it arrived; its size is limited by the connection already
 * @returns `op: "refused"` with the reply when the body makes no sense
 */
export function openRequest(
  command: Command,
  body: Uint8Array,
  caller: Caller,
  options: DialectOptions,
): Exchange {
  try {
    switch (command.verb) {
      case "create":
        return openCreate(body, caller, options);
      case "query":
        return openQuery(command.mailbox, body);
      case "list":
        return openList(command.mailbox, body);
      case "remove":
        return openRemove(command.mailbox, command.msgId);
    }
  } catch (error) {
    if (!(error instanceof Mq9Error)) throw error;
    const fail = (failure: Mq9Error): Uint8Array =>
      errorReply(failure, emptiedByVerb[command.verb]);
    return { op: "refused", operation: undefined, refusal: fail(error), fail };
  }
}
