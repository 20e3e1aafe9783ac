// Which mailboxes for answers a client remembers: those it goes on using, and no others.
import { expect, it } from "vitest";
import type { RemoteApi } from "./remote/remote-api.ts";
import { ReplyInboxes } from "./request-inbox.ts";

it("remembers its own mailbox for answers, and none that a request named", async () => {
  const made: string[] = [];
  const create = async ({ name = "own" }: { name?: string }) => {
    made.push(name);
    return { created: true, mailbox: { name } };
  };
  const inboxes = new ReplyInboxes({ create } as unknown as RemoteApi, undefined);
  const find = {
    own: () => inboxes.for(undefined, undefined, 1_000),
    chosen: () => inboxes.for(undefined, "chosen", 1_000),
    named: () => inboxes.for("id-1", undefined, 1_000),
  };
  const before = await Promise.all([find.own(), find.chosen(), find.named()]);
  for (const inbox of before) inboxes.forget(inbox);
  const after = await Promise.all([find.own(), find.chosen(), find.named()]);
  expect(after.map((inbox, at) => inbox === before[at])).toEqual([true, false, false]);
  expect(made.filter((name) => name === "reply-id-1")).toHaveLength(2);
  expect(made).not.toContain("chosen");
});
