// A mailbox as the command line shows it as JSON.
import type { MailboxDetail, MailboxInfo } from "@mq9/protocol";
import { isoTime, prune } from "./message-view.ts";
import type { MailboxDetailJson, MailboxJson } from "./schemas/mail.ts";

/** Absent things are left out. */
export function mailboxJson(mailbox: MailboxInfo): MailboxJson {
  const { name, kind, desc, ttlSeconds, owner } = mailbox;
  return prune({
    name,
    kind,
    public: mailbox.public,
    desc: desc === "" ? undefined : desc,
    ttl_seconds: ttlSeconds,
    created_at: isoTime(mailbox.createdAtMs),
    expires_at: isoTime(mailbox.expiresAtMs as number | undefined),
    owner,
  });
}

export function mailboxDetailJson(detail: MailboxDetail): MailboxDetailJson {
  const { messages, bytes, scheduled, nextId, groups } = detail;
  return {
    ...mailboxJson(detail),
    messages,
    bytes,
    scheduled,
    next_id: nextId,
    groups: groups.map(({ group, leased, deferred, unsettled, waiting, deliveriesMax }) => ({
      group,
      leased,
      deferred,
      unsettled,
      waiting,
      deliveries_max: deliveriesMax,
    })),
  };
}
