import { describe, expect, it } from "vitest";
import { Stream } from "./stream.ts";

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe("a stream", () => {
  it("hands out what was pushed before and while it is read, in order", async () => {
    const stream = new Stream<number>();
    stream.push(1);
    const reading = all(stream);
    await Promise.resolve();
    stream.push(2);
    stream.push(3);
    stream.end();
    stream.push(4);
    expect(await reading).toEqual([1, 2, 3]);
  });

  it("serves several waiting readers", async () => {
    const stream = new Stream<number>();
    const both = Promise.all([stream.next(), stream.next()]);
    stream.push(1);
    stream.end();
    expect(await both).toEqual([
      { done: false, value: 1 },
      { done: true, value: undefined },
    ]);
  });

  it("throws its error after what waits, to a reader that waits too", async () => {
    const stream = new Stream<number>();
    stream.push(1);
    stream.end(new Error("over"));
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    await expect(stream.next()).rejects.toThrow("over");
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    const other = new Stream<number>();
    const waiting = other.next();
    other.end(new Error("over"));
    await expect(waiting).rejects.toThrow("over");
  });

  it("tells once that its reader left, however it left", async () => {
    const left: string[] = [];
    const note = (what: string) => () => void left.push(what);
    const broken = new Stream<number>({ onReturn: note("break") });
    broken.push(1);
    for await (const _ of broken) break;
    await broken.return();
    const ended = new Stream<number>({ onReturn: note("end") });
    ended.end();
    await all(ended);
    const stop = new AbortController();
    const aborted = new Stream<number>({ onReturn: note("abort"), signal: stop.signal });
    const reading = all(aborted);
    stop.abort();
    expect(await reading).toEqual([]);
    expect(left).toEqual(["break", "end", "abort"]);
  });

  it("is over at once when its signal has fired before", async () => {
    const stream = new Stream<number>({ signal: AbortSignal.abort() });
    stream.push(1);
    expect(await all(stream)).toEqual([]);
  });

  it("drops the oldest beyond its bound, and keeps order over many", async () => {
    const bounded = new Stream<number>({ most: 2 });
    for (const each of [1, 2, 3]) bounded.push(each);
    bounded.end();
    expect(await all(bounded)).toEqual([2, 3]);
    const long = new Stream<number>();
    const numbers = Array.from({ length: 5_000 }, (_, i) => i);
    for (const each of numbers) long.push(each);
    long.end();
    expect(await all(long)).toEqual(numbers);
  });
});
