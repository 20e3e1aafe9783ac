import { StoreError } from "@mq9/store";
import { expect, it } from "vitest";
import { toStoreError } from "./errors.ts";

function thrown(code: string | undefined, message: string): Error {
  const root = Object.assign(new Error(message), { code });
  return Object.assign(new Error("Database failed to open", { cause: root }), {
    code: "LEVEL_DATABASE_NOT_OPEN",
  });
}

it.each([
  ["LEVEL_IO_ERROR", "IO error: /d/store/000003.log: No space left on device", "full"],
  ["LEVEL_IO_ERROR", "IO error: /d/store/000003.log: Disk quota exceeded", "full"],
  ["LEVEL_IO_ERROR", "IO error: /d/store/000003.log: File too large", "full"],
  ["ENOSPC", "ENOSPC: no space left on device, write", "full"],
  ["EDQUOT", "EDQUOT: disk quota exceeded, write", "full"],
  ["LEVEL_IO_ERROR", "IO error: /d/store/000003.log: Input/output error", "io"],
  ["LEVEL_IO_ERROR", "IO error: /d/store/LOCK: Permission denied", "io"],
  ["LEVEL_LOCKED", "IO error: lock /d/store/LOCK: Resource temporarily unavailable", "locked"],
  ["LEVEL_LOCKED", "IO error: lock /d/store/LOCK: No locks available", "io"],
  ["LEVEL_CORRUPTION", "Corruption: 1 missing files; e.g.: /d/store/000005.ldb", "corrupt"],
  ["LEVEL_ITERATOR_NOT_OPEN", "Iterator is not open: cannot read after close()", "closed"],
  ["EACCES", "EACCES: permission denied, mkdir '/d'", "io"],
  [undefined, "something else", "io"],
])("takes %s '%s' for %s", (code, message, expected) => {
  const cause = thrown(code, message);
  const error = toStoreError(cause, "writing failed");
  expect(error).toMatchObject({ name: "StoreError", code: expected, cause });
  expect(error.message).toBe(`writing failed: ${message}`);
});

it("passes a StoreError on as it is", () => {
  const error = new StoreError("corrupt", "message 1 is damaged");
  expect(toStoreError(error, "reading failed")).toBe(error);
});

it("takes what is no error at all", () => {
  expect(toStoreError("a word", "reading failed")).toMatchObject({
    code: "io",
    message: "reading failed: a word",
  });
});
