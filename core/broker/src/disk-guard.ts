// Watches the free space under the data folder: below the soft mark nothing new is accepted, while
// reading, removing and expiry go on; above it (and a little more) sends are taken again.
import { Mq9Error } from "@mq9/protocol";
import type { DiskReserve, Store } from "@mq9/store";
import { diskMarks } from "./disk-marks.ts";
import type { Log } from "./log.ts";
import type { DiskFigures } from "./monitor/view.ts";
import type { DiskOptions } from "./options.ts";

export type { DiskReserve } from "@mq9/store";

/** Free space is looked at this often. */
const checkEveryMs = 500;

export interface DiskGuardDeps {
  readonly store: Store;
  readonly log: Log;
  readonly reserve: DiskReserve | undefined;
  /** Refuses new work with this error, or takes it again. */
  readonly refuse: (error: Mq9Error | undefined) => void;
}

export class DiskGuard {
  readonly #deps: DiskGuardDeps;
  readonly #options: DiskOptions;
  #state: "plenty" | "soft" | "hard" = "plenty";
  #reserved = false;
  #releaseFailed = false;
  #seen: Omit<DiskFigures, "state"> = {
    freeBytes: undefined,
    totalBytes: undefined,
    softMarkBytes: undefined,
  };
  #checking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: DiskGuardDeps, options: DiskOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** New work is being refused. */
  get full(): boolean {
    return this.#state !== "plenty";
  }

  /** What the latest look found. */
  get figures(): DiskFigures {
    return { state: this.#state, ...this.#seen };
  }

  /** Makes room for what the store writes while it opens. Never rejects. */
  async beforeOpen(): Promise<void> {
    await this.#releaseReserve();
  }

  async start(): Promise<void> {
    await this.check();
    this.#timer = setInterval(() => void this.check(), checkEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * Looks once, or waits for the look under way. A look that fails changes nothing: the store itself
   * reports what matters.
   */
  check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #look(): Promise<void> {
    const space = await this.#deps.store.space().catch(() => undefined); // best effort: see above
    if (space === undefined) return;
    const marks = diskMarks(this.#options, space.totalBytes);
    this.#seen = { ...space, softMarkBytes: marks.softMarkBytes };
    const enough = this.full ? marks.resumeMarkBytes : marks.softMarkBytes;
    if (space.freeBytes >= enough) {
      this.#enter("plenty", space.freeBytes, marks.softMarkBytes);
      await this.#keepReserve(marks.reserveBytes, space.freeBytes - marks.resumeMarkBytes);
    } else if (space.freeBytes >= marks.hardMarkBytes) {
      this.#enter("soft", space.freeBytes, marks.softMarkBytes);
    } else {
      this.#enter("hard", space.freeBytes, marks.softMarkBytes);
      await this.#releaseReserve();
    }
  }

  #enter(state: "plenty" | "soft" | "hard", freeBytes: number, softMarkBytes: number): void {
    if (state === this.#state) return;
    const { log, refuse } = this.#deps;
    if (state === "plenty") {
      log.info("disk has room again, sends are accepted", { freeBytes });
      refuse(undefined);
    } else {
      log.warn("disk is nearly full, sends are refused; free space or lower the soft mark", {
        freeBytes,
        softMarkBytes,
        below: state === "soft" ? "soft mark" : "hard mark",
      });
      refuse(
        new Mq9Error(
          "insufficient_storage",
          `the broker's disk is nearly full (${freeBytes} bytes free): nothing new is stored until there is room; reading and deleting go on`,
        ),
      );
    }
    this.#state = state;
  }

  async #releaseReserve(): Promise<void> {
    const { reserve, log } = this.#deps;
    try {
      if (!(await reserve?.releaseIfBelow(this.#options.hardMarkBytes))) return;
      this.#reserved = false;
      log.warn("the disk reserve was given up");
    } catch (error) {
      // Tried again with every look; said once.
      if (!this.#releaseFailed)
        log.warn("the disk reserve could not be removed", { error: error as Error });
      this.#releaseFailed = true;
    }
  }

  async #keepReserve(bytes: number, spareBytes: number): Promise<void> {
    if (this.#reserved || bytes === 0 || spareBytes < bytes) return;
    this.#reserved = true;
    try {
      await this.#deps.reserve?.fill(bytes);
    } catch (error) {
      this.#deps.log.warn("the disk reserve could not be made", { error: error as Error });
    }
  }
}
