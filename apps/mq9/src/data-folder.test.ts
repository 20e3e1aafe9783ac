import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prepareDataFolder } from "./data-folder.ts";
import { ExitError } from "./exit-codes.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "mq9-folder-"));
});

afterEach(() => {
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true });
});

function refusal(folder: string): ExitError {
  try {
    prepareDataFolder(folder);
  } catch (error) {
    if (error instanceof ExitError) return error;
    throw error;
  }
  throw new Error("the folder was accepted");
}

describe("prepareDataFolder", () => {
  it("makes the folder and those above it, for this user alone", () => {
    const folder = path.join(root, "a/b/c");
    prepareDataFolder(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
    if (process.platform !== "win32") expect(statSync(folder).mode & 0o077).toBe(0);
  });

  it("takes a folder that is there", () => {
    prepareDataFolder(root);
    prepareDataFolder(root);
  });

  it("refuses a file, and a folder below a file", () => {
    const file = path.join(root, "file");
    writeFileSync(file, "");
    for (const folder of [file, path.join(file, "below")]) {
      const error = refusal(folder);
      expect(error.exitCode).toBe(75);
      expect(error.message).toMatch(/is a file, or lies below one.*--data/);
    }
  });

  it.runIf(process.platform === "linux")("gives up where the system allows no folders", () => {
    expect(refusal("/proc/mq9/data").message).toContain("--data");
  });

  it.skipIf(process.getuid === undefined || process.getuid() === 0)(
    "names the user who may not write",
    () => {
      chmodSync(root, 0o500);
      expect(refusal(path.join(root, "new")).message).toContain(`uid ${process.getuid?.()}`);
      chmodSync(root, 0o000);
      expect(refusal(root).exitCode).toBe(75);
    },
  );
});
