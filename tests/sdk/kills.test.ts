// The broker is killed in the middle of every call, with the request on its way, and started again: what was asked
// for is so, once, or the error says what is known.
import { connect, OutcomeUnknownError } from "@mq9/sdk";
import { expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { type Case, cases } from "./calls.ts";
import { CutProxy } from "./cut-proxy.ts";

const broker = useBroker();
let made = 0;

it.each(Object.keys(cases))("%s", async (name) => {
  const { prepare, call, after, lostAnswer, lostRequest } = cases[name] as Case;
  await using proxy = await CutProxy.start(broker().port);
  await using mq9 = await connect({ url: proxy.url, timeoutMs: 30_000 });
  made += 1;
  const box = await mq9.createMailbox({ name: `kill-${made}` });
  const prepared = await prepare?.(box, mq9);
  const sent = proxy.nextRequest();
  const outcome = call(box, mq9, prepared).then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  await sent;
  await broker().kill();
  await broker().restart();
  const { value, error } = await outcome;
  if (error !== undefined) {
    // Nobody can tell whether the broker had come to it.
    expect([lostAnswer, lostRequest]).toContain("unknown");
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    return;
  }
  await after?.(box, value, "request");
});
