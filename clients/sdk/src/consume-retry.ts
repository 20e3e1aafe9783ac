// When a worker that could not reach its broker tries again, and which failures it tries again after.
import { Mq9Error, type Mq9ErrorCode } from "@mq9/protocol";

/** The same request may succeed later although nobody changes anything. */
const passing: ReadonlySet<Mq9ErrorCode> = new Set([
  "unreachable",
  "timeout",
  "outcome_unknown",
  "draining",
  "storage_failed",
  "unknown",
  "quota_exceeded",
  "insufficient_storage",
]);

export function mayPass(error: unknown): boolean {
  return error instanceof Mq9Error && passing.has(error.code);
}

export function codeOf(error: unknown): Mq9ErrorCode | undefined {
  return error instanceof Mq9Error ? error.code : undefined;
}

const firstMs = 50;
const longestMs = 5_000;

/** Doubles with every failure in a row, with some chance so that many workers do not come back as one. */
export function retryDelayMs(failures: number): number {
  const ms = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10));
  return ms * (0.5 + Math.random() / 2);
}

/** Pauses that can be cut short, all of them at once. */
export class Pause {
  readonly #ends: Set<() => void> = new Set();

  async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#ends.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#ends.add(end);
    });
  }

  end(): void {
    for (const end of this.#ends) end();
  }
}
