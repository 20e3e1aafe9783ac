// Random commands for the model test, as plain data so that a failing example can be read.
import { directoryName, maskOf, type Rank } from "@mq9/protocol";
import fc from "fast-check";
import type { MailboxOptions } from "../options.ts";

/** What changes the store. */
export type Change =
  | {
      op: "create";
      name: string;
      latest: boolean;
      public: boolean;
      ttlSeconds: number;
      strict: boolean;
    }
  | {
      op: "send";
      name: string;
      rank: Rank;
      key: string | undefined;
      ttlSeconds: number | undefined;
    }
  | { op: "remove"; name: string; back: number }
  | { op: "renew"; name: string; ttlSeconds: number }
  | { op: "drop"; name: string };

/** What only memory knows. */
export type Visit =
  | {
      op: "subscribe";
      mailbox: string;
      ranks: number;
      group: string | undefined;
      room: number;
      replayOnly: boolean;
    }
  | { op: "end"; reader: number; vanished: boolean }
  | { op: "read"; reader: number; room: number };

export type Command =
  | Change
  | Visit
  | { op: "query"; name: string; limit: number; unreadOnly: boolean }
  | { op: "info"; name: string }
  | { op: "list" }
  | { op: "clock"; ms: number }
  | { op: "tick" }
  | { op: "restart" }
  /** Commands at once. */
  | {
      op: "burst";
      parts: (Change | Visit)[];
      end: BurstEnd;
      /** Which commit from now on fails; in a `run`, turns of the event loop from part to part. */
      nth: number;
    };

/** `run`: on a working disk. Else on one that stands still, until it goes on or something fails. */
export type BurstEnd = (typeof burstEnds)[number];
const burstEnds = ["run", "run", "release", "crash", "fail", "apply-then-fail"] as const;

/** What a run works with. */
export interface Surroundings {
  readonly limits: Partial<MailboxOptions>;
  readonly pageTurns: number;
}

// Most of it happens in one mailbox, or commands would hardly ever meet.
const name = fc.constantFrom("ma", "ma", "ma", "ma", "mb", "x");
const ttlSeconds = fc.constantFrom(0, 0, 5, 60, 3600, 3600);
const seldom = fc.constantFrom(false, false, true);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("create"),
      name,
      latest: seldom,
      public: seldom,
      ttlSeconds,
      strict: seldom,
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant("send"),
      name,
      rank: fc.constantFrom(0, 1, 2, 3),
      key: fc.constantFrom(undefined, undefined, undefined, "k", "l"),
      ttlSeconds: fc.constantFrom(undefined, undefined, undefined, 5, 60),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("remove"), name, back: fc.nat(4) }) },
  fc.record({ op: fc.constant("renew"), name, ttlSeconds }),
  fc.record({ op: fc.constant("drop"), name }),
);
const visit: fc.Arbitrary<Visit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("subscribe"),
      mailbox: fc.constantFrom("ma", "ma", "ma", "ma", "ma", "mb", "x", "m*", directoryName),
      ranks: fc.constantFrom(0b1111, 0b1111, maskOf(2), 0b0011),
      group: fc.constantFrom(undefined, "g", "g", "g", "h"),
      room: fc.constantFrom(1, 2, 1_000, 1_000),
      replayOnly: fc.constantFrom(false, false, false, false, false, true),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("end"), reader: fc.nat(5), vanished: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("read"),
      reader: fc.nat(5),
      room: fc.constantFrom(1, 2, 1_000),
    }),
  },
);

/** At once, no order is promised between the entries of different mailboxes: keeps one's. */
function listingOne(parts: (Change | Visit)[]): (Change | Visit)[] {
  const lists = (part: Change | Visit): part is Change =>
    part.op === "renew" || (part.op === "create" && part.public);
  const first = parts.find(lists);
  return parts.filter((part) => !lists(part) || part.name === first?.name);
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: change },
  { weight: 8, arbitrary: visit },
  fc.record({
    op: fc.constant("query"),
    name: fc.oneof(name, fc.constant(directoryName)),
    limit: fc.constantFrom(0, 1, 100),
    unreadOnly: fc.boolean(),
  }),
  fc.record({ op: fc.constant("info"), name }),
  fc.record({ op: fc.constant("list") }),
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("clock"),
      ms: fc.constantFrom(1, 4_999, 5_000, 29_999, 60_000, 700_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("tick") }) },
  fc.record({ op: fc.constant("restart") }),
  {
    weight: 9,
    arbitrary: fc.record({
      op: fc.constant("burst"),
      parts: fc
        .array(fc.oneof({ weight: 3, arbitrary: change }, visit), { minLength: 1, maxLength: 5 })
        .map(listingOne),
      end: fc.constantFrom(...burstEnds),
      nth: fc.constantFrom(1, 2),
    }),
  },
);
export const options: fc.Arbitrary<Surroundings> = fc.record({
  limits: fc.record({
    activeMax: fc.constantFrom(1, 100),
    pageMessages: fc.constantFrom(1, 2, 512),
    commitOperationsMax: fc.constantFrom(1, 2_048),
  }),
  pageTurns: fc.constantFrom(0, 0, 1, 3),
});

/** A run: a mailbox to begin with, then anything. */
export const commands: fc.Arbitrary<Command[]> = fc
  .tuple(
    fc.constantFrom<Command[]>([], [firstMailbox(0)], [firstMailbox(3600)]),
    fc.array(command, { minLength: 5, maxLength: 30, size: "max" }),
  )
  .map(([first, rest]) => [...first, ...rest]);

function firstMailbox(seconds: number): Command {
  const plain = { latest: false, public: false, strict: false };
  return { op: "create", name: "ma", ttlSeconds: seconds, ...plain };
}
