// Reads mailboxes to their end, in the order of numbers, page by page: nothing is taken or marked, and
// memory holds a page. What arrives meanwhile is left out. Called by ../commands/transfer.ts.
import type { MailboxDetail } from "@mq9/protocol";
import type { Message, Mq9 } from "@mq9/sdk";
import type { ExportLineJson } from "../cli/schemas/transfer.ts";
import { mailboxLine, mailOf, messageLine } from "./lines.ts";

const pageMax = 500;

/** The lines of one mailbox: itself, then what lies in it, then what is delayed. */
export async function* exportMailbox(
  mq9: Mq9,
  name: string,
): AsyncGenerator<ExportLineJson, void, void> {
  const detail = await mq9.mailbox(name).info();
  yield mailboxLine(detail);
  for await (const message of ascending(mq9, detail)) yield messageLine(mailOf(message));
  if (detail.scheduled === 0) return;
  let afterId = -1;
  for (;;) {
    const page = await mq9.api.scheduled({ mailbox: name, afterId, limit: pageMax });
    for (const { message, visibleAtMs } of page) yield messageLine(message, visibleAtMs);
    const last = Math.max(...page.map(({ scheduledId }) => scheduledId));
    if (page.length < pageMax || last <= afterId) return;
    afterId = last;
  }
}

/**
 * Pages can only be asked for backwards: where they begin is found out on the way down, and each is read
 * again on the way up. The numbers of pages are all that is kept.
 */
async function* ascending(
  mq9: Mq9,
  { name, nextId }: MailboxDetail,
): AsyncGenerator<Message, void, void> {
  const mailbox = mq9.mailbox(name);
  const pages: { readonly first: number; readonly before: number }[] = [];
  let page: readonly Message[] = [];
  for (let before = nextId; before > 0; ) {
    const found = await mailbox.query({ limit: pageMax, beforeId: before });
    const first = found[0]?.msgId;
    if (first === undefined) break;
    pages.push({ first, before });
    page = found;
    before = first;
  }
  yield* page;
  for (const { first, before } of pages.slice(0, -1).toReversed()) {
    const found = await mailbox.query({ limit: pageMax, beforeId: before });
    yield* found.filter(({ msgId }) => msgId >= first);
  }
}
