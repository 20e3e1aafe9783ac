// The engineer's guide through nats.go: the eight patterns and the error table.
import { findPeer } from "@mq9/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { buildGo, go, runForResult } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";
import { guidePrograms, guideResults } from "./guide-results.ts";

const peer = findPeer("go");

describe.skipIf(peer.path === undefined)(`the guide in Go ${peer.reason}`, () => {
  beforeAll(() => buildGo("seeds/go"), 180_000);
  const broker = useBroker();

  it.each(guidePrograms)("runs %s", async (name) => {
    expect(await runForResult(go(name), broker().url)).toEqual(guideResults[name]);
  });
});
