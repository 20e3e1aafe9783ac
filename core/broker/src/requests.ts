// Performs one decoded request and writes its reply in the words of the generation that asked.
import { randomBytes } from "node:crypto";
import { type Exchange, withIgnored } from "@mq9/dialects";
import type { Turns } from "@mq9/mailbox";
import { type Consumer, type MailboxInfo, Mq9Error, type RegistryApi } from "@mq9/protocol";
import type { LooseCursors } from "./loose-cursors.ts";
import type { Domain } from "./pushed-group.ts";
import { tokenDigest as digest, type Rights } from "./rights.ts";

type OpenExchange = Exclude<Exchange, { readonly op: "refused" }>;

/** Who asks, and who else has to hear what became of a message. */
export interface Requester {
  /** Holds the leases of what it fetches. */
  readonly consumer: Consumer;
  readonly registry: RegistryApi;
  readonly cursors: LooseCursors;
  /** Its requests that read a lot. */
  readonly reads: Turns;
  /** These messages of a group are settled or were handed back. */
  settled(mailbox: string, group: string, msgIds: readonly number[]): void;
  extended(mailbox: string, group: string, msgId: number, endsAtMs: number): void;
  /** Who it is, proven; undefined = nobody signed in. */
  readonly user: string | undefined;
  /** Undefined = it may do everything. */
  readonly rights: Pick<Rights, "mayCreate"> | undefined;
  /** It showed a token that gives something. */
  opened(mailbox: string, token: string): void;
  /** A token of this mailbox counts no more. */
  revoked(mailbox: string): void;
  /** A defect of ours kept a request from being answered; whoever asked hears `unknown`. */
  failed(error: unknown): void;
}

/** What one reply may hold of payloads; no dialect writes longer ones. */
const replyBytesMax = 1_048_576;

const readsMuch: ReadonlySet<OpenExchange["op"]> = new Set([
  "query",
  "list",
  "search",
  "discover",
  "mailboxes",
  "scheduled",
  "redrive",
  "purge",
]);

/** The reply to a request. Never rejects: what goes wrong is a reply too. */
export async function perform(
  mailboxes: Domain,
  exchange: OpenExchange,
  requester: Requester,
): Promise<Uint8Array> {
  try {
    const acting = readsMuch.has(exchange.op)
      ? requester.reads.run(() => act(mailboxes, exchange, requester))
      : act(mailboxes, exchange, requester);
    return withIgnored(exchange, await acting);
  } catch (error) {
    if (error instanceof Mq9Error) return exchange.fail(error);
    requester.failed(error);
    return exchange.fail(new Mq9Error("unknown", "the broker failed to answer this request"));
  }
}

