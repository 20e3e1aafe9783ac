import { describe, expect, it } from "vitest";
import { normalizeArguments } from "./arguments.ts";

const rewritten = (...given: string[]) => normalizeArguments(given).args;

describe("normalizeArguments", () => {
  it("leaves our own spellings as they are", () => {
    const own = ["--port", "-1", "-p", "4222", "--max-payload=1MiB", "-c", "f.yaml", "--tap"];
    expect(rewritten(...own)).toEqual([
      "--port",
      "-1",
      "--port",
      "4222",
      "--max-payload=1MiB",
      "--config",
      "f.yaml",
      "--tap",
    ]);
  });

  it.each([
    ["-sd", "--data"],
    ["--store_dir", "--data"],
    ["-store_dir", "--data"],
    ["--addr", "--host"],
    ["--net", "--host"],
    ["-addr", "--host"],
    ["-port", "--port"],
    ["--server_name", "--name"],
    ["-config", "--config"],
  ])(
    "takes nats-server's %s for %s, with a value behind it or after an equals sign",
    (given, ours) => {
      expect(rewritten(given, "x")).toEqual([ours, "x"]);
      expect(rewritten(`${given}=x=y`)).toEqual([`${ours}=x=y`]);
    },
  );

  it("turns nats-server's debug flags into a log level and a trace", () => {
    expect(rewritten("-D")).toEqual(["--log-level", "debug"]);
    expect(rewritten("-DV")).toEqual(["--log-level", "debug", "--trace"]);
    expect(rewritten("-V")).toEqual(["--trace"]);
    expect(rewritten("-debug")).toEqual(["--log-level", "debug"]);
  });

  it("takes words joined by underscores, and switches with a value behind an equals sign", () => {
    expect(rewritten("--max_payload", "1MB", "-ping_max=3")).toEqual([
      "--max-payload",
      "1MB",
      "--ping-max=3",
    ]);
    expect(rewritten("--tlsverify=true", "-T=false")).toEqual(["--tls-verify", "--no-log-time"]);
  });

  it("passes over -js with a remark", () => {
    const { args, remarks } = normalizeArguments(["-js", "-p", "1"]);
    expect(args).toEqual(["--port", "1"]);
    expect(remarks).toEqual(["-js is ignored: mailboxes are always stored"]);
  });

  it("passes over what has no meaning for one broker alone, with its value", () => {
    const given = ["--cluster", "nats://127.0.0.1:6222", "--routes=nats://a:1", "-p", "1", "-s"];
    const { args, remarks } = normalizeArguments(given);
    expect(args).toEqual(["--port", "1"]);
    expect(remarks).toEqual([
      "--cluster is ignored: mq9 runs alone",
      "--routes is ignored: mq9 runs alone",
      "-s is ignored: the log goes to standard error or a file",
    ]);
  });

  it("never passes over a flag that would protect something", () => {
    expect(() => normalizeArguments(["-ms", "8443"])).toThrow("plain HTTP");
    expect(() => normalizeArguments(["--https_port=8443"])).toThrow("plain HTTP");
    expect(normalizeArguments(["--tls"]).tlsAsked).toBe(true);
    expect(rewritten("--user", "a", "--pass=b", "--auth", "t")).toEqual([
      "--user",
      "a",
      "--pass=b",
      "--auth",
      "t",
    ]);
  });

  it("takes a value for a value, whatever it looks like", () => {
    expect(rewritten("--name", "-js", "--pass", "--tls")).toEqual([
      "--name",
      "-js",
      "--pass",
      "--tls",
    ]);
  });

  it("keeps equals signs of values", () => {
    expect(rewritten("--name", "a=b")).toEqual(["--name", "a=b"]);
  });
});
