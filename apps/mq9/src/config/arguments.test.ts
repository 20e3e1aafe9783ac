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

  it("turns nats-server's debug flags into a log level", () => {
    expect(rewritten("-DV")).toEqual(["--log-level", "debug"]);
  });

  it("passes over -js with a remark", () => {
    const { args, remarks } = normalizeArguments(["-js", "-p", "1"]);
    expect(args).toEqual(["--port", "1"]);
    expect(remarks).toEqual(["-js is ignored: mailboxes are always stored"]);
  });

  it("never passes over a flag that would protect something", () => {
    for (const flag of ["--user", "--auth=token", "--tls", "--tlsverify"]) {
      expect(() => normalizeArguments([flag])).toThrow("mq9 serve does not have");
    }
  });

  it("keeps equals signs of values", () => {
    expect(rewritten("--name", "a=b")).toEqual(["--name", "a=b"]);
  });
});
