// The published Python client of generation 1, unmodified, in both releases the registry has.
import { describe, expect, it } from "vitest";
import { olderPythonSdk, python, pythonSdk, runForResult } from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";

const older = olderPythonSdk();
const releases = [
  { release: "1.0.0", peer: pythonSdk(), pythonPath: undefined },
  { release: "0.3.5", peer: older, pythonPath: older.path },
];

describe("the published Python client", () => {
  const broker = useBroker();

  for (const { release, peer, pythonPath } of releases) {
    it.skipIf(peer.path === undefined)(`${release} works unmodified ${peer.reason}`, async () => {
      const program = python("interop/python/sdk.py", pythonPath);
      expect(await runForResult(program, broker().url)).toEqual({
        public: [true, true],
        order: ["high", "normal", "normal", "normal", "low"],
        binary: true,
        bodies: [
          '{"kind": "dict"}',
          '{"msg_id": 7, "payload": {"deep": true}}',
          "",
          "low text",
          "live",
        ],
        listed: [
          ["2", "high"],
          ["1", "normal"],
          ["3", "normal"],
          ["4", "normal"],
          ["5", "normal"],
          ["0", "low"],
        ],
        same_ids: true,
        left: ["1", "3", "4", "5", "0"],
        group: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        extra: 0,
        errors: {
          list: [expect.stringMatching(/mailbox m-nobody does not exist/), 404],
          delete: ["message not found", 404],
        },
      });
    });
  }
});
