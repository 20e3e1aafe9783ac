import type { FetchRequest, FetchResult, MailboxDetail, MailMessage, PullApi } from "@mq9/protocol";
import { neverMs } from "@mq9/protocol";
import { describe, expect, it } from "vitest";
import { LooseCursors } from "./loose-cursors.ts";

/** One mailbox of messages `rank/id`, read in priority order, that never waits. */
function mailboxOf(...messages: [rank: 0 | 2, msgId: number][]) {
  const stored = [...messages];
  const asked: FetchRequest[] = [];
  const api: Pick<PullApi, "fetch" | "inspect"> = {
    inspect: () => Promise.resolve({ nextId: nextId() } as MailboxDetail),
    fetch: (request) => {
      asked.push(request);
      const from = request.start.at === "id" ? request.start.msgId : 0;
      const found = stored
        .filter(([, msgId]) => msgId >= from)
        .sort(([a, i], [b, j]) => a - b || i - j)
        .map(([rank, msgId]) => message(rank, msgId));
      return Promise.resolve<FetchResult>({
        messages: found.slice(0, request.limit),
        more: found.length > request.limit,
      });
    },
  };
  const nextId = (): number => 1 + Math.max(-1, ...stored.map(([, msgId]) => msgId));
  return { stored, asked, api: api as PullApi };
}

function message(rank: 0 | 2, msgId: number): MailMessage {
  const label = rank === 0 ? "critical" : "normal";
  const times = { createdAtMs: 0, expiresAtMs: neverMs };
  const bytes = { key: undefined, headers: undefined, payload: new Uint8Array(1) };
  return { msgId, mailbox: "m", rank, label, ...times, ...bytes };
}

const request = (mailbox: string, limit: number): FetchRequest => ({
  mailbox,
  start: { at: "latest" },
  limit,
  waitMs: 0,
});

describe("a loop of fetches without a group", () => {
  const read = async (cursors: LooseCursors, api: PullApi, limit = 10, withNewest = false) => {
    const { messages } = await cursors.fetch(api, request("m", limit), withNewest);
    return messages.map(({ msgId }) => msgId);
  };

  it("begins behind what there is, or at the newest of it", async () => {
    const { api, stored } = mailboxOf([2, 0], [2, 1]);
    const [behind, at] = [new LooseCursors(), new LooseCursors()];
    expect(await read(behind, api)).toEqual([]);
    expect(await read(at, api, 10, true)).toEqual([1]);
    stored.push([2, 2]);
    expect(await read(behind, api)).toEqual([2]);
    expect(await read(at, api)).toEqual([2]);
    expect(await read(at, api)).toEqual([]);
  });

  it("shows each message once, whatever the priorities and the page", async () => {
    for (const limit of [1, 2, 3, 7]) {
      const { api, stored } = mailboxOf();
      const cursors = new LooseCursors();
      expect(await read(cursors, api, limit)).toEqual([]);
      for (let id = 0; id < 20; id += 1) stored.push([id % 3 === 0 ? 0 : 2, id]);
      const shown: number[] = [];
      for (let i = 0; i < 40 && shown.length < 24; i += 1) {
        if (i === 3) for (let id = 20; id < 24; id += 1) stored.push([id % 2 === 0 ? 0 : 2, id]);
        shown.push(...(await read(cursors, api, limit)));
      }
      expect(shown.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i));
      expect(await read(cursors, api, limit)).toEqual([]);
    }
  });

  it("goes on when what it had shown is deleted", async () => {
    const { api, stored } = mailboxOf();
    const cursors = new LooseCursors();
    await read(cursors, api);
    stored.push([0, 1], [2, 0]);
    expect(await read(cursors, api, 1)).toEqual([1]);
    stored.splice(0, 2);
    expect(await read(cursors, api, 1)).toEqual([]);
    stored.push([2, 2]);
    expect(await read(cursors, api, 1)).toEqual([2]);
  });

  it("remembers 64 mailboxes and forgets the one unused for longest", async () => {
    const { api, stored } = mailboxOf();
    const cursors = new LooseCursors();
    for (let i = 0; i < 64; i += 1) await cursors.fetch(api, request(`m${i}`, 1), false);
    await cursors.fetch(api, request("m0", 1), false);
    await cursors.fetch(api, request("one more", 1), false);
    stored.push([2, 0]);
    expect((await cursors.fetch(api, request("m0", 1), false)).messages).toHaveLength(1);
    expect((await cursors.fetch(api, request("m1", 1), false)).messages).toHaveLength(0);
  });
});
