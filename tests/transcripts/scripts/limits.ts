// Scripts against servers with other limits: at them, around them, and far beyond.
import { afterHello, connectLine, hello, hpub, pub, type Script } from "../script.ts";
import type { ServerSetup } from "../transcript.ts";

function limited(setup: ServerSetup, what: string, scripts: readonly Script[]): Script[] {
  return scripts.map((script) => ({ ...script, name: `${what}: ${script.name}`, setup }));
}

const block = "NATS/1.0\r\nA: b\r\n\r\n";

const payload = limited({ maxPayloadBytes: 100 }, "max_payload 100", [
  ...[0, 1, 99, 100, 101, 102, 1_000, 1_048_576].flatMap((bytes) => [
    afterHello(`PUB of ${bytes}`, `SUB foo 1\r\n${pub("foo", "x".repeat(bytes))}`),
    afterHello(
      `PUB of ${bytes}, line only`,
      `SUB foo 1\r\nPUB foo ${bytes}\r\n`,
      bytes <= 100 ? { settle: "silence" } : {},
    ),
  ]),
  ...[80, 81, 82, 83, 84, 100].map((bytes) =>
    afterHello(
      `HPUB with a payload of ${bytes}`,
      `SUB foo 1\r\n${hpub("foo", block, "x".repeat(bytes))}`,
    ),
  ),
]);

const subscriptions = limited({ maxSubscriptions: 3 }, "max_subscriptions 3", [
  afterHello("three", "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n"),
  afterHello("four", `SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\n${pub("d")}${pub("c")}`),
  afterHello("four of one subject", `SUB a 1\r\nSUB a 2\r\nSUB a 3\r\nSUB a 4\r\n${pub("a")}`),
  afterHello("one again with its sid", "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB a 3\r\n"),
  afterHello("one let go", `SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 2\r\nSUB d 4\r\n${pub("d")}`),
  afterHello(
    "one ended by max",
    `SUB a 1\r\nUNSUB 1 1\r\nSUB b 2\r\nSUB c 3\r\n${pub("a")}SUB d 4\r\n${pub("d")}`,
  ),
  afterHello(
    "one that waits for its max",
    "SUB a 1\r\nUNSUB 1 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\n",
  ),
  afterHello("an invalid fourth", "SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB a..b 4\r\n"),
  afterHello("an invalid third", "SUB a 1\r\nSUB b 2\r\nSUB a..b 3\r\nSUB c 4\r\n"),
  afterHello("in queue groups", `SUB a q 1\r\nSUB a r 2\r\nSUB a q 3\r\nSUB a q 4\r\n`),
  {
    name: "each client for itself",
    acts: ["a", "b"].map((client) => ({
      client,
      send: `${hello}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n`,
    })),
  },
  {
    name: "verbose",
    acts: [
      {
        client: "a",
        send: `${connectLine({ verbose: true })}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\n`,
      },
    ],
  },
]);

const controlLine = limited({ maxControlLineBytes: 512 }, "max_control_line 512", [
  ...[500, 511, 512, 513, 600, 5_000].flatMap((bytes) => [
    afterHello(`SUB of ${bytes}`, `SUB ${"a".repeat(bytes - 2)} 1\r\n`),
    afterHello(`PUB of ${bytes}`, `PUB ${"a".repeat(bytes - 2)} 0\r\n\r\n`),
    afterHello(`HPUB of ${bytes}`, `HPUB ${"a".repeat(bytes - 6)} 12 12\r\nNATS/1.0\r\n\r\n\r\n`),
    afterHello(`UNSUB of ${bytes}`, `UNSUB ${"1".repeat(bytes)}\r\n`),
  ]),
  { name: "a long CONNECT", acts: [{ client: "a", send: connectLine({ name: "x".repeat(600) }) }] },
]);

const tokens = limited({ maxSubscriptionTokens: 4 }, "max_sub_tokens 4", [
  ...[
    "a",
    "a.b.c.d",
    "a.b.c.d.e",
    "*.*.*.*",
    "*.*.*.*.*",
    "a.b.c.>",
    "a.b.c.d.>",
    "a..b.c.d",
    "a.b.c.d.",
    "....",
  ].flatMap((subject) => [
    afterHello(`SUB ${subject}`, `SUB ${subject} 1\r\n${pub("a.b.c.d.e", "x")}`),
    afterHello(`SUB ${subject} in a queue`, `SUB ${subject} q 1\r\n`),
  ]),
  afterHello("PUB of more tokens", `SUB > 1\r\n${pub("a.b.c.d.e.f", "x")}`),
]);

export const limitScripts: readonly Script[] = [
  ...payload,
  ...subscriptions,
  ...controlLine,
  ...tokens,
];
