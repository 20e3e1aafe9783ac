import { expect, test } from "vitest";
import { defaultConnectOptions, parseConnect } from "./connect-options.ts";

test("what is absent is verbose, pedantic and echoing, and null counts as absent", () => {
  expect(parseConnect("{}")).toEqual(defaultConnectOptions);
  expect(parseConnect('{"verbose":null,"unknown":[1,{}]}')).toEqual(defaultConnectOptions);
  expect(parseConnect("null")).toEqual(defaultConnectOptions);
  expect(defaultConnectOptions).toMatchObject({ verbose: true, pedantic: true, echo: true });
});

test("every key that clients send is read", () => {
  const json = JSON.stringify({
    verbose: false,
    pedantic: false,
    echo: false,
    headers: true,
    no_responders: true,
    tls_required: true,
    protocol: 1,
    user: "u",
    pass: "p",
    auth_token: "t",
    jwt: "j",
    nkey: "n",
    sig: "s",
    name: "agent ü",
    lang: "go",
    version: "1",
  });
  expect(parseConnect(json)).toEqual({
    verbose: false,
    pedantic: false,
    echo: false,
    headers: true,
    noResponders: true,
    tlsRequired: true,
    protocol: 1,
    user: "u",
    pass: "p",
    authToken: "t",
    jwt: "j",
    nkey: "n",
    sig: "s",
    name: "agent ü",
    lang: "go",
    version: "1",
    namesAccount: false,
  });
});

test.each([
  "",
  "{",
  "[]",
  "1",
  '{"protocol":"a"}',
  '{"protocol":1.5}',
  '{"protocol":1e19}',
  '{"verbose":1}',
])("%j is refused", (json) => {
  expect(parseConnect(json)).toBeUndefined();
});

test("keys are read in any case", () => {
  expect(parseConnect('{"Verbose":false,"NO_RESPONDERS":true}')).toMatchObject({
    verbose: false,
    noResponders: true,
  });
});

test("naming an account is seen", () => {
  expect(parseConnect('{"account":"A"}')?.namesAccount).toBe(true);
  expect(parseConnect('{"new_account":true}')?.namesAccount).toBe(true);
  expect(parseConnect('{"account":""}')?.namesAccount).toBe(false);
});

test("a prototype cannot be changed", () => {
  expect(parseConnect('{"__proto__":{"verbose":false},"constructor":1}')?.verbose).toBe(true);
  expect(({} as { verbose?: boolean }).verbose).toBeUndefined();
});
