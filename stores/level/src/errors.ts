// Turns what classic-level and the file system throw into the closed list of the port.
import { StoreError, type StoreErrorCode } from "@mq9/store";

/** What the system calls say when there is no room; LevelDB passes them on as text only. */
const fullCodes = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const fullText =
  /no space left on device|disk quota exceeded|file too large|not enough space on the disk/i;

/** A `StoreError` for whatever was thrown; `doing` opens its sentence. */
export function toStoreError(cause: unknown, doing: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const root = rootOf(cause);
  return new StoreError(codeOf(root), `${doing}: ${root.message}`, { cause });
}

/** abstract-level wraps what the engine said; the innermost error knows best. */
function rootOf(thrown: unknown): Error & { code?: unknown } {
  let error = thrown instanceof Error ? thrown : new Error(String(thrown));
  while (error.cause instanceof Error) error = error.cause;
  return error;
}

function codeOf(error: Error & { code?: unknown }): StoreErrorCode {
  const code = typeof error.code === "string" ? error.code : "";
  if (fullCodes.has(code) || fullText.test(error.message)) return "full";
  if (code === "LEVEL_LOCKED" && !/no locks available/i.test(error.message)) return "locked";
  if (code === "LEVEL_CORRUPTION") return "corrupt";
  if (code.startsWith("LEVEL_") && code.endsWith("_NOT_OPEN")) return "closed";
  return "io";
}
