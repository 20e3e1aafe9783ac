// The matrix: what each generation sends, each way of reading of every generation finds, in order of
// priority, under its own words, with every byte and the sender's headers; what one removes or lets
// end is gone for all.
import { describe, expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { type Box, type Found, openBox, type Receiver, receivers, senders } from "./ways.ts";

const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
const pairs = senders.flatMap((sender) => receivers.map((receiver) => ({ sender, receiver })));
const cells = pairs.map((pair) => [`${pair.sender.name} to ${pair.receiver.name}`, pair] as const);

/** What was sent: its place from the most to the least urgent, and the sender's word. */
interface Sent {
  readonly place: number;
  readonly word: string;
}

function expected(receiver: Receiver, sent: readonly Sent[]): readonly Sent[] {
  const below = ["normal", "low", "notify"];
  return receiver.onlyNormal ? sent.filter(({ word }) => below.includes(word)) : sent;
}

/** Compares as far as this way of reading shows it. */
function check(receiver: Receiver, found: readonly Found[], sent: readonly Sent[]): void {
  const wanted = [...expected(receiver, sent)];
  const places = found.map(({ payload }) => payload[0] ?? -1);
  if (receiver.order === "none") places.sort((a, b) => a - b);
  if (receiver.order === "number") wanted.reverse();
  expect(places).toEqual(wanted.map(({ place }) => place));
  for (const { payload, word, trace } of found) {
    expect(Uint8Array.from(payload.subarray(1))).toEqual(everyByte);
    const original = sent.find(({ place }) => place === payload[0]);
    const known = receiver.words[original?.word ?? ""];
    if (known !== undefined) expect(word).toBe(known);
    if (trace !== undefined) expect(trace).toBe("abc");
  }
}

describe("the interop matrix", () => {
  const broker = useBroker();

  it.each(cells)("%s", async (_, { sender, receiver }) => {
    await using me = await agent(broker().url);
    await using reader = await agent(broker().url);
    const box = await openBox(me);
    const sent = sender.words.map((word, place) => ({ place, word }));
    // The least urgent first, so that the order found is the broker's and not the sender's.
    for (const { place, word } of [...sent].reverse()) {
      await sender.send(me, box, word, Uint8Array.of(place, ...everyByte));
    }
    check(receiver, await receiver.read(reader, box), sent);
  });

  const shows = ["0 SUB INBOX", "1 SUB .*", "2 FETCH without a group", "2 SUB MSG.PUSH"];
  const showing = receivers.filter(({ name }) => shows.includes(name));
  it.each(showing.map((receiver) => [receiver.name, receiver] as const))(
    "%s shows the sender's own headers and the number",
    async (_, receiver) => {
      await using me = await agent(broker().url);
      const box = await openBox(me);
      for (const sender of senders) await sender.send(me, box, "normal", Uint8Array.of(7));
      const found = await receiver.read(me, box);
      expect(found.map(({ trace, msgId }) => [trace, msgId])).toEqual(
        senders.map((_, number) => ["abc", number]),
      );
    },
  );

  const removals: Readonly<Record<string, (box: Box, msgId: number) => string>> = {
    "1 MAILBOX.DELETE": ({ id }, msgId) => `MAILBOX.DELETE.${id}.${msgId}`,
    "2 MSG.DELETE": ({ id }, msgId) => `MSG.DELETE.${id}.${msgId}`,
  };
  it.each(Object.entries(removals))("%s takes a message from every reader", async (_, subject) => {
    await using me = await agent(broker().url);
    for (const receiver of receivers) {
      const box = await openBox(me);
      const [first] = senders;
      for (const place of [0, 1, 2]) {
        await first?.send(me, box, "normal", Uint8Array.of(place, ...everyByte));
      }
      expect(await me.ask(subject(box, 1))).toMatchObject({ deleted: true });
      const found = await receiver.read(me, box);
      const places = found.map(({ payload }) => payload[0] ?? -1).sort((a, b) => a - b);
      expect(places, receiver.name).toEqual([0, 2]);
    }
  });

  it("a message with a life of its own ends for every reader", async () => {
    await using me = await agent(broker().url);
    const { headers: newHeaders } = await import("@nats-io/transport-node");
    const headers = newHeaders();
    headers.set("mq9-ttl", "1");
    const boxes: Box[] = [];
    for (const _ of receivers) {
      const box = await openBox(me);
      boxes.push(box);
      const subject = `$mq9.AI.MSG.SEND.${box.id}`;
      await me.nc.request(subject, Uint8Array.of(1, ...everyByte), { timeout: 10_000, headers });
      await me.nc.request(subject, Uint8Array.of(2, ...everyByte), { timeout: 10_000 });
    }
    await until(async () =>
      (await me.list(boxes.at(-1)?.id ?? ""))?.length === 1 ? true : undefined,
    );
    for (const [place, receiver] of receivers.entries()) {
      const box = boxes[place] as Box;
      const found = await receiver.read(me, box);
      expect(
        found.map(({ payload }) => payload[0]),
        receiver.name,
      ).toEqual([2]);
    }
  });
});
