// The engineer's guide through both generations of the JavaScript client: the eight patterns and
// the error table.
import { describe, expect, it } from "vitest";
import { node, runForResult } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";
import { guidePrograms, guideResults } from "./guide-results.ts";

describe.each(["nats", "@nats-io/transport-node"])("the guide through %s", (library) => {
  const broker = useBroker();

  it.each(guidePrograms)("runs %s", async (name) => {
    const program = node(`seeds/js/${name}.mjs`);
    expect(await runForResult(program, broker().url, library)).toEqual(guideResults[name]);
  });
});
