import { describe, expect, it } from "vitest";
import type { BrokerOptionsInput } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { resolveOptions } from "./resolve-options.ts";

function refusal(input: BrokerOptionsInput): OptionsError {
  try {
    resolveOptions(input);
  } catch (error) {
    if (error instanceof OptionsError) return error;
    throw error;
  }
  throw new Error("the options were taken");
}

const users = { users: [{ user: "ann", password: "secret" }] };

describe("the options of the WebSocket listener", () => {
  it("are those of the NATS port where they say nothing", () => {
    const { websocket } = resolveOptions({ host: "127.0.0.2", websocket: { port: -1 } });
    expect(websocket).toMatchObject({
      host: "127.0.0.2",
      port: 0,
      sameOrigin: false,
      allowedOrigins: [],
      tls: undefined,
    });
  });

  it("are held to the rule about reach, with and without users", () => {
    const websocket = { port: 0, host: "0.0.0.0" };
    expect(refusal({ websocket })).toMatchObject({ option: "websocket.host" });
    expect(refusal({ websocket, auth: users })).toMatchObject({ option: "websocket.tls" });
    expect(resolveOptions({ websocket, insecure: true }).websocket?.host).toBe("0.0.0.0");
  });

  it.each<[string, BrokerOptionsInput]>([
    ["websocket.port", { port: 4_222, websocket: { port: 4_222 } }],
    ["websocket", { websocket: { port: 70_000 } }],
    ["websocket", { websocket: { port: 0, allowedOrigins: ["example.org"] } }],
    ["websocket", { websocket: { port: 0, cookies: { token: "t" } } }],
    ["websocket", { websocket: { port: 0, trustedProxies: ["proxy"] } }],
    ["websocket.tls.cert", { websocket: { port: 0, tls: { cert: "x", key: "y" } } }],
    ["tls.cert", { tls: { cert: "x", key: "y" } }],
  ])("name %s when it can not be used", (option, input) => {
    const error = refusal(input);
    expect(error.option).toBe(option);
    expect(error.message.length).toBeGreaterThan(20);
  });
});
