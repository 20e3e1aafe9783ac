// The engineer's guide through nats-py: the demo as printed, the core operations, the eight
// patterns and the error table.
import { findPeer } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { python, run, runForResult } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";
import { guidePrograms, guideResults } from "./guide-results.ts";

const peer = findPeer("python");
const program = (name: string) => python(`seeds/python/${name.replaceAll("-", "_")}.py`);

describe.skipIf(peer.path === undefined)(`the guide in Python ${peer.reason}`, () => {
  const broker = useBroker();

  it("runs the 30-second demo as printed", async () => {
    const { stdout, stderr } = await run(program("demo"), broker().url);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^Agent A mailbox: m-[0-9a-f-]{36}$/),
      expect.stringMatching(/^Agent B mailbox: m-[0-9a-f-]{36}$/),
      "Agent A sent task",
      "Agent B received: analyze this",
      "",
    ]);
    expect(stderr).toBe("");
  });

  it("runs the core operations", async () => {
    const { stdout } = await run(program("core-operations"), broker().url);
    const [from, unread, result] = stdout.split("\n");
    const { from: mailId } = JSON.parse(result ?? "") as { from: string };
    expect(from).toBe(`From ${mailId}: {'data': '...'}`);
    expect(unread).toBe("Unread: 1");
    expect(JSON.parse(result ?? "")).toMatchObject({
      stage: "preprocessing",
      unread: 1,
      messages: 1,
    });
  });

  it.each(guidePrograms)("runs %s", async (name) => {
    expect(await runForResult(program(name), broker().url)).toEqual(guideResults[name]);
  });
});
