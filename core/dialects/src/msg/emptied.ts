// What a failed request of generation 2 still carries of its success form, so that readers of fixed
// fields find them.
import type { MailboxVerb, MessageVerb } from "../dialect.ts";
import type { JsonObject } from "../json.ts";

export const emptiedByVerb: Readonly<Record<MailboxVerb | MessageVerb | "mailboxes", JsonObject>> =
  {
    fetch: { messages: [] },
    ack: {},
    search: { messages: [] },
    nack: {},
    extend: {},
    scheduled: { scheduled: [] },
    purge: { purged: 0 },
    redrive: { redriven: 0 },
    info: { mail_address: "" },
    renew: { mail_address: "" },
    drop: { dropped: false },
    grant: { token: "", grant_id: "" },
    grants: { grants: [] },
    revoke: { revoked: false },
    open: { rights: [] },
    discard: { deleted: false },
    receipt: { groups: [] },
    cancel: { canceled: false },
    mailboxes: { mailboxes: [] },
  };
