// Which requests for mailboxes and agents are audited, and what an event says of each. Called by the
// owner of `$mq9.AI.` when somebody keeps the audit; only what succeeded is told.
import type { Exchange, HandedOut } from "@mq9/dialects";
import type { MailboxInfo, RegisterResult, UnregisterResult } from "@mq9/protocol";
import type { AuditActor, AuditFact } from "./audit.ts";

type OpenExchange = Exclude<Exchange, { readonly op: "refused" }>;

/** The same request, which tells what it did once it did it. */
export function audited(
  exchange: OpenExchange,
  by: AuditActor,
  tell: (fact: AuditFact) => void,
): OpenExchange {
  switch (exchange.op) {
    case "create":
      return {
        ...exchange,
        succeed: (result, token) => {
          const { mailbox, created } = result;
          if (created) tell({ kind: "mailbox.created", by, mailbox: mailbox.name });
          return exchange.succeed(result, token);
        },
      };
    case "renew":
      return {
        ...exchange,
        succeed: (info: MailboxInfo) => {
          tell({ kind: "mailbox.renewed", by, mailbox: info.name });
          return exchange.succeed(info);
        },
      };
    case "drop":
      return {
        ...exchange,
        succeed: () => {
          tell({ kind: "mailbox.dropped", by, mailbox: exchange.operation.mailbox });
          return exchange.succeed();
        },
      };
    case "purge":
      return {
        ...exchange,
        succeed: (messages: number) => {
          tell({ kind: "mailbox.purged", by, mailbox: exchange.operation.mailbox, messages });
          return exchange.succeed(messages);
        },
      };
    case "redrive":
      return {
        ...exchange,
        succeed: (messages: number) => {
          const { mailbox } = exchange.operation;
          tell({ kind: "dead_letters.redriven", by, mailbox, messages });
          return exchange.succeed(messages);
        },
      };
    case "grant":
      return {
        ...exchange,
        succeed: (result: HandedOut) => {
          const { grantId: grant, rights } = result.info;
          const { mailbox } = exchange.operation;
          tell({ kind: "grant.given", by, mailbox, grant, rights: rights.join(" ") });
          return exchange.succeed(result);
        },
      };
    case "revoke":
      return {
        ...exchange,
        succeed: (found: boolean) => {
          const { mailbox, grantId: grant } = exchange.operation;
          if (found) tell({ kind: "grant.revoked", by, mailbox, grant });
          return exchange.succeed(found);
        },
      };
    case "register":
      return {
        ...exchange,
        succeed: (result: RegisterResult) => {
          const kind = result.created ? "agent.registered" : "agent.replaced";
          tell({ kind, by, agent: result.agent.name });
          return exchange.succeed(result);
        },
      };
    case "unregister":
      return {
        ...exchange,
        succeed: (result: UnregisterResult) => {
          const { name, mailbox } = exchange.operation;
          const agent = name ?? mailbox ?? "";
          if (result.found) tell({ kind: "agent.unregistered", by, agent });
          return exchange.succeed(result);
        },
      };
    default:
      return exchange;
  }
}
