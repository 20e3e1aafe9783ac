import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isLong, jsonText, writeJson } from "./json-writer.ts";

const entries = Array.from({ length: 1_000 }, (_, at) => ({ at, name: `entry "${at}"\n` }));

describe("a long body", () => {
  test.each([
    { a: 1, list: entries, b: "x" },
    { list: entries },
    { list: entries, empty: [], other: entries.slice(0, 129) },
    { nested: { list: [1] }, list: entries.map(({ at }) => at) },
  ])("is the same JSON as in one piece", async (body) => {
    expect(isLong(body)).toBe(true);
    const out = new PassThrough();
    const read = text(out);
    await writeJson(out, body);
    out.end();
    expect(JSON.parse(await read)).toEqual(body);
  });

  test("waits for its reader", async () => {
    let written = 0;
    let release = (): void => {};
    const out = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        written += 1;
        release = done;
      },
    });
    const writing = writeJson(out, { list: entries });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(1);
    const release1 = release;
    release1();
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBe(2);
    out.destroy();
    await writing; // and ends when the reader is gone
  });
});

test("a short body is one text", () => {
  const body = { status: "ok", list: [1, 2] };
  expect(isLong(body)).toBe(false);
  expect(JSON.parse(jsonText(body))).toEqual(body);
});
