import { expect, it } from "vitest";
import { Bounds, MessageBounds } from "./bounds.ts";

const unknown = Number.POSITIVE_INFINITY;

it("close in on what a read found", () => {
  const bounds = new Bounds();
  expect([bounds.first, bounds.last]).toEqual([0, unknown]);
  bounds.endRead(bounds.beginRead(), { first: 40 });
  expect([bounds.first, bounds.last]).toEqual([40, unknown]);
  bounds.endRead(bounds.beginRead(), { last: 60 });
  expect([bounds.first, bounds.last]).toEqual([40, 60]);
  bounds.endRead(bounds.beginRead(), { first: unknown });
  expect(bounds.first).toBe(unknown);
});

it("widen for what is put outside of them", () => {
  const bounds = new Bounds();
  bounds.endRead(bounds.beginRead(), { first: 40, last: 60 });
  bounds.put(50);
  expect([bounds.first, bounds.last]).toEqual([40, 60]);
  bounds.put(7);
  bounds.put(61);
  expect([bounds.first, bounds.last]).toEqual([7, 61]);
});

it("do not know the last from a put alone", () => {
  const bounds = new Bounds();
  bounds.put(7);
  expect(bounds.last).toBe(unknown);
});

it("hold what was put while the read was under way", () => {
  const bounds = new Bounds();
  const slow = bounds.beginRead();
  bounds.put(30);
  const later = bounds.beginRead();
  bounds.put(60);
  bounds.endRead(later, { first: unknown, last: 0 });
  expect([bounds.first, bounds.last]).toEqual([60, 60]);
  bounds.put(30);
  bounds.put(70);
  bounds.endRead(slow, { first: unknown, last: 0 });
  expect([bounds.first, bounds.last]).toEqual([30, 70]);
});

it("learn nothing from a read that failed, and forget it", () => {
  const bounds = new Bounds();
  bounds.endRead(bounds.beginRead(), {});
  expect([bounds.first, bounds.last]).toEqual([0, unknown]);
  bounds.put(3);
  bounds.endRead(bounds.beginRead(), { first: 10, last: 12 });
  expect([bounds.first, bounds.last]).toEqual([10, 12]);
});

it("are kept per mailbox and rank, for the mailboxes asked for last", () => {
  const all = new MessageBounds();
  const bounds = all.of(1, 2);
  bounds.endRead(bounds.beginRead(), { first: 9 });
  all.put(1, 2, 5);
  all.put(2, 2, 0);
  expect(all.of(1, 2).first).toBe(5);
  expect(all.of(1, 3).first).toBe(0);
  for (let number = 2; number < 40_000; number += 1) all.of(number, 0);
  expect(all.of(1, 2)).not.toBe(bounds);
  expect(all.of(1, 2).first).toBe(0);
});
