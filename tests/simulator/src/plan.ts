// What one seed turns on: every seed has its own choice of features, fault rates and sizes, so that
// bugs which need one thing to be absent are met too.
import type { BrokerOptionsInput } from "@mq9/broker";
import type { DiskMood } from "./disk.ts";
import type { Weather } from "./network.ts";
import type { Random } from "./random.ts";

/** Everything that differs from seed to seed. */
export interface Plan {
  /** Virtual milliseconds with faults, before the world heals. */
  readonly tormentMs: number;
  readonly mailboxes: number;
  readonly agents: number;
  /** Pause of an agent between two things it does. */
  readonly pauseMs: number;
  readonly payloadBytesMax: number;
  readonly weather: Weather;
  readonly mood: DiskMood;
  readonly options: BrokerOptionsInput;
  /** What agents may do and what may happen to them. */
  readonly features: ReadonlySet<Feature>;
  /** Mean virtual milliseconds between two strokes of fate. */
  readonly fateMs: number;
}

export const features = [
  "generation0",
  "generation1",
  "generation2",
  "flush",
  "keys",
  "ttl",
  "delay",
  "dedup",
  "delete",
  "queue groups",
  "slow readers",
  "pull",
  "nack",
  "extend",
  "abandon",
  "poison",
  "kept",
  "crash",
  "stop",
  "freeze",
  "wall clock",
  "cut",
  "half open",
  "disk full",
] as const;
export type Feature = (typeof features)[number];

const gibibyte = 2 ** 30;

export function makePlan(random: Random): Plan {
  const on = new Set<Feature>(features.filter(() => random.chance(0.55)));
  // Without a generation nobody says anything.
  if (!on.has("generation0") && !on.has("generation2")) on.add("generation1");
  const sometimes = (share: number, value: () => number): number =>
    random.chance(share) ? value() : 0;
  const faults = random.chance(0.6);
  const tiny = random.chance(0.3);
  return {
    tormentMs: random.between(2_000, 10_000),
    mailboxes: random.between(1, 3),
    agents: random.between(2, 7),
    pauseMs: random.pick([5, 20, 60, 200]),
    payloadBytesMax: random.pick([0, 40, 400, 6_000]),
    weather: {
      latencyMs: random.pick([0, 1, 5, 40]),
      split: sometimes(0.5, () => random.next()),
    },
    mood: {
      commitMs: random.pick([0, 0.5, 4, 30]),
      readMs: random.pick([0, 0, 0.3, 3]),
      failFull: sometimes(faults ? 0.4 : 0, () => 0.01),
      failIo: sometimes(faults ? 0.3 : 0, () => 0.004),
      lie: sometimes(faults ? 0.3 : 0, () => 0.006),
      failRead: sometimes(faults ? 0.3 : 0, () => 0.001),
      forget: 0,
      freeBytes: 100 * gibibyte,
    },
    options: {
      limits: {
        pingIntervalMs: random.pick([500, 2_000, 120_000]),
        ...(tiny ? { maxPayloadBytes: 262_144, maxPendingBytes: 524_288 } : {}),
      },
      shutdown: { graceMs: random.pick([0, 50]), spreadMs: random.pick([0, 100]) },
    },
    features: on,
    fateMs: random.pick([300, 1_000, 4_000]),
  };
}

export function describePlan(plan: Plan): string {
  const { features: on, mood, weather, options, ...rest } = plan;
  return [
    JSON.stringify(rest),
    `features ${[...on].join(", ")}`,
    `weather ${JSON.stringify(weather)}`,
    `disk ${JSON.stringify(mood)}`,
    `options ${JSON.stringify(options)}`,
  ].join("\n");
}
