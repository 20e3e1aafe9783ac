import { expect, test } from "vitest";
import { jsonPieces, jsonText } from "./json-writer.ts";

const entries = Array.from({ length: 1_000 }, (_, at) => ({ at, name: `entry "${at}"\n` }));

test.each([
  { a: 1, list: entries, b: "x" },
  { list: entries },
  { list: entries, empty: [], other: entries.slice(0, 129) },
  { nested: { list: [1] }, list: entries.map(({ at }) => at) },
  { list: [] },
  {},
])("a body in pieces is the same JSON as in one", (body) => {
  expect(JSON.parse([...jsonPieces(body)].join(""))).toEqual(body);
});

test("no piece holds more than a part of a list", () => {
  const lengths = [...jsonPieces({ list: entries })].map((piece) => piece.length);
  expect(Math.max(...lengths)).toBeLessThan(JSON.stringify(entries).length / 5);
});

test("a short body is one text", () => {
  const body = { status: "ok", list: [1, 2] };
  expect(JSON.parse(jsonText(body))).toEqual(body);
});
