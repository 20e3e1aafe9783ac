import { defaultOptions, resolveOptions } from "@mq9/broker";
import { describe, expect, it } from "vitest";
import { combineLayers } from "./layers.ts";
import {
  environmentName,
  fileKey,
  flagName,
  settingNames,
  settingOf,
  toBrokerOptions,
} from "./settings.ts";

/** `host`, `limits.maxPayloadBytes`, … of every option a broker has. */
function pathsOf(options: typeof defaultOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    typeof value === "object" ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name],
  );
}

describe("the table of settings", () => {
  it("covers every option of the broker exactly once", () => {
    const covered = settingNames
      .map((name) => settingOf(name).option)
      .filter((path) => path !== undefined);
    expect(covered.toSorted()).toEqual([...pathsOf(defaultOptions), "tap"].toSorted());
  });

  it("has the broker's own defaults", () => {
    const { settings } = combineLayers([]);
    expect(resolveOptions(toBrokerOptions(settings))).toEqual(resolveOptions());
  });

  it("gives each setting one name in three places", () => {
    expect(flagName("maxPayload")).toBe("--max-payload");
    expect(environmentName("maxPayload")).toBe("MQ9_MAX_PAYLOAD");
    expect(fileKey("maxPayload")).toBe("max_payload");
    expect(new Set(settingNames.map(flagName)).size).toBe(settingNames.length);
  });

  it("writes every default so that it can be read back", () => {
    for (const name of settingNames) {
      const { kind, fallback } = settingOf(name);
      if (fallback === "") continue; // a name left empty: the server's id
      expect(kind.parse(kind.format(fallback)), name).toEqual(fallback);
    }
  });
});
