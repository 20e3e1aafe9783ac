// Keeps the names of LevelDB's files on the disk. LevelDB begins a new log whenever its memory is full
// and syncs what it writes there, but not the folder: where the sync of a file does not take its name
// along, a commit could be acknowledged in a log that a loss of power makes nameless.
import { statSync } from "node:fs";
import { syncFolder } from "./data-folder.ts";

/** File systems date changes by a clock that moves in steps of up to 10 ms, old ones in whole seconds. */
const clockStepMs = 50;
const coarseStepMs = 2500;

export class FolderNames {
  readonly #folder: string;
  /** When the names last changed that are on the disk; undefined = nobody knows. */
  #changedAtMs: number | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Syncs the folder if a name in it changed. To be called after every write, before it counts. */
  async sync(): Promise<void> {
    // A few microseconds where it is called; the way to the thread pool would cost ten times as much.
    const changedAtMs = statSync(this.#folder).mtimeMs;
    if (changedAtMs === this.#changedAtMs) return;
    const nowMs = Date.now();
    await syncFolder(this.#folder);
    // A change within the same step of the clock would look like this one: look again next time.
    const stepMs = changedAtMs % 1000 === 0 ? coarseStepMs : clockStepMs;
    this.#changedAtMs = nowMs - changedAtMs > stepMs ? changedAtMs : undefined;
  }
}
