// Every call of the SDK, what it must come to when the network or the broker fails in its middle, and what must
// be so afterwards.
import type { Mailbox, Mq9 } from "@mq9/sdk";
import { expect } from "vitest";

/** One call, what it must come to when its answer is lost, and what must be so afterwards. */
export interface Case {
  readonly prepare?: (box: Mailbox, mq9: Mq9) => Promise<unknown>;
  readonly call: (box: Mailbox, mq9: Mq9, prepared: unknown) => Promise<unknown>;
  /** `unknown`: an OutcomeUnknownError. Default: it succeeds. */
  readonly lostAnswer?: "unknown";
  /** As `lostAnswer`, when the request itself was lost: nobody can tell the two apart. */
  readonly lostRequest?: "unknown";
  readonly after?: (box: Mailbox, result: unknown, lost: "request" | "answer") => Promise<void>;
}

export const texts = async (box: Mailbox): Promise<string[]> =>
  (await box.query()).map((message) => message.text());

export const cases: Readonly<Record<string, Case>> = {
  send: {
    call: async (box) => await box.send("once"),
    after: async (box, result) => {
      expect(result).toMatchObject({ msgId: 0 });
      expect(await texts(box)).toEqual(["once"]);
    },
  },
  "send with a delay": {
    call: async (box) => await box.send("later", { delayMs: 3_600_000 }),
    after: async (box) => expect(await box.scheduled()).toHaveLength(1),
  },
  create: {
    call: async (box, mq9) => await mq9.createMailbox({ name: `${box.name}.made` }),
    after: async (_box, result) =>
      expect(await (result as Mailbox).info()).toMatchObject({ messages: 0 }),
  },
  "create, name must be free": {
    call: async (box, mq9) =>
      await mq9.createMailbox({ name: `${box.name}.new`, ifExists: "fail" }),
    lostAnswer: "unknown",
  },
  "create without a name": {
    call: async (_box, mq9) => await mq9.createMailbox({ ttlSeconds: 60 }),
    lostAnswer: "unknown",
    lostRequest: "unknown",
  },
  info: { call: async (box) => await box.info() },
  renew: {
    call: async (box) => await box.renew({ ttlSeconds: 500 }),
    after: async (box) => expect(await box.info()).toMatchObject({ ttlSeconds: 500 }),
  },
  drop: {
    call: async (box) => await box.drop(),
    after: async (box) => await expect(box.info()).rejects.toMatchObject({ status: 404 }),
  },
  purge: {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.purge(),
    lostAnswer: "unknown",
    lostRequest: "unknown",
  },
  "purge below a number": {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.purge({ beforeId: 1 }),
    after: async (box) => expect(await texts(box)).toEqual([]),
  },
  fetch: {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.fetch({ group: "g" }),
    after: async (_box, result) => expect(result).toMatchObject([{ msgId: 0 }]),
  },
  "fetch without a group": {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.fetch(),
    after: async (_box, result) => expect(result).toHaveLength(1),
  },
  ack: {
    prepare: async (box) => {
      await box.send("x");
      return await box.fetch({ group: "g" });
    },
    call: async (_box, _mq9, prepared) => await (prepared as { ack(): Promise<void> }[])[0]?.ack(),
    after: async (box) =>
      expect(await box.receipt(0)).toMatchObject({ groups: [{ state: "acked" }] }),
  },
  nack: {
    prepare: async (box) => {
      await box.send("x");
      return await box.fetch({ group: "g" });
    },
    call: async (_box, _mq9, prepared) =>
      await (prepared as { nack(): Promise<void> }[])[0]?.nack(),
    after: async (box) =>
      expect(await box.receipt(0)).toMatchObject({ groups: [{ state: "waiting" }] }),
  },
  reject: {
    prepare: async (box) => {
      await box.send("x");
      return await box.fetch({ group: "g" });
    },
    call: async (_box, _mq9, prepared) =>
      await (prepared as { reject(why: string): Promise<void> }[])[0]?.reject("broken"),
    lostAnswer: "unknown",
    after: async (box) => expect(await box.deadLetters.list()).toHaveLength(1),
  },
  query: { call: async (box) => await box.query() },
  delete: {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.delete(0),
    after: async (box) => expect(await texts(box)).toEqual([]),
  },
  receipt: {
    prepare: async (box) => await box.send("x"),
    call: async (box) => await box.receipt(0),
    after: async (_box, result) => expect(result).toMatchObject({ state: "stored" }),
  },
  scheduled: { call: async (box) => await box.scheduled() },
  cancel: {
    prepare: async (box) => await box.send("x", { delayMs: 3_600_000 }),
    call: async (box, _mq9, prepared) =>
      await box.cancel((prepared as { scheduledId: number }).scheduledId),
    lostAnswer: "unknown",
    after: async (box) => expect(await box.scheduled()).toEqual([]),
  },
  "retry of dead letters": {
    prepare: async (box) => {
      await box.send("x");
      const [message] = await box.fetch({ group: "g" });
      await message?.reject("broken");
    },
    call: async (box) => await box.deadLetters.retry(),
    lostAnswer: "unknown",
    lostRequest: "unknown",
  },
  grant: {
    call: async (box) => await box.grant(["send"]),
    lostAnswer: "unknown",
    lostRequest: "unknown",
  },
  grants: { call: async (box) => await box.grants() },
  revoke: {
    prepare: async (box) => await box.grant(["send"]),
    call: async (box, _mq9, prepared) =>
      await box.revoke((prepared as { grantId: string }).grantId),
    after: async (box, result) => {
      expect(result).toBe(true);
      expect(await box.grants()).toEqual([]);
    },
  },
  "list of mailboxes": {
    call: async (box, mq9) => {
      for await (const _ of mq9.mailboxes({ prefix: box.name })) break;
    },
  },
  register: {
    call: async (box, mq9) => await mq9.agents.register({ name: box.name, mailbox: box.name }),
  },
  report: {
    prepare: async (box, mq9) => await mq9.agents.register({ name: box.name }),
    call: async (box, mq9) => await mq9.agents.report(box.name, { load: 1 }),
  },
  find: { call: async (_box, mq9) => await mq9.agents.find("anything") },
  unregister: {
    prepare: async (box, mq9) => await mq9.agents.register({ name: box.name }),
    call: async (box, mq9) => await mq9.agents.unregister(box.name),
    after: async (_box, result) => expect(result).toBe(true),
  },
  broadcast: {
    call: async (_box, mq9) => await mq9.broadcast("cut", "now", "x"),
    lostAnswer: "unknown",
    lostRequest: "unknown",
  },
};
