// Proves that the checker can fail: a correct history passes, and each way of breaking the promise,
// doctored into it, is found under its own name.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, type Rule } from "./src/checker.ts";
import type { Event, Rank } from "./src/history.ts";

type Deliver = Extract<Event, { op: "deliver" }>;
type Invoke = Extract<Event, { op: "send"; phase: "invoke" }>;

/** What a faultless broker would have caused: two senders, one kill, one deletion, a full drain. */
function faultless(messages = 12): Event[] {
  let t = 0;
  const tick = (): number => (t += 10);
  const history: Event[] = [
    { op: "create", phase: "invoke", t: tick(), conn: "A1", call: "c1" },
    { op: "create", phase: "ok", t: tick(), call: "c1", mailbox: "box" },
    { op: "subscribe", t: tick(), sub: "live", mailbox: "box", final: false },
  ];
  const stored: Invoke[] = [];
  for (let n = 0; n < messages; n += 1) {
    const rank = (n % 3) as Rank;
    const conn = n % 2 === 0 ? "A1" : "B1";
    const id = `m${n}`;
    const send: Invoke = {
      op: "send",
      phase: "invoke",
      t: tick(),
      conn,
      id,
      mailbox: "box",
      rank,
      hash: `h${n}`,
    };
    const byReply = conn === "A1";
    history.push(send, { op: "send", phase: "ok", t: tick(), id, msgId: byReply ? n : null });
    history.push(delivery("live", send, n, tick()));
    stored.push(send);
  }
  history.push(
    { op: "delete", phase: "invoke", t: tick(), call: "d1", mailbox: "box", msgId: 2 },
    { op: "delete", phase: "ok", t: tick(), call: "d1" },
    { op: "process", t: tick(), what: "killed" },
    { op: "process", t: tick(), what: "started" },
  );
  for (const sub of ["drain0", "drain1"]) {
    history.push({ op: "subscribe", t: tick(), sub, mailbox: "box", final: true });
    const inOrder = stored.map((send, n) => ({ send, n })).filter(({ n }) => n !== 2);
    inOrder.sort((one, other) => one.send.rank - other.send.rank || one.n - other.n);
    for (const { send, n } of inOrder) history.push(delivery(sub, send, n, tick()));
    history.push({ op: "drained", t: tick(), sub });
  }
  const msgIds = stored.map((_, n) => n).filter((n) => n !== 2);
  history.push({ op: "list", t: tick(), mailbox: "box", msgIds, complete: true });
  return history;
}

function delivery(sub: string, send: Invoke, msgId: number, t: number): Deliver {
  return { op: "deliver", t, sub, id: send.id, msgId, rank: send.rank, hash: send.hash };
}

/** Rules that a history breaks, each once. */
function rulesBroken(history: readonly Event[]): Rule[] {
  return [...new Set(check(history).violations.map((violation) => violation.rule))].toSorted();
}

function isDelivery(event: Event, sub: string, id: string): event is Deliver {
  return event.op === "deliver" && event.sub === sub && event.id === id;
}

/** A copy of the faultless history in which one delivery was changed. */
function withDelivery(sub: string, id: string, change: (event: Deliver) => Event[]): Event[] {
  return faultless().flatMap((event) => (isDelivery(event, sub, id) ? change(event) : [event]));
}

test("a faultless history passes and is counted", () => {
  const verdict = check(faultless());
  expect(verdict.violations).toEqual([]);
  expect(verdict.counts).toEqual({
    sends: 12,
    accepted: 12,
    refused: 0,
    unknown: 0,
    surfaced: 0,
    deleted: 1,
    mailboxes: 1,
    deliveries: 34,
    kills: 1,
  });
});

test("a send without an answer may be there or not", () => {
  const unanswered = (event: Event): boolean =>
    event.op === "send" && event.phase === "ok" && event.id === "m11";
  const surfaced = faultless().filter((event) => !unanswered(event));
  expect(check(surfaced)).toMatchObject({ violations: [], counts: { unknown: 1, surfaced: 1 } });
  const absent = surfaced
    .filter((event) => !(event.op === "deliver" && event.id === "m11"))
    .map((event) =>
      event.op === "list" ? { ...event, msgIds: event.msgIds.slice(0, -1) } : event,
    );
  expect(check(absent)).toMatchObject({ violations: [], counts: { unknown: 1, surfaced: 0 } });
});

