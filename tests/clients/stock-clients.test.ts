// Stock NATS clients do with the broker what they do with nats-server: the same programs print the
// same results there, but for the refused subscription.
import { findPeer, startChild } from "@mq9/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import {
  buildGo,
  go,
  type Launcher,
  node,
  onJourneys,
  python,
  runForResult,
  stockJava,
  stockRust,
} from "../support/programs.ts";
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
  wildcards: [1, 4],
  header_values: [["one", "two", "two"], "grüße ✓", 'a:b;c="d",'],
  unicode_subject: ["grüße.📬", "✓"],
  auto_unsubscribe: { received: 3, ended: true },
  drain_subscription: { received: 50, ended: true, connected: true },
  round_trip: { measured: true, counted: 1 },
  slow_reader: { told: true, connected: true },
  permission_publish: { operation: "publish", subject: "_GR_.reserved", connected: true },
  mailbox: ["first", "second"],
};

/** What a client can not do, or does in its own way. */
const own: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "nats 2": { slow_reader: "has no such event" },
  jnats: { header_values: [["one", "two", "two"], "printable ASCII only", 'a:b;c="d",'] },
  "nats-py": { header_values: [["two"], "grüße ✓", 'a:b;c="d",'] },
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
  { name: "async-nats", launch: stockRust, args: [], reason: onJourneys("rust") },
  { name: "jnats", launch: stockJava, args: [], reason: onJourneys("java") },
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
        expect(results[scenario]).toEqual(own[name]?.[scenario] ?? expected[scenario]);
      });
    });
  }

  it("reconnect after the broker was killed and started again", async () => {
    const running = await startAll("reconnect");
    await broker().kill();
    await broker().restart();
    await expectAll(running, 'ready\n"still subscribed"\n');
  });

  it("hear that the broker is about to stop, and come back to the next one", async () => {
    const running = await startAll("lame_duck");
    await broker().restart();
    await expectAll(running, 'ready\n["lame duck","subscribed again"]\n');
  });

  async function startAll(mode: string) {
    const running = clients
      .filter((client) => client.reason === "")
      .map(({ name, launch, args }) => ({ name, child: start(launch(), [...args, mode]) }));
    await Promise.all(running.map(({ child }) => child.waitFor(/^ready$/m)));
    return running;
  }

  async function expectAll(running: Awaited<ReturnType<typeof startAll>>, output: string) {
    for (const { name, child } of running) {
      await child.ended;
      const printed = child.stdout.replaceAll('", "', '","');
      expect(printed, `${name}\n${child.stderr}`).toBe(output);
    }
  }

  function start(launcher: Launcher, args: string[]) {
    const env = { ...process.env, ...launcher.env };
    return startChild(launcher.command, [...launcher.args, broker().url, ...args], { env });
  }
});
