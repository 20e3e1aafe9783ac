// Performs one decoded request and writes its reply in the words of the generation that asked.
import { createHash, randomBytes } from "node:crypto";
import type { Exchange } from "@mq9/dialects";
import { type MailboxApi, Mq9Error } from "@mq9/protocol";

type OpenExchange = Exclude<Exchange, { readonly op: "refused" }>;

/** What one reply may hold of payloads; no dialect writes longer ones. */
const replyBytesMax = 1_048_576;

/** The reply to a request. Never rejects: what goes wrong is a reply too. */
export async function perform(mailboxes: MailboxApi, exchange: OpenExchange): Promise<Uint8Array> {
  try {
    return await act(mailboxes, exchange);
  } catch (error) {
    return exchange.fail(
      error instanceof Mq9Error
        ? error
        : new Mq9Error("unknown", "the broker failed to answer this request", { cause: error }),
    );
  }
}

async function act(mailboxes: MailboxApi, exchange: OpenExchange): Promise<Uint8Array> {
  switch (exchange.op) {
    case "create": {
      const { request, wantsToken } = exchange.operation;
      const token = wantsToken ? `tok-${randomBytes(16).toString("hex")}` : undefined;
      const tokenDigest = token === undefined ? undefined : digest(token);
      const result = await mailboxes.create({ ...request, tokenDigest });
      return exchange.succeed(result, result.created ? token : undefined);
    }
    case "query": {
      const { mailbox, token, limit } = exchange.operation;
      const tokenDigest = token === undefined ? undefined : digest(token);
      return exchange.succeed(
        await mailboxes.query({
          mailbox,
          checkToken: true,
          tokenDigest,
          unreadOnly: true,
          limit,
          bytesMax: replyBytesMax,
        }),
      );
    }
    case "list": {
      const { mailbox, limit, withPayload } = exchange.operation;
      return exchange.succeed(
        await mailboxes.query({
          mailbox,
          checkToken: false,
          unreadOnly: false,
          limit,
          bytesMax: replyBytesMax,
          withPayload,
          countUnread: false,
        }),
      );
    }
    case "remove":
      await mailboxes.remove(exchange.operation);
      return exchange.succeed();
  }
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
