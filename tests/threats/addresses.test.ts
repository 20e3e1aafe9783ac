// An address that the broker makes up can not be guessed: its bits are those of a fair coin, neither its
// place in time nor its neighbours show in it. `ADDRESSES=1000000` looks at a million.
import { randomUUID } from "node:crypto";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { examine, type Findings } from "./addresses.ts";

const count = Number(process.env["ADDRESSES"] ?? 20_000);
/** What chance alone passes once in about a million sets, over all positions of an address. */
const farthest = 6;

/** Addresses as CREATE answers them, in the order in which they were made. */
async function made(body: object): Promise<string[]> {
  const addresses: string[] = [];
  while (addresses.length < count) {
    await using server = await brokerInProcess();
    const nc = await connect({ port: server.address.port });
    const create = async (): Promise<string> => {
      const reply = await nc.request("$mq9.AI.MAILBOX.CREATE", JSON.stringify(body), {
        timeout: 60_000,
      });
      const { mail_id, mail_address } = reply.json<Record<string, string>>();
      return mail_id ?? mail_address ?? "";
    };
    const few = Math.min(20_000, count - addresses.length);
    for (let left = few; left > 0; left -= 500) {
      const some = Array.from({ length: Math.min(500, left) }, create);
      addresses.push(...(await Promise.all(some)));
    }
    await nc.close();
  }
  return addresses;
}

function expectChance(findings: Findings): void {
  const { repeated, sharedPrefix, ...distances } = findings;
  for (const [test, value] of Object.entries(distances)) {
    expect(Math.abs(value), test).toBeLessThan(farthest);
  }
  expect(repeated).toBe(0);
  // Of n addresses the two nearest share about 2·log2(n) bits: by chance never 30 more.
  expect(sharedPrefix).toBeLessThan(2 * Math.log2(count) + 30);
}

describe("addresses that the broker makes up", () => {
  it.each([
    ["a mailbox of the first generation", { type: "standard" }, /^m-[0-9a-f-]{36}$/],
    ["one that keeps the latest", { type: "latest" }, /^m-status-[0-9a-f-]{36}$/],
    ["a mailbox of the latest generation", { name: null }, /^[a-z2-7]{26}$/],
  ])(
    "are chance: %s",
    async (_, body, form) => {
      const addresses = await made(body);
      expect(addresses.filter((address) => !form.test(address))).toEqual([]);
      expectChance(examine(addresses));
    },
    600_000,
  );
});

describe("the examination", () => {
  const few = 20_000;
  const fair = (): string[] => Array.from({ length: few }, () => `m-${randomUUID()}`);

  it("finds time, a counter, a coin that is not fair, and repeats", () => {
    const withTime = fair().map((_, at) => timed(at));
    expect(() => expectChance(examine(withTime))).toThrow();
    const counted = Array.from({ length: few }, (_, at) => numbered(at));
    expect(() => expectChance(examine(counted))).toThrow();
    const bent = fair().map((address) =>
      Math.random() < 0.2 ? address.replace(/8/g, "0") : address,
    );
    expect(() => expectChance(examine(bent))).toThrow();
    const again = fair();
    again[7] = again[4_711] ?? "";
    expect(() => expectChance(examine(again))).toThrow();
  });

  /** As UUIDs of version 1 and 7, and XIDs begin: with the time. */
  function timed(at: number): string {
    const head = (1_700_000_000_000 + at).toString(16).padStart(12, "0");
    return `m-${head.slice(0, 8)}-${head.slice(8)}${randomUUID().slice(13)}`;
  }

  function numbered(at: number): string {
    return `m-${randomUUID().slice(0, 28)}${at.toString(16).padStart(8, "0")}`;
  }
});
