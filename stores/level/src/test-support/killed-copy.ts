// For tests: the files of an open store as a process killed at this instant would leave them.
import { cp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Copies a store's folder between two commits, and again if LevelDB changed files meanwhile. */
export async function copyAsKilled(from: string, to: string): Promise<void> {
  for (;;) {
    const before = await filesOf(from).catch(() => "changing");
    try {
      await cp(from, to, { recursive: true });
      if (before === (await filesOf(from))) return;
    } catch (cause) {
      // A file was removed under the copy: LevelDB is still sorting tables.
      if ((cause as { code?: string }).code !== "ENOENT") throw cause;
    }
    await rm(to, { recursive: true, force: true });
  }
}

async function filesOf(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return names.map((name, at) => `${name} ${sizes[at]}`).join("\n");
}
