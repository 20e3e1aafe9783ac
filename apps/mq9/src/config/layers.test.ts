import { describe, expect, it } from "vitest";
import { ExitError } from "../exit-codes.ts";
import { readEnvironment } from "./environment.ts";
import { parseConfig } from "./file.ts";
import { brokerOptionsOf, combineLayers, type Layer } from "./layers.ts";
import { printConfig } from "./print.ts";

const flags: Layer = {
  values: { port: 1 },
  sources: { port: "flag --port" },
};
const file = parseConfig("port: 3\nttl: 3d\nmax_payload: 3MiB", "mq9.yaml");
const { layer: environment } = readEnvironment({ MQ9_PORT: "2", MQ9_TTL: "2d" });

function refusal(layers: readonly Layer[]): ExitError {
  try {
    brokerOptionsOf(combineLayers(layers));
  } catch (error) {
    if (error instanceof ExitError) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("layers", () => {
  it("let flags win over environment, environment over file, file over defaults", () => {
    const { settings, sources } = combineLayers([flags, environment, file]);
    expect(settings).toMatchObject({ port: 1, ttl: 172_800, maxPayload: 3_145_728, pingMax: 2 });
    expect(sources).toMatchObject({
      port: "flag --port",
      ttl: "environment MQ9_TTL",
      maxPayload: expect.stringMatching(/^file mq9\.yaml:\d$/),
      pingMax: "default",
    });
  });

  it("keep a value that happens to be the default of a lower layer", () => {
    const chosen: Layer = { values: { tap: "auto" }, sources: { tap: "flag --tap" } };
    const { settings } = combineLayers([chosen, parseConfig("tap: true", "f")]);
    expect(settings.tap).toBe("auto");
  });

  it("become the broker's options", () => {
    const options = brokerOptionsOf(combineLayers([flags, environment, file]));
    expect(options.port).toBe(1);
    expect(options.mailbox.defaultTtlSeconds).toBe(172_800);
    expect(options.limits.maxPayloadBytes).toBe(3_145_728);
    expect(options.disk.softMarkBytes).toBeUndefined();
    expect(options.tap).toBe(true);
  });
});

describe("settings that can not be used", () => {
  it("are named as the person wrote them, with the place", () => {
    const error = refusal([parseConfig("max_payload: 100MiB", "mq9.yaml")]);
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      "max_payload can not be 100MiB: it goes from 1B to 64MiB (file mq9.yaml:1)",
    );
  });

  it("are named all at once", () => {
    const { message } = refusal([
      parseConfig("max_payload: 0\nping_max: 0\nmq9 { ttl: 1h }\nmax_control_line: 1", "a.conf"),
    ]);
    expect(message.split("\n")).toEqual([
      "these settings can not be used:",
      expect.stringMatching(/^ {2}max_payload .*\(file a\.conf:1\)$/),
      expect.stringMatching(/^ {2}max_control_line .*\(file a\.conf:4\)$/),
      expect.stringMatching(/^ {2}ping_max .*\(file a\.conf:2\)$/),
    ]);
  });

  it("point to --insecure when the address is not this machine's own", () => {
    const error = refusal([{ values: { host: "0.0.0.0" }, sources: { host: "flag --host" } }]);
    expect(error.message).toMatch(/^refusing to listen on 0\.0\.0\.0 .*--insecure.*flag --host/);
  });

  it("name both sides of a contradiction in words of the command line", () => {
    const error = refusal([
      { values: { diskSoftMark: 1 }, sources: { diskSoftMark: "flag --disk-soft-mark" } },
    ]);
    expect(error.message).toMatch(/^disk_soft_mark .*disk_hard_mark/);
    expect(error.message).not.toContain("Bytes");
  });
});

describe("--print-config", () => {
  it("prints a file that means the same when it is read back", () => {
    const before = combineLayers([
      { values: { name: "a: b # c", data: "./x y" }, sources: {} },
      flags,
      environment,
      file,
    ]);
    const after = combineLayers([parseConfig(printConfig(before, []), "printed.yaml")]);
    expect(after.settings).toEqual(before.settings);
  });

  it("says on each line where the value comes from, and what was passed over", () => {
    const printed = printConfig(combineLayers([flags, environment, file]), ["-js is ignored"]);
    expect(printed).toMatch(/^port: 1 +# flag --port$/m);
    expect(printed).toMatch(/^ttl: 2d +# environment MQ9_TTL$/m);
    expect(printed).toMatch(/^max_payload: 3MiB +# file mq9\.yaml:\d$/m);
    expect(printed).toMatch(/^ping_max: 2 +# default$/m);
    expect(printed).toMatch(/^# note: -js is ignored$/m);
  });
});
