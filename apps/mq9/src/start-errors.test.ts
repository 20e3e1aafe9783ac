import { resolveOptions } from "@mq9/broker";
import { StoreError } from "@mq9/store";
import { describe, expect, it } from "vitest";
import { explainStartError, insecureWarning } from "./start-errors.ts";

const context = { options: resolveOptions({ port: 4222 }), dataFolder: "/data" };

const systemError = (code: string) => Object.assign(new Error(`listen ${code}`), { code });

describe("explainStartError", () => {
  it.each([
    ["EADDRINUSE", /^port 4222 on 127\.0\.0\.1 is in use .*--port 4223/],
    ["EACCES", /^port 4222 may not be opened/],
    ["EADDRNOTAVAIL", /^this machine has no address 127\.0\.0\.1/],
    ["ENOTFOUND", /^the host name .* is not known/],
  ])("explains %s and what to do", (code, sentence) => {
    const error = explainStartError(systemError(code), context);
    expect(error?.exitCode).toBe(75);
    expect(error?.message).toMatch(sentence);
  });

  it.each([
    ["locked", 75, /in use by another mq9 process.*--data/],
    ["format", 75, /written by a newer release.*--data/],
    ["full", 75, /is full: free some space/],
    ["corrupt", 74, /keep a copy of \/data/],
    ["io", 74, /check the disk/i],
  ] as const)("explains a store that is %s", (code, exitCode, sentence) => {
    const cause = new StoreError(code, "/data was written by a newer release");
    const error = explainStartError(cause, context);
    expect(error?.exitCode).toBe(exitCode);
    expect(error?.message).toMatch(sentence);
    expect(error?.cause).toBe(cause);
  });

  it("does not dress up a defect", () => {
    expect(explainStartError(new TypeError("x is not a function"), context)).toBeUndefined();
    expect(explainStartError("odd", context)).toBeUndefined();
  });
});

describe("insecureWarning", () => {
  it("is silent on loopback and says who can do what beyond it", () => {
    expect(insecureWarning(context.options)).toBeUndefined();
    const open = resolveOptions({ host: "0.0.0.0", insecure: true, tap: true });
    expect(insecureWarning(open)).toMatch(/^listening on 0\.0\.0\.0 without .*watch all traffic$/);
  });
});
