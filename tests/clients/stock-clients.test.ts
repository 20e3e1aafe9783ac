// Stock NATS clients do with the broker what they do with nats-server: the same programs print the
// same results there, but for the refused subscription.
import { findPeer, startChild } from "@mq9/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { buildGo, go, type Launcher, node, python, runForResult } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";

const expected: Readonly<Record<string, unknown>> = {
  publish_subscribe: ["one", "two", "three"],
  request_reply: "answer to question",
  queue_group: { total: 40, members: 2 },
  headers: ["value", "with: colon", "body"],
  request_many: ["0", "1", "2"],
  drain: { received: 100, closed: true },
  no_responders: true,
  large_payload: { size: 1_048_576, intact: true },
  max_payload: { refused: true, connected: true },
  permission: { refused: true, connected: true },
};

const goPeer = findPeer("go");
const pythonPeer = findPeer("python");
const clients = [
  { name: "nats 2", launch: () => node("clients/js/stock.mjs"), args: ["nats"], reason: "" },
  {
    name: "@nats-io/transport-node 3",
    launch: () => node("clients/js/stock.mjs"),
    args: ["@nats-io/transport-node"],
    reason: "",
  },
  {
    name: "nats-py",
    launch: () => python("clients/python/stock.py"),
    args: [],
    reason: pythonPeer.reason,
  },
  { name: "nats.go", launch: () => go("stock-go"), args: [], reason: goPeer.reason },
];

describe("stock clients", () => {
  const broker = useBroker();
  beforeAll(async () => {
    if (goPeer.path !== undefined) await buildGo("clients/go");
  }, 180_000);

  for (const { name, launch, args, reason } of clients) {
    describe.skipIf(reason !== "")(`${name} ${reason}`, () => {
      let results: Record<string, unknown> = {};
      beforeAll(async () => {
        results = (await runForResult(launch(), broker().url, ...args)) as typeof results;
      });
      it.each(Object.keys(expected))("%s", (scenario) => {
        expect(results[scenario]).toEqual(expected[scenario]);
      });
    });
  }

  it("reconnect after the broker was killed and started again", async () => {
    const running = clients
      .filter((client) => client.reason === "")
      .map(({ name, launch, args }) => ({ name, child: start(launch(), args) }));
    await Promise.all(running.map(({ child }) => child.waitFor(/^ready$/m)));
    await broker().kill();
    await broker().restart();
    for (const { name, child } of running) {
      await child.ended;
      expect(child.stdout, `${name}\n${child.stderr}`).toBe('ready\n"still subscribed"\n');
    }
  });

  function start(launcher: Launcher, args: string[]) {
    const env = { ...process.env, ...launcher.env };
    const all = [...launcher.args, broker().url, ...args, "reconnect"];
    return startChild(launcher.command, all, { env });
  }
});