async function act(
  mailboxes: Domain,
  exchange: OpenExchange,
  requester: Requester,
): Promise<Uint8Array> {
  switch (exchange.op) {
    case "create": {
      const { request, wantsToken } = exchange.operation;
      const token = wantsToken ? `tok-${randomBytes(16).toString("hex")}` : undefined;
      const tokenDigest = token === undefined ? undefined : digest(token);
      assertMayCreate(requester, request.name);
      const owner = requester.user;
      const result = await mailboxes.create({ ...request, tokenDigest, owner });
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
    case "discard":
      await mailboxes.remove(exchange.operation);
      return exchange.succeed();
    case "fetch":
    case "ack":
    case "nack":
    case "extend":
      return pull(mailboxes, exchange, requester);
    case "register":
      return exchange.succeed(await requester.registry.register(by(requester, exchange.operation)));
    case "unregister":
      return exchange.succeed(
        await requester.registry.unregister(by(requester, exchange.operation)),
      );
    case "report":
      return exchange.succeed(await requester.registry.report(by(requester, exchange.operation)));
    case "discover":
      return exchange.succeed(await requester.registry.discover(exchange.operation));
    default:
      return keep(mailboxes, exchange, requester);
  }
}

async function pull(
  mailboxes: Domain,
  exchange: Extract<OpenExchange, { op: "fetch" | "ack" | "nack" | "extend" }>,
  requester: Requester,
): Promise<Uint8Array> {
  switch (exchange.op) {
    case "fetch": {
      const { request, withNewest } = exchange.operation;
      const asked = { ...request, consumer: requester.consumer };
      if (request.group === undefined && request.start.at === "latest") {
        return exchange.succeed(await requester.cursors.fetch(mailboxes, asked, withNewest));
      }
      return exchange.succeed(
        await mailboxes.fetch(withNewest ? await fromNewest(mailboxes, asked) : asked),
      );
    }
    case "ack": {
      const { operation } = exchange;
      if (operation === undefined) return exchange.succeed([]);
      const ids = await mailboxes.ack(operation);
      requester.settled(operation.mailbox, operation.group, ids);
      return exchange.succeed(ids);
    }
    case "nack": {
      const { mailbox, group, msgId } = exchange.operation;
      await mailboxes.nack(exchange.operation);
      requester.settled(mailbox, group, [msgId]);
      return exchange.succeed();
    }
    case "extend": {
      const { mailbox, group, msgId } = exchange.operation;
      const endsAtMs = await mailboxes.extend(exchange.operation);
      requester.extended(mailbox, group, msgId, endsAtMs);
      return exchange.succeed(endsAtMs);
    }
  }
}

type FetchRequest = Parameters<Domain["fetch"]>[0];

/** `latest` that takes in the newest message there is. */
async function fromNewest(mailboxes: Domain, request: FetchRequest): Promise<FetchRequest> {
  if (request.start.at !== "latest") return request;
  const { nextId } = await mailboxes.inspect(request.mailbox);
  return { ...request, start: { at: "id", msgId: Math.max(0, nextId - 1) } };
}

type KeepOp =
  | "search"
  | "receipt"
  | "scheduled"
  | "cancel"
  | "purge"
  | "redrive"
  | "info"
  | "renew"
  | "drop"
  | "grant"
  | "grants"
  | "revoke"
  | "open"
  | "mailboxes";

async function keep(
  mailboxes: Domain,
  exchange: Extract<OpenExchange, { op: KeepOp }>,
  requester: Requester,
): Promise<Uint8Array> {
  switch (exchange.op) {
    case "search":
      return exchange.succeed(await mailboxes.query(exchange.operation));
    case "receipt":
      return exchange.succeed(await mailboxes.receipt(exchange.operation));
    case "scheduled":
      return exchange.succeed(await mailboxes.scheduled(exchange.operation));
    case "cancel":
      await mailboxes.cancel(exchange.operation);
      return exchange.succeed();
    case "purge":
      return exchange.succeed(await mailboxes.purge(exchange.operation));
    case "redrive":
      return exchange.succeed(await mailboxes.redrive(exchange.operation));
    case "info":
      return exchange.succeed(await mailboxes.inspect(exchange.operation.mailbox));
    case "renew": {
      const { mailbox, ttlSeconds } = exchange.operation;
      return exchange.succeed(await mailboxes.renew(mailbox, ttlSeconds));
    }
    case "drop":
      await mailboxes.drop(exchange.operation.mailbox);
      return exchange.succeed();
    case "grant": {
      const token = `mq9t-${randomBytes(16).toString("hex")}`;
      const info = await mailboxes.grant({
        ...exchange.operation,
        digest: digest(token),
        by: requester.user,
      });
      return exchange.succeed({ token, info });
    }
    case "grants":
      return exchange.succeed(await mailboxes.grants(exchange.operation.mailbox));
    case "revoke": {
      const { mailbox, grantId } = exchange.operation;
      const found = await mailboxes.revoke(mailbox, grantId);
      if (found) requester.revoked(mailbox);
      return exchange.succeed(found);
    }
    case "open": {
      const { mailbox, token } = exchange.operation;
      const info = await mailboxes.present(mailbox, digest(token));
      requester.opened(mailbox, token);
      return exchange.succeed(info);
    }
    case "mailboxes": {
      const { request, publicOnly } = exchange.operation;
      return exchange.succeed(
        publicOnly && requester.rights === undefined
          ? await publicMailboxes(mailboxes, request.after, request.limit)
          : await mailboxes.list(request),
      );
    }
  }
}

const pageMax = 1000;

async function publicMailboxes(
  mailboxes: Domain,
  after: string,
  limit: number,
): Promise<MailboxInfo[]> {
  const found: MailboxInfo[] = [];
  for (let from = after; found.length < limit; ) {
    const page = await mailboxes.list({ after: from, limit: pageMax });
    found.push(...page.filter((info) => info.public));
    const last = page.at(-1);
    if (last === undefined) break;
    from = last.name;
  }
  return found.slice(0, limit);
}

/** By name alone: whether it is taken makes no difference. */
function assertMayCreate({ rights }: Requester, name: string | undefined): void {
  if (rights === undefined || rights.mayCreate(name)) return;
  throw new Mq9Error("forbidden", `you may not create a mailbox of the name ${name}`);
}

function by<T extends { readonly by?: string | undefined }>({ user }: Requester, request: T): T {
  return { ...request, by: user };
}
