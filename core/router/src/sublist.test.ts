import { hasEmptyToken } from "@mq9/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Connection } from "./connection.ts";
import { Sublist } from "./sublist.ts";
import { Subscription } from "./subscription.ts";

const nobody = {} as Connection;
let sids = 0;

function subscription(subject: string, queue = ""): Subscription {
  return new Subscription(nobody, { sid: String((sids += 1)), subject, queue }, undefined);
}

/** The rule itself: token by token. */
function matches(tokens: readonly string[], subject: readonly string[]): boolean {
  const [first, ...rest] = tokens;
  if (first === undefined) return subject.length === 0;
  if (subject.length === 0) return false;
  if (first === ">") return true;
  return (first === "*" || first === subject[0]) && matches(rest, subject.slice(1));
}

const token = fc.constantFrom("a", "b", "_INBOX", "_I", "*a");
const pattern = fc
  .tuple(
    fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 3 }),
    fc.constantFrom("a", "_I", "*", ">"),
  )
  .map(([tokens, last]) => [...tokens, last].join("."));
const subject = fc
  .array(fc.oneof({ weight: 8, arbitrary: token }, fc.constantFrom("*", ">", "")), {
    minLength: 1,
    maxLength: 4,
  })
  .map((tokens) => tokens.join("."));

test("counts its changes, its searches and how far its subjects fan out", () => {
  const list = new Sublist();
  const [one, two] = [subscription("a.b"), subscription("a.*")];
  list.insert(one);
  list.insert(two);
  list.insert(subscription("a.b", "group"));
  list.match("a.b");
  list.match("a.b");
  list.match("a.c");
  expect(list.stats()).toEqual({
    cached: 2,
    inserts: 3,
    removes: 0,
    matches: 3,
    hits: 1,
    fanoutMax: 3,
    fanoutSum: 4,
  });
  list.remove(two);
  list.remove(two);
  expect(list.stats()).toMatchObject({ inserts: 3, removes: 1 });
});

const step = fc.oneof(
  fc.record({
    do: fc.constant("insert" as const),
    pattern,
    queue: fc.constantFrom("", "", "q", "r"),
  }),
  fc.record({ do: fc.constant("remove" as const), at: fc.nat(30) }),
  fc.record({ do: fc.constant("match" as const), subject }),
  fc.record({ do: fc.constant("forget" as const) }),
);

describe("Sublist", () => {
  test("answers as a plain list would, through every order of changes and cached answers", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const list = new Sublist();
        const held: Subscription[] = [];
        for (const action of steps) {
          if (action.do === "insert") {
            const one = subscription(action.pattern, action.queue);
            held.push(one);
            list.insert(one);
          } else if (action.do === "remove") {
            const [one] = held.splice(action.at, 1);
            if (one !== undefined) expect(list.remove(one)).toBe(true);
          } else if (action.do === "forget") {
            list.forgetResults();
          } else {
            expectMatch(list, held, action.subject);
          }
          expect(list.size).toBe(held.length);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  function expectMatch(list: Sublist, held: readonly Subscription[], published: string): void {
    const reached = hasEmptyToken(published)
      ? []
      : held.filter((one) => matches(one.subject.split("."), published.split(".")));
    const result = list.match(published);
    expect(result.generation).toBe(list.generation);
    expect(new Set(result.plain)).toEqual(new Set(reached.filter((one) => one.queue === "")));
    expect(result.plain.length).toBe(new Set(result.plain).size);
    for (const queue of ["q", "r"]) {
      const members = result.groups[result.groupNames.indexOf(queue)] ?? [];
      expect(new Set(members)).toEqual(new Set(reached.filter((one) => one.queue === queue)));
    }
  }

  test("a group is its name, whatever patterns its members chose", () => {
    const list = new Sublist();
    for (const one of ["foo.*", "foo.bar", ">"]) list.insert(subscription(one, "q"));
    expect(list.match("foo.bar").groups.map((members) => members.length)).toEqual([3]);
  });

  test("results that were handed out never change", () => {
    const list = new Sublist();
    list.insert(subscription("foo"));
    const before = list.match("foo");
    list.insert(subscription("foo"));
    expect(before.plain).toHaveLength(1);
    expect(before.generation).not.toBe(list.generation);
    expect(list.match("foo").plain).toHaveLength(2);
  });

  test("churn of inboxes clears nothing, and inboxes are not cached", () => {
    const list = new Sublist();
    list.insert(subscription("foo"));
    const result = list.match("foo");
    for (let at = 0; at < 100; at += 1) {
      const mux = subscription(`_INBOX.${at}.*`);
      list.insert(mux);
      expect(list.match(`_INBOX.${at}.1`).plain).toEqual([mux]);
      list.remove(mux);
      expect(list.match(`_INBOX.${at}.1`).plain).toEqual([]);
    }
    expect(list.match("foo")).toBe(result);
    expect(list.cached).toBe(1);
  });

  test("a literal change touches its own subject only", () => {
    const list = new Sublist();
    list.insert(subscription("foo"));
    const foo = list.match("foo");
    list.insert(subscription("bar"));
    expect(list.match("foo")).toBe(foo);
  });

  test("the cache is bounded, and what it lets go of is no longer taken for true", () => {
    const list = new Sublist();
    const first = list.match("s.0");
    for (let at = 1; at <= 9_000; at += 1) list.match(`s.${at}`);
    expect(list.cached).toBeLessThanOrEqual(8_192);
    expect(first.generation).not.toBe(list.generation);
  });

  test("a result of one list is never true for another", () => {
    const [one, other] = [new Sublist(), new Sublist()];
    expect(one.match("foo").generation).not.toBe(other.generation);
  });

  test("an owner may put a subscription elsewhere than its subject says, and in several lists", () => {
    const [one, other] = [new Sublist(), new Sublist()];
    const mine = subscription("box.#");
    other.insert(subscription("x"), "box.>");
    one.insert(mine, "box.>");
    other.insert(mine, "box.>");
    expect(one.match("box.a").plain).toEqual([mine]);
    expect(one.remove(mine)).toBe(false);
    expect(one.remove(mine, "box.>")).toBe(true);
    expect(other.remove(mine, "box.>")).toBe(true);
    expect([one.size, other.size]).toEqual([0, 1]);
  });
});
