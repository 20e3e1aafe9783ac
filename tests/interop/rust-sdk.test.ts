// The published Rust client of generation 1, unmodified, over the NATS library of that language.
import { describe, expect, it } from "vitest";
import { runForResult, rustSdk } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";

const sdk = rustSdk();

describe("the published Rust client", () => {
  const broker = useBroker();

  it.skipIf(sdk.path === undefined)(`1.0.0 works unmodified ${sdk.reason}`, async () => {
    const program = { command: sdk.path ?? "", args: [] };
    expect(await runForResult(program, broker().url)).toEqual({
      public: [true, true],
      order: ["high", "normal", "normal", "low"],
      binary: true,
      bodies: ["normal text", "", "low text", "live"],
      only_high: true,
      listed: [
        ["2", "high"],
        ["1", "normal"],
        ["3", "normal"],
        ["4", "normal"],
        ["0", "low"],
      ],
      left: [
        ["1", "normal"],
        ["3", "normal"],
        ["4", "normal"],
        ["0", "low"],
      ],
      group: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
      errors: {
        list: [expect.stringMatching(/mailbox m-nobody does not exist/), 404],
        delete: ["message not found", 404],
      },
    });
  });
});
