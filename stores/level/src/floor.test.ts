import { expect, it } from "vitest";
import { Floor, MessageFloors } from "./floor.ts";

it("rises to what a read found first", () => {
  const floor = new Floor();
  expect(floor.value).toBe(0);
  floor.endRead(floor.beginRead(), 40);
  expect(floor.value).toBe(40);
  floor.endRead(floor.beginRead(), Number.POSITIVE_INFINITY);
  expect(floor.value).toBe(Number.POSITIVE_INFINITY);
});

it("falls to what is put below it", () => {
  const floor = new Floor();
  floor.endRead(floor.beginRead(), 40);
  floor.put(50);
  expect(floor.value).toBe(40);
  floor.put(7);
  expect(floor.value).toBe(7);
});

it("does not rise above what was put while the read was under way", () => {
  const floor = new Floor();
  const slow = floor.beginRead();
  floor.put(30);
  const later = floor.beginRead();
  floor.put(60);
  floor.endRead(later, Number.POSITIVE_INFINITY);
  expect(floor.value).toBe(60);
  floor.put(30);
  floor.endRead(slow, Number.POSITIVE_INFINITY);
  expect(floor.value).toBe(30);
});

it("learns nothing from a read that failed, and forgets it", () => {
  const floor = new Floor();
  floor.endRead(floor.beginRead(), undefined);
  expect(floor.value).toBe(0);
  floor.put(3);
  floor.endRead(floor.beginRead(), 10);
  expect(floor.value).toBe(10);
});

it("is kept per mailbox and rank, for the mailboxes asked for lately", () => {
  const floors = new MessageFloors();
  const first = floors.of(1, 2);
  first.endRead(first.beginRead(), 9);
  floors.put(1, 2, 5);
  floors.put(2, 2, 0);
  expect(floors.of(1, 2).value).toBe(5);
  expect(floors.of(1, 3).value).toBe(0);
  for (let number = 2; number < 40_000; number += 1) floors.of(number, 0);
  expect(floors.of(1, 2)).not.toBe(first);
  expect(floors.of(1, 2).value).toBe(0);
});