describe("finds", () => {
  test.each(["m0", "m3", "m5", "m11"])("a lost message: %s missing in one drain", (id) => {
    expect(rulesBroken(withDelivery("drain0", id, () => []))).toContain("lost");
  });

  test("a message lost altogether", () => {
    const history = faultless()
      .filter((event) => !(event.op === "deliver" && event.id === "m7"))
      .map((event) =>
        event.op === "list" ? { ...event, msgIds: event.msgIds.filter((n) => n !== 7) } : event,
      );
    expect(rulesBroken(history)).toEqual(["lost"]);
  });

  test("a flipped byte", () => {
    const history = withDelivery("drain1", "m4", (event) => [{ ...event, hash: "other" }]);
    expect(rulesBroken(history)).toEqual(["altered"]);
  });

  test("a changed priority", () => {
    const history = withDelivery("live", "m4", (event) => [{ ...event, rank: 3 }]);
    expect(rulesBroken(history)).toEqual(["altered"]);
  });

  test("a message in the wrong mailbox", () => {
    const history = faultless().map((event) =>
      event.op === "send" && event.phase === "invoke" && event.id === "m4"
        ? { ...event, mailbox: "elsewhere" }
        : event,
    );
    expect(rulesBroken(history)).toContain("altered");
  });

  test("a message nobody sent", () => {
    const history = withDelivery("live", "m6", (event) => [event, { ...event, id: "ghost" }]);
    expect(rulesBroken(history)).toEqual(["phantom"]);
  });

  test("a refused message that is there", () => {
    const history = faultless().map((event): Event => {
      if (event.op !== "send" || event.phase !== "ok" || event.id !== "m6") return event;
      return { op: "send", phase: "refused", t: event.t, id: event.id, text: "no" };
    });
    expect(rulesBroken(history)).toEqual(["phantom"]);
  });

  test("two messages swapped in a subscription", () => {
    const history = faultless();
    const first = history.findIndex((event) => isDelivery(event, "drain0", "m1"));
    const second = history.findIndex((event) => isDelivery(event, "drain0", "m4"));
    [history[first], history[second]] = [history[second] as Event, history[first] as Event];
    expect(rulesBroken(history)).toEqual(["order"]);
  });

  test("a replay in which a lower priority overtakes a higher one", () => {
    const history = faultless();
    // The last of the first priority and the first of the second.
    const first = history.findIndex((event) => isDelivery(event, "drain1", "m9"));
    const second = history.findIndex((event) => isDelivery(event, "drain1", "m1"));
    [history[first], history[second]] = [history[second] as Event, history[first] as Event];
    expect(rulesBroken(history)).toEqual(["priority"]);
  });

  test("a message delivered twice to one subscription", () => {
    const history = withDelivery("live", "m8", (event) => [event, event]);
    expect(rulesBroken(history)).toEqual(["order"]);
  });

  test("sends of one connection stored the other way round", () => {
    // m0 and m6 share connection and priority.
    expect(rulesBroken(renumbered({ m0: 6, m6: 0 }))).toContain("order");
  });

  test("a send stored before one that was accepted before it was sent", () => {
    // m0 and m3 share the priority, not the connection.
    expect(rulesBroken(renumbered({ m0: 3, m3: 0 }))).toContain("order");
  });

  test("a gap in a live subscription", () => {
    expect(rulesBroken(withDelivery("live", "m6", () => []))).toEqual(["gap"]);
  });

  test("a deleted message that comes back", () => {
    const sent = faultless().find((event) => event.op === "send" && event.id === "m2") as Invoke;
    const history = withDelivery("drain1", "m5", (event) => [
      delivery("drain1", sent, 2, event.t),
      event,
    ]);
    expect(rulesBroken(history)).toContain("resurrected");
  });

  test("a deleted message that LIST still shows", () => {
    const history = faultless().map((event) =>
      event.op === "list" ? { ...event, msgIds: [...event.msgIds, 2] } : event,
    );
    expect(rulesBroken(history)).toEqual(["list", "resurrected"]);
  });

  test("a LIST that hides a message", () => {
    const history = faultless().map((event) =>
      event.op === "list" ? { ...event, msgIds: event.msgIds.slice(1) } : event,
    );
    expect(rulesBroken(history)).toEqual(["list"]);
  });

  test("a number used for two messages", () => {
    expect(rulesBroken(renumbered({ m9: 6 }))).toContain("number");
  });

  test("a reply that names another number than the delivery", () => {
    const history = withDelivery("drain0", "m10", (event) => [{ ...event, msgId: 99 }]);
    expect(rulesBroken(history)).toContain("number");
  });

  test("a mailbox that is gone, and one that was never looked at", () => {
    const text = "mailbox box does not exist";
    const gone: Event = { op: "unreadable", t: 9_999, mailbox: "box", text };
    expect(rulesBroken([...faultless(), gone])).toEqual(["mailbox"]);
    const never = faultless().filter((event) => event.op !== "drained");
    expect(rulesBroken(never)).toEqual(["incomplete"]);
  });
});

test("any accepted message that is dropped from any drain is missed", () => {
  const droppable = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  fc.assert(
    fc.property(fc.constantFrom(...droppable), fc.constantFrom("drain0", "drain1"), (n, sub) => {
      expect(rulesBroken(withDelivery(sub, `m${n}`, () => []))).toContain("lost");
    }),
  );
});

/** The faultless history with other numbers for some messages, told alike by everyone. */
function renumbered(numbers: Readonly<Record<string, number>>): Event[] {
  return faultless().map((event): Event => {
    if (event.op === "list") return event;
    if (!("id" in event) || !("msgId" in event) || event.msgId === null) return event;
    return { ...event, msgId: numbers[event.id] ?? event.msgId };
  });
}
