import { describe, expect, it } from "vitest";
import { parseConfig, readConfigFile } from "./file.ts";

function problem(text: string): string {
  try {
    parseConfig(text, "mq9.yaml");
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the file was accepted");
}

describe("parseConfig", () => {
  it("reads YAML with units, plain numbers and comments", () => {
    const { values, sources } = parseConfig(
      "# ours\nport: -1\nmax_payload: 2MiB # twice\nmax_pending: 67108864\ninsecure: yes\nttl: 90\n",
      "mq9.yaml",
    );
    expect(values).toEqual({
      port: -1,
      maxPayload: 2_097_152,
      maxPending: 67_108_864,
      insecure: true,
      ttl: 90,
    });
    expect(sources.port).toBe("file mq9.yaml");
  });

  it("reads JSON", () => {
    expect(parseConfig('{"port": 4333, "insecure": true, "ttl": "2d"}', "f").values).toEqual({
      port: 4333,
      insecure: true,
      ttl: 172_800,
    });
  });

  it("takes an empty file for one that sets nothing", () => {
    expect(parseConfig("", "f").values).toEqual({});
    expect(parseConfig("# nothing\n", "f").values).toEqual({});
  });

  it("names an unknown key and the one that was probably meant", () => {
    expect(problem("max_paylod: 1")).toBe(
      "configuration file mq9.yaml:1:1: max_paylod: there is no such setting; did you mean max_payload?",
    );
    expect(problem("wholly_unlike_anything: 1")).not.toContain("mean");
  });

  it("lists everything that is wrong at once", () => {
    const text = problem("port: 99999\nttl: soon\nhost:\ninsecure: 3\nlimits: {}\n__proto__: {}");
    for (const key of ["port", "ttl", "host", "insecure", "limits", "__proto__"]) {
      expect(text).toMatch(new RegExp(`\\n  \\d:1: ${key}: `));
    }
  });

  it("says where the syntax breaks", () => {
    expect(problem("port: [1\nttl: 2")).toMatch(/mq9\.yaml:2:1: no valid YAML or JSON/);
    expect(problem("port: 1\nport: 2")).toMatch(/mq9\.yaml:2:1: .*unique/);
  });

  it("refuses what is no list of settings", () => {
    expect(problem("- port")).toContain("one `key: value` per line");
    expect(problem("4222")).toContain("one `key: value` per line");
  });

  it("does not unfold a file that multiplies itself", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 9; i++) {
      const [from, to] = [String.fromCharCode(96 + i), String.fromCharCode(97 + i)];
      bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(", ")}]`);
    }
    expect(problem(bomb.join("\n"))).toContain("configuration file mq9.yaml");
  });
});

describe("readConfigFile", () => {
  it("says so when there is no such file, or it is a folder", () => {
    expect(() => readConfigFile("./no/such/file.yaml")).toThrow(
      "there is no configuration file ./no/such/file.yaml",
    );
    expect(() => readConfigFile(".")).toThrow("is a folder");
  });
});
