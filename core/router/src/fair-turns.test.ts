import { expect, test } from "vitest";
import { FairTurns } from "./fair-turns.ts";

/** Something that has work for a number of turns. */
class Worker {
  left: number;
  readonly #turns: FairTurns;
  readonly #name: string;
  readonly #said: string[];

  constructor(turns: FairTurns, name: string, left: number, said: string[]) {
    this.#turns = turns;
    this.#name = name;
    this.left = left;
    this.#said = said;
  }

  goOn(): void {
    this.#said.push(this.#name);
    this.left -= 1;
    if (this.left > 0) this.#turns.add(this);
  }
}

test("whoever has more to do queues up behind the others, a few per turn of the loop", async () => {
  const turns = new FairTurns();
  const said: string[] = [];
  const workers = ["a", "b", "c"].map((name) => new Worker(turns, name, 30, said));
  for (const worker of workers) turns.add(worker);
  let most = 0;
  while (workers.some(({ left }) => left > 0)) {
    const before = said.length;
    await new Promise(setImmediate);
    most = Math.max(most, said.length - before);
  }
  expect(said.join("")).toBe("abc".repeat(30));
  // Also after many turns: what waits is scheduled once.
  expect(most).toBe(2);
});
