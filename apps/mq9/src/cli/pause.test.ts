import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { pause } from "./pause.ts";

it("ends with its time or with the signal, and leaves no listener behind", async () => {
  const stop = new AbortController();
  await pause(1, stop.signal);
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  const long = pause(3_600_000, stop.signal);
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  stop.abort();
  await long;
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  await pause(3_600_000, stop.signal);
});
