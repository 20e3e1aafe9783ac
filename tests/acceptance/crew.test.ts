// One mailbox, senders of every generation and workers of every kind in one group: nothing is lost,
// and nothing is done twice but what a killed worker or broker left undecided.
import { beforeAll, describe, expect, it } from "vitest";
import { openBox, senders } from "../interop/ways.ts";
import { agent } from "../support/mail.ts";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { buildClients, clientKinds } from "./clients/kinds.ts";
import type { PublishedClient, Received } from "./clients/published.ts";
import { texts } from "./clients/published.ts";
import { fetchFrom } from "./support.ts";

const perSender = 40;
const group = "crew";

/** Who handled what, in the order it happened. */
interface Work {
  readonly worker: string;
  readonly text: string;
}

describe("a crew of every client", () => {
  const broker = useBroker();
  const kinds = clientKinds.filter(({ reason }) => reason === "");
  beforeAll(buildClients, 180_000);

  /** Sends from every generation, some of each priority. */
  async function sendAll(id: string, token: string): Promise<string[]> {
    await using me = await agent(broker().url);
    const sent: string[] = [];
    for (let i = 0; i < perSender; i += 1) {
      for (const sender of senders) {
        const text = `${sender.name} #${i}`;
        const word = sender.words[i % 3] ?? "normal";
        await sender.send(me, { id, token }, word, Buffer.from(text));
        sent.push(text);
      }
    }
    return sent;
  }

  /** A worker of each kind. */
  async function startCrew(address: string) {
    const done: Work[] = [];
    const clients = new Map<string, PublishedClient>();
    const stops: (() => Promise<void>)[] = [];
    /** Workers that will never finish what they hold. */
    const frozen = new Set<string>();
    const handlerOf = (worker: string) => async (message: Received) => {
      const [text = ""] = texts([message]);
      if (frozen.has(worker)) await new Promise(() => {});
      done.push({ worker, text });
    };
    for (const { name, connect } of kinds) {
      const client = await connect(broker().url);
      clients.set(name, client);
      const options = { groupName: group, deliver: "earliest", autoAck: true } as const;
      const few = { numMsgs: 5, maxWaitMs: 200 };
      const consumer = await client.consume(address, handlerOf(name), { ...options, ...few });
      stops.push(() => consumer.stop());
    }
    const leave = async (but: readonly string[] = []) => {
      for (const [place, stop] of stops.entries()) {
        if (!but.includes(kinds[place]?.name ?? "")) await stop();
      }
      for (const [name, client] of clients) {
        if (!but.includes(name)) await client[Symbol.asyncDispose]();
      }
    };
    const doneBy = (worker: string) => done.filter((work) => work.worker === worker);
    return { done, doneBy, clients, frozen, leave };
  }

  const distinct = (done: readonly Work[]) => new Set(done.map(({ text }) => text));

  it("does all of it, twice only what a killed worker had not acknowledged", async () => {
    await using me = await agent(broker().url);
    const { id, token } = await openBox(me);
    const crew = await startCrew(id);
    const killed = kinds.map(({ name }) => name).filter((name) => name.includes(" over "));
    const sending = sendAll(id, token);
    for (const name of killed) {
      await until(async () => (crew.doneBy(name).length >= 3 ? true : undefined));
      crew.frozen.add(name);
      await crew.clients.get(name)?.vanish();
    }
    const sent = await sending;
    await until(async () => (distinct(crew.done).size === sent.length ? true : undefined));
    await crew.leave(killed);

    expect([...distinct(crew.done)].sort()).toEqual([...sent].sort());
    const counts = new Map<string, number>();
    for (const { text } of crew.done) counts.set(text, (counts.get(text) ?? 0) + 1);
    const undecided = new Set(killed.map((name) => crew.doneBy(name).at(-1)?.text ?? ""));
    for (const [text, count] of counts) {
      expect(count, text).toBeLessThanOrEqual(undecided.has(text) ? 2 : 1);
    }
    expect(await fetchFrom(me, id, { group_name: group })).toEqual([]);
  });

  it("does all of it although the broker is killed in the middle", async () => {
    const box = await (async () => {
      await using me = await agent(broker().url);
      return await openBox(me);
    })();
    const sent = await sendAll(box.id, box.token);
    const crew = await startCrew(box.id);
    await until(async () => (distinct(crew.done).size > 60 ? true : undefined));
    await broker().kill();
    await broker().restart();
    await until(async () => (distinct(crew.done).size === sent.length ? true : undefined));
    await crew.leave();
    expect([...distinct(crew.done)].sort()).toEqual([...sent].sort());
    // Undecided is at most what each worker had in its hands.
    expect(crew.done.length - sent.length).toBeLessThanOrEqual(kinds.length * 5);
    await using me = await agent(broker().url);
    expect(await fetchFrom(me, box.id, { group_name: group })).toEqual([]);
  });
});
