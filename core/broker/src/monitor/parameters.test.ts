import { describe, expect, test } from "vitest";
import { accstatzBody } from "./accountz.ts";
import { connzBody, connzQuery } from "./connz.ts";
import { bodyParameters, limitMax, MonitorError, pageOf, queryParameters } from "./parameters.ts";
import { subszBody, subszQuery } from "./subsz.ts";

const query = (text: string) => queryParameters(new URLSearchParams(text));

describe("a query and a body say the same", () => {
  test("of connections", () => {
    const body = { subscriptions_detail: true, state: 1, sort: "stop", acc: "A", auth: true };
    expect(connzBody(bodyParameters(body))).toEqual(
      connzQuery(query("subs=detail&state=closed&sort=stop&acc=A&auth=1")),
    );
    expect(connzBody(bodyParameters({}))).toEqual(connzQuery(query("")));
  });

  test("of subscriptions", () => {
    const body = { subscriptions: true, account: "A", test: "a.b", limit: 5 };
    expect(subszBody(bodyParameters(body))).toEqual(
      subszQuery(query("subs=1&acc=A&test=a.b&limit=5")),
    );
  });
});

test("a body may name several accounts, and may leave things out with null", () => {
  const options = accstatzBody(bodyParameters({ accounts: ["A", "B"], include_unused: null }));
  expect(options).toEqual({ accounts: ["A", "B"], includeUnused: false });
});

test.each([
  { limit: "5" },
  { limit: 1.5 },
  { cid: -1 },
  { auth: 1 },
  { sort: "nothing" },
  { state: 7 },
  { sort: { a: 1 } },
])("a body of %j makes no sense", (body) => {
  expect(() => connzBody(bodyParameters(body))).toThrow(MonitorError);
});

test("a page has bounds, whatever is asked for", () => {
  expect(pageOf(query("offset=-7&limit=0"))).toEqual({ offset: 0, limit: 1_024 });
  expect(pageOf(query("limit=1000000")).limit).toBe(limitMax);
});

test("what is quoted back is cut", () => {
  const text = "x".repeat(5_000);
  expect(() => connzQuery(query(`limit=${text}`))).toThrow(/^.{0,200}$/s);
  expect(() => connzQuery(query(`sort=${text}`))).toThrow(/^.{0,200}$/s);
  expect(() => subszQuery(query(`test=${text}..`))).toThrow(/^.{0,400}$/s);
});

test("fields that every object has are not parameters", () => {
  expect(bodyParameters({}).text("constructor")).toBeUndefined();
  expect(() => connzQuery(query("sort=__proto__"))).toThrow(MonitorError);
});
