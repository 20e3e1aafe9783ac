// A file of zeros in the data folder, kept only to be given up when the disk is nearly full, so that
// removing mail, which has to write too, still can.
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DiskReserve } from "@mq9/store";
import { diskSpace } from "./data-folder.ts";

const chunkBytes = 1024 * 1024;

export function createDiskReserve(folder: string): DiskReserve {
  const path = join(folder, "reserve");
  return {
    async fill(bytes: number): Promise<void> {
      const there = await stat(path).catch(() => undefined); // best effort: made anew when unreadable
      if (there !== undefined && there.size >= bytes) return;
      const file = await open(path, "w", 0o600);
      try {
        const zeros = Buffer.alloc(chunkBytes);
        for (let written = 0; written < bytes; written += chunkBytes) {
          await file.write(zeros, 0, Math.min(chunkBytes, bytes - written));
        }
        await file.sync();
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      } finally {
        await file.close();
      }
    },
    async releaseIfBelow(freeBytes: number): Promise<boolean> {
      try {
        await stat(path);
        if ((await diskSpace(folder)).freeBytes >= freeBytes) return false;
        await rm(path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    },
  };
}
