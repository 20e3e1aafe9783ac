import { describe, expect, it } from "vitest";
import { type Guesser, Misses } from "./misses.ts";

/** A clock to be moved by hand, and somebody who names wrong mailboxes until nothing is answered. */
function setUp(perUser: number, perAddress: number) {
  let nowMs = 1_000;
  const misses = new Misses({ perUser, perAddress }, () => nowMs);
  let said = 0;
  const name = (guesser: Guesser, mailbox: string): boolean => {
    if (misses.isSpent(guesser, mailbox)) return false;
    misses.missed(guesser, mailbox);
    return true;
  };
  return {
    misses,
    name,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** How many new names it gets answered. */
    guess: (guesser: Guesser, times = 1_000): number => {
      let answered = 0;
      for (let at = 0; at < times; at++) if (name(guesser, `wrong-${said++}`)) answered++;
      return answered;
    },
  };
}

const mallory = { principal: "a/mallory", address: "10.0.0.1" };
const alice = { principal: "a/alice", address: "10.0.0.2" };

describe("wrong names", () => {
  it("of one user are answered twenty times, then once a second", () => {
    const { guess, pass } = setUp(20, 0);
    expect(guess(mallory)).toBe(20);
    pass(999);
    expect(guess(mallory)).toBe(0);
    pass(1);
    expect(guess(mallory)).toBe(1);
    pass(5_000);
    expect(guess(mallory)).toBe(5);
    pass(3_600_000);
    expect(guess(mallory)).toBe(20);
  });

  it("of one user are nobody else's", () => {
    const { guess, misses } = setUp(20, 0);
    guess(mallory);
    expect(misses.isSpent(alice, "any")).toBe(false);
    expect(guess(alice)).toBe(20);
  });

  it("of all users of one address are answered two hundred times a minute", () => {
    const { guess, pass } = setUp(20, 200);
    let answered = 0;
    for (let at = 0; at < 50; at++) {
      answered += guess({ principal: `a/${at}`, address: "10.0.0.1" }, 20);
    }
    expect(answered).toBe(200);
    expect(guess(alice)).toBe(20); // from elsewhere
    pass(60_000);
    expect(guess({ principal: "a/later", address: "10.0.0.1" })).toBe(20);
  });

  it("of one IPv6 network count together", () => {
    const { guess } = setUp(20, 30);
    expect(guess({ principal: "a/1", address: "2001:db8::1" })).toBe(20);
    expect(guess({ principal: "a/2", address: "2001:db8::2" })).toBe(10);
    expect(guess({ principal: "a/3", address: "2001:db8:0:1::2" })).toBe(20);
  });

  it("that were said before count once", () => {
    const { guess, name } = setUp(20, 0);
    for (let at = 0; at < 500; at++) expect(name(mallory, "gone")).toBe(true);
    expect(guess(mallory)).toBe(19);
    expect(name(mallory, "gone")).toBe(true);
    expect(name(mallory, "new")).toBe(false);
  });

  it("without limits are all answered", () => {
    const { guess, misses } = setUp(0, 0);
    expect(guess(mallory)).toBe(1_000);
    expect(misses.size).toBe(0);
  });

  it("of many users take bounded memory", () => {
    const { misses, guess } = setUp(20, 0);
    for (let at = 0; at < 20_000; at++) guess({ principal: `a/${at}`, address: "10.0.0.1" }, 1);
    expect(misses.size).toBe(10_000);
  });
});
