// Temporary folders that remove themselves. Used by every test that needs a disk.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A folder of its own; disposing it removes everything in it. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes an empty folder under the system's temporary folder. `label` shows up in its name. */
export async function tempDir(label = "mq9"): Promise<TempDir> {
  const dir = await mkdtemp(path.join(tmpdir(), `${label}-`));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 });
  return { path: dir, remove, [Symbol.asyncDispose]: remove };
}
