// Random commands for the model test of pulling, as plain data so that a failing example can be read.
import type { AckMode, Rank } from "@mq9/protocol";
import fc from "fast-check";
import type { MailboxOptions } from "../options.ts";

/** What changes the store at once. `back` counts from the newest number downwards. */
export type PullChange =
  | { op: "create"; name: string; latest: boolean; ttlSeconds: number; strict: boolean }
  | {
      op: "send";
      name: string;
      rank: Rank;
      key: string | undefined;
      tags: string[];
      ttlSeconds: number | undefined;
      delayMs: number | undefined;
      /** Repeats have a text that is one of few. */
      dedupId: string | undefined;
      text: number;
    }
  | { op: "remove"; name: string; back: number }
  | { op: "purge"; name: string; back: number | undefined }
  | { op: "cancel"; name: string; nth: number }
  | { op: "renew"; name: string; ttlSeconds: number }
  | { op: "drop"; name: string }
  | { op: "ack"; name: string; group: string; back: number; also: number[]; mode: AckMode }
  | {
      op: "nack";
      name: string;
      group: string;
      back: number;
      delayMs: number | undefined;
      poison: boolean;
      count: number | undefined;
    }
  | { op: "redrive"; name: string; back: number | undefined; limit: number };

export type PullCommand =
  | PullChange
  | {
      op: "fetch";
      name: string;
      group: string | undefined;
      from: "earliest" | "latest" | { back: number } | { agoMs: number };
      restart: boolean;
      limit: number;
      waitMs: number;
      leaseMs: number;
      consumer: number | undefined;
      kept: boolean;
      detached: boolean;
      max: number | undefined;
    }
  | {
      op: "extend";
      name: string;
      group: string;
      back: number;
      leaseMs: number;
      count: number | undefined;
    }
  | { op: "leave"; consumer: number }
  | {
      op: "query";
      name: string;
      limit: number;
      key: string | undefined;
      tags: string[] | undefined;
      any: boolean;
      agoMs: number | undefined;
      newest: boolean;
      back: number | undefined;
    }
  | { op: "receipt"; name: string; back: number }
  | { op: "clock"; ms: number }
  | { op: "restart" }
  | { op: "crash" }
  /** Changes at once, on a disk that works, stands still, fails at its nth commit, or loses power. */
  | { op: "burst"; parts: PullChange[]; end: (typeof burstEnds)[number]; nth: number };

const burstEnds = ["run", "release", "crash", "fail", "apply-then-fail"] as const;

export interface PullSurroundings {
  readonly limits: Partial<MailboxOptions>;
  readonly pageTurns: number;
}

// Most of it happens in one mailbox and one group, or commands would hardly ever meet.
const name = fc.constantFrom("ma", "ma", "ma", "ma", "ma", "ma", "mb", "ma.dlq");
const group = fc.constantFrom("g", "g", "g", "h");
const back = fc.constantFrom(0, 0, 1, 1, 2, 3, 4, -1, 9);
const maybe = <T>(...values: T[]): fc.Arbitrary<T | undefined> =>
  fc.constantFrom<T | undefined>(undefined, undefined, undefined, ...values);
const ttlSeconds = fc.constantFrom(0, 0, 0, 60, 3600);
const seldom = fc.constantFrom(false, false, false, false, true);
const count = maybe(1, 2, 3);
const delayMs = maybe(0, 1000, 5000, 60_000);
const change: fc.Arbitrary<PullChange> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("create"),
      name: fc.constantFrom("ma", "ma", "ma", "mb"),
      latest: seldom,
      ttlSeconds,
      strict: seldom,
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      op: fc.constant("send"),
      name,
      rank: fc.constantFrom(0, 1, 2, 2, 2, 3),
      key: maybe("k", "l"),
      tags: fc.subarray(["a", "b"]),
      ttlSeconds: maybe(5, 60),
      delayMs: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        1,
        1000,
        30_000,
      ),
      dedupId: fc.constantFrom(undefined, undefined, undefined, undefined, "i", "j"),
      text: fc.nat(1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("remove"), name, back }) },
  fc.record({ op: fc.constant("purge"), name, back: maybe(0, 1, 2) }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant("cancel"), name, nth: fc.nat(2) }) },
  fc.record({ op: fc.constant("renew"), name, ttlSeconds }),
  fc.record({ op: fc.constant("drop"), name: fc.constantFrom("ma", "mb", "ma.dlq") }),
  {
    weight: 7,
    arbitrary: fc.record({
      op: fc.constant("ack"),
      name,
      group,
      back,
      also: fc.oneof(
        { weight: 3, arbitrary: fc.constant<number[]>([]) },
        fc.array(back, { minLength: 1, maxLength: 3 }),
      ),
      mode: fc.constantFrom<AckMode>("one", "batch", "delivered"),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      op: fc.constant("nack"),
      name,
      group,
      back,
      delayMs,
      poison: seldom,
      count,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("redrive"),
      name: fc.constantFrom("ma", "ma", "ma", "mb"),
      back: maybe(0, 1),
      limit: fc.constantFrom(1, 100),
    }),
  },
);

