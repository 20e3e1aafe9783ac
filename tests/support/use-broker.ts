// One broker for all tests of a file: started before the first, stopped after the last, its log
// shown only beside a test that failed.
import { type RunningBroker, type StartBrokerOptions, startBroker } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, vi } from "vitest";

// Every helper has a limit of its own and says what it waited for; this one is for what hangs.
vi.setConfig({ testTimeout: 90_000 });

/** Call at the top of a test file; the result may be used inside tests and hooks only. */
export function useBroker(options: StartBrokerOptions = {}): () => RunningBroker {
  let broker: RunningBroker | undefined;
  beforeAll(async () => {
    broker = await startBroker(options);
  });
  afterEach((context) => {
    if (context.task.result?.state === "fail") console.error(broker?.logs);
  });
  afterAll(async () => {
    await broker?.[Symbol.asyncDispose]();
  });
  return () => {
    if (broker === undefined) throw new Error("the broker did not start");
    return broker;
  };
}
