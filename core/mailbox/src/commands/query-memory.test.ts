// What a QUERY may hold in memory, however much lies in the mailbox and however many ask at once.
import type { MailMessage, QueryResult } from "@mq9/protocol";
import { beforeAll, describe, expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";

const mebibyte = 1_048_576;
const all = { mailbox: "a", checkToken: false, unreadOnly: false, limit: 1000 } as const;

describe("a mailbox of 64 messages of 1 MiB", () => {
  let rig: Rig;
  /** Most reads of the store that were under way at a time. */
  let readsAtOnce = 0;

  beforeAll(async () => {
    rig = await Rig.open();
    await rig.create("a");
    for (let i = 0; i < 64; i += 1) {
      const payload = new Uint8Array(mebibyte);
      await rig.outcome(rig.account.send({ mailbox: "a", label: "normal", payload }));
    }
    const read = rig.store.messages.bind(rig.store);
    let under = 0;
    rig.store.messages = async (...range) => {
      under += 1;
      readsAtOnce = Math.max(readsAtOnce, under);
      return read(...range).finally(() => {
        under -= 1;
      });
    };
  });

  test("sixteen queries at once read a few at a time, and each returns one message and the count", async () => {
    rig.pageTurns = 2;
    const results = await Promise.all(Array.from({ length: 16 }, () => rig.account.query(all)));
    rig.pageTurns = 0;
    expect(results.map(bytesOf)).toEqual(results.map(() => mebibyte));
    expect(results.map(({ unread, more }) => [unread, more])).toEqual(
      results.map(() => [64, true]),
    );
    expect(readsAtOnce).toBe(4);
  });

  test("without payloads all are listed, and none of their bytes are kept", async () => {
    const result = await rig.account.query({ ...all, withPayload: false });
    expect(result.messages.map(({ msgId }) => msgId)).toEqual(
      Array.from({ length: 64 }, (_, i) => i),
    );
    expect(result.messages.map(heldBytes)).toEqual(result.messages.map(() => 0));
    expect(result.more).toBe(false);
  });

  test("nothing is read past what was asked for when the unread are not to be counted", async () => {
    const before = rig.store.calls("messages");
    const request = { ...all, bytesMax: 3 * mebibyte, countUnread: false };
    const result = await rig.account.query(request);
    expect(bytesOf(result)).toBe(3 * mebibyte);
    expect([result.more, result.unread]).toEqual([true, 0]);
    // Critical and high have nothing, then a page for each of three messages, and one that tells of more.
    expect(rig.store.calls("messages") - before).toBeLessThanOrEqual(3 + 4);
  });
});

test("a message that does not fit ends the result, though later ones would fit", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  for (const text of ["small", "x".repeat(50), "tiny"]) await rig.send("a", text);
  const result = await rig.account.query({ ...all, bytesMax: 20 });
  expect(result.messages.map(({ msgId }) => msgId)).toEqual([0]);
  expect([result.more, result.unread]).toEqual([true, 3]);
  expect((await rig.account.query({ ...all, bytesMax: 59 })).more).toBe(false);
});

test("reads that fail give their turn back", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x");
  for (let i = 0; i < 5; i += 1) {
    rig.store.plant("messages", 1, { kind: "fail", code: "io" });
    expect(await rig.outcome(rig.account.query(all))).toBe("storage_failed");
  }
  expect(await rig.outcome(rig.account.query(all))).toMatchObject({ unread: 1 });
});

test("a query that waited answers for the mailbox it was asked about, not for its next life", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x");
  rig.pageTurns = 5;
  const asked = Array.from({ length: 5 }, () => rig.account.query(all).catch(() => "refused"));
  await rig.turn();
  await rig.outcome(rig.account.drop("a"));
  await rig.create("a");
  await rig.send("a", "secret");
  expect(await Promise.all(asked)).toEqual(asked.map(() => "refused"));
});

function bytesOf(result: QueryResult): number {
  return result.messages.reduce((sum, message) => sum + heldBytes(message), 0);
}

/** The bytes that stay in memory with a message. */
function heldBytes({ payload, headers }: MailMessage): number {
  return payload.buffer.byteLength + (headers?.buffer.byteLength ?? 0);
}
