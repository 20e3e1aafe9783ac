import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allowed,
  can,
  type Grant,
  type Principal,
  type Standing,
  seeing,
  verbs,
} from "./access.ts";

const someone: Principal = {
  user: "someone",
  isOperator: false,
  sendsToAnyone: false,
  ruled: () => 0,
  holds: () => false,
};

const standing = (changes: Partial<Standing> = {}): Standing => ({
  name: "box",
  exists: true,
  owner: "owner",
  public: false,
  grants: [],
  ...changes,
});

const grant = (changes: Partial<Grant> = {}): Grant => ({
  id: "1",
  digest: new Uint8Array(32),
  verbs: verbs.send,
  createdAtMs: 0,
  expiresAtMs: 1000,
  by: "owner",
  ...changes,
});

const all = Object.values(verbs).reduce((sum, verb) => sum | verb, 0);
const may = (who: Partial<Principal>, mailbox: Partial<Standing>, nowMs = 0): number =>
  allowed({ ...someone, ...who }, standing(mailbox), nowMs).verbs;

describe("the rule", () => {
  it("gives nothing to nobody in particular", () => {
    expect(may({}, {})).toBe(0);
    expect(may({}, { exists: false, owner: undefined })).toBe(0);
  });

  it("gives everything to owner and operator, and no owner is nobody's", () => {
    expect(may({ user: "owner" }, {})).toBe(all);
    expect(may({ isOperator: true }, {})).toBe(all);
    expect(may({ user: "" }, { owner: "" })).toBe(0);
    expect(may({ user: "undefined" }, { owner: undefined })).toBe(0);
  });

  it("lets everybody send where the account says so, and to names that nobody guesses", () => {
    expect(may({ sendsToAnyone: true }, {})).toBe(verbs.send);
    expect(may({}, { name: "m-5a05cf20-b562-40ba-9e44-c58c446c32d0" })).toBe(verbs.send);
    expect(may({}, { name: "6fczn6hkvsrawj6i5a5qakc45a" })).toBe(verbs.send);
  });

  it("lets everybody see a public mailbox, and remove nothing from it", () => {
    expect(may({}, { public: true })).toBe(verbs.watch | verbs.query);
  });

  it("lets whoever receives watch", () => {
    expect(may({ ruled: () => verbs.receive }, {})).toBe(verbs.receive | verbs.watch);
    const holds = () => true;
    const grants = [grant({ verbs: verbs.receive })];
    expect(may({ holds }, { grants })).toBe(verbs.receive | verbs.watch);
  });

  it("counts tokens until the millisecond they end", () => {
    const grants = [grant(), grant({ id: "2", verbs: verbs.query, expiresAtMs: 500 })];
    const holds = (): boolean => true;
    expect(may({ holds }, { grants }, 499)).toBe(verbs.send | verbs.query);
    expect(may({ holds }, { grants }, 500)).toBe(verbs.send);
    expect(may({ holds }, { grants }, 1000)).toBe(0);
    expect(may({ holds: (_, { id }) => id === "2" }, { grants }, 0)).toBe(verbs.query);
    expect(allowed({ ...someone, holds }, standing({ grants }), 0).untilMs).toBe(500);
  });

  it("gives dead letters to who manages the mailbox they come from", () => {
    const dlq = { name: "box.dlq", public: true };
    expect(may({ sendsToAnyone: true, ruled: () => verbs.receive }, dlq)).toBe(0);
    const manages = { ruled: (name: string) => (name === "box" ? verbs.manage : 0) };
    expect(may(manages, dlq)).toBe(all);
    expect(may({ user: "owner" }, dlq)).toBe(all);
  });

  it("gives never less to whoever has more", () => {
    const bits = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(bits, bits, fc.boolean(), fc.boolean(), (has, more, isPublic, sends) => {
        const who = { ...someone, sendsToAnyone: sends };
        const mailbox = standing({ public: isPublic });
        const little = allowed({ ...who, ruled: () => has }, mailbox, 0).verbs;
        const much = allowed({ ...who, ruled: () => has | more }, mailbox, 0).verbs;
        expect(little & ~much).toBe(0);
        expect(can({ ...who, ruled: () => has }, seeing, mailbox, 0)).toBe((little & seeing) !== 0);
      }),
    );
  });
});
