import { describe, expect, it } from "vitest";
import { readEnvironment } from "./environment.ts";

describe("readEnvironment", () => {
  it("reads MQ9_ variables and nothing else", () => {
    const { layer, remarks } = readEnvironment({
      PORT: "1",
      MQ9_MAX_PAYLOAD: "2MiB",
      MQ9_INSECURE: "yes",
      MQ9_TAP: "auto",
    });
    expect(layer.values).toEqual({ maxPayload: 2_097_152, insecure: true, tap: "auto" });
    expect(layer.sources).toMatchObject({ maxPayload: "environment MQ9_MAX_PAYLOAD" });
    expect(remarks).toEqual([]);
  });

  it("takes an empty variable for one that is not set", () => {
    expect(readEnvironment({ MQ9_PORT: "", MQ9_NAME: " " }).layer.values).toEqual({});
  });

  it("names the variable that can not be read", () => {
    expect(() => readEnvironment({ MQ9_TTL: "soon" })).toThrow(
      /^environment variable MQ9_TTL: "soon"/,
    );
  });

  it("passes over what Kubernetes sets for a service named mq9, and says so", () => {
    const { layer, remarks } = readEnvironment({
      MQ9_PORT: "tcp://10.96.0.17:4222",
      MQ9_PORT_4222_TCP: "tcp://10.96.0.17:4222",
      MQ9_SERVICE_HOST: "10.96.0.17",
      MQ9_SERVICE_PORT: "4222",
    });
    expect(layer.values).toEqual({});
    expect(remarks).toHaveLength(1);
    expect(remarks[0]).toContain("Kubernetes");
  });

  it("remarks on a name that is nearly one of ours, and leaves those of others alone", () => {
    const { remarks } = readEnvironment({
      MQ9_PROT: "4333",
      MQ9_MAX_PAYLAOD: "1",
      MQ9_URL: "nats://127.0.0.1",
      MQ9_AGENT: "a",
      MQ9_SOMETHING_ELSE_ENTIRELY: "1",
    });
    expect(remarks).toEqual([
      "MQ9_PROT is ignored: mq9 serve has no such setting; did you mean MQ9_PORT?",
      "MQ9_MAX_PAYLAOD is ignored: mq9 serve has no such setting; did you mean MQ9_MAX_PAYLOAD?",
    ]);
  });
});
