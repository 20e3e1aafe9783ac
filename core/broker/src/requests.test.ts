import type { Exchange } from "@mq9/dialects";
import { expect, it } from "vitest";
import type { LooseCursors } from "./loose-cursors.ts";
import { perform, type Requester } from "./requests.ts";

type Domain = Parameters<typeof perform>[0];

it("answers a request that a defect broke, and tells of the defect", async () => {
  const defect = new TypeError("no such thing");
  const told: unknown[] = [];
  const requester = {
    consumer: {},
    cursors: {} as LooseCursors,
    settled: () => {},
    extended: () => {},
    failed: (error: unknown) => told.push(error),
  } as unknown as Requester;
  const domain = { drop: () => Promise.reject(defect) } as unknown as Domain;
  const exchange: Extract<Exchange, { op: "drop" }> = {
    op: "drop",
    operation: { mailbox: "m" },
    succeed: () => new Uint8Array(),
    fail: (error) => new TextEncoder().encode(`${error.code}: ${error.message}`),
  };
  const reply = await perform(domain, exchange, requester);
  expect(new TextDecoder().decode(reply)).toBe("unknown: the broker failed to answer this request");
  expect(told).toEqual([defect]);
});