/**
 * A purge goes rank by rank and counts what it removed itself, and poison makes no letter of what is
 * removed at the same time: what removes too is kept away from them.
 */
function withoutRaces(parts: PullChange[]): PullChange[] {
  const isLong = (part: PullChange): boolean =>
    part.op === "purge" || (part.op === "nack" && part.poison);
  const first = parts.find(isLong);
  if (first === undefined) return parts;
  return parts.filter(
    (part) =>
      part === first ||
      (!isLong(part) && part.op === "send" && part.key === undefined) ||
      (part.op === "ack" && first.op !== "purge"),
  );
}

const command: fc.Arbitrary<PullCommand> = fc.oneof(
  { weight: 14, arbitrary: change },
  {
    weight: 14,
    arbitrary: fc.record({
      op: fc.constant("fetch"),
      name,
      group: fc.oneof({ weight: 5, arbitrary: group }, fc.constant(undefined)),
      from: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom("earliest" as const, "latest" as const) },
        fc.record({ back }),
        fc.record({ agoMs: fc.constantFrom(0, 1, 1000, 60_000) }),
      ),
      restart: fc.constantFrom(false, false, false, false, false, false, true),
      limit: fc.constantFrom(1, 1, 2, 100),
      waitMs: fc.constantFrom(0, 0, 0, 1000, 30_000),
      leaseMs: fc.constantFrom(1000, 30_000),
      consumer: maybe(0, 0, 1, 1, 2),
      kept: fc.boolean(),
      detached: fc.boolean(),
      max: maybe(1, 2, 4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("extend"),
      name,
      group,
      back,
      leaseMs: fc.constantFrom(1000, 60_000),
      count,
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("leave"), consumer: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("query"),
      name,
      limit: fc.constantFrom(0, 1, 2, 100),
      key: maybe("k"),
      tags: maybe(["a"], ["a", "b"], ["c"]),
      any: fc.boolean(),
      agoMs: maybe(0, 1000),
      newest: fc.boolean(),
      back: maybe(0, 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("receipt"), name, back }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("clock"),
      ms: fc.constantFrom(1, 999, 1000, 1000, 5000, 29_999, 30_000, 60_000, 700_000),
    }),
  },
  fc.record({ op: fc.constant("restart") }),
  fc.record({ op: fc.constant("crash") }),
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("burst"),
      parts: fc.array(change, { minLength: 1, maxLength: 4 }).map(withoutRaces),
      end: fc.constantFrom(...burstEnds),
      nth: fc.constantFrom(1, 2),
    }),
  },
);

const small = (...values: number[]): fc.Arbitrary<number> => fc.constantFrom(0, 0, 0, ...values);

export const pullOptions: fc.Arbitrary<PullSurroundings> = fc.record({
  limits: fc.record({
    activeMax: fc.constantFrom(1, 100),
    commitOperationsMax: fc.constantFrom(1, 2_048),
    deliveriesMax: fc.constantFrom(2, 4, 20),
    mailboxMessagesMax: small(3),
    mailboxBytesMax: small(12),
    accountMessagesMax: small(5),
    accountMailboxesMax: small(1, 2),
  }),
  pageTurns: fc.constantFrom(0, 0, 1, 3),
});

/** A run: a mailbox with some mail to begin with, then anything. */
export const pullCommands: fc.Arbitrary<PullCommand[]> = fc
  .tuple(
    fc.constantFrom(0, 0, 3600),
    fc.array(command, { minLength: 5, maxLength: 35, size: "max" }),
  )
  .map(([seconds, rest]) => [
    { op: "create", name: "ma", latest: false, ttlSeconds: seconds, strict: false },
    ...rest,
  ]);
