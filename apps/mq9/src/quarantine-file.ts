// Keeps who is in quarantine, in a file of the data folder. Called by the broker, one call at a time;
// what is there is replaced as a whole.
import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import type { QuarantineKeeper } from "@mq9/broker";
import { z } from "zod";
import { ExitError, exitTemporary } from "./exit-codes.ts";

const content = z.object({
  version: z.literal(1),
  users: z.array(z.object({ account: z.string(), user: z.string() })),
});

/** @param folder absolute path of the data folder, which exists by the first call */
export function createQuarantineFile(folder: string): QuarantineKeeper {
  const file = path.join(folder, "QUARANTINE");
  return {
    load: async () => {
      let text: string;
      try {
        text = await readFile(file, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw unreadable(file, error);
      }
      try {
        return content.parse(JSON.parse(text)).users;
      } catch (error) {
        throw unreadable(file, error);
      }
    },
    save: (users) => replace(file, `${JSON.stringify({ version: 1, users }, null, 2)}\n`),
  };
}

/** To start without it would let go on who was stopped. */
function unreadable(file: string, cause: unknown): ExitError {
  return new ExitError(
    exitTemporary,
    `${file}, which says who is in quarantine, can not be read: mend it, or remove it to let everybody go on`,
    { cause },
  );
}

/** A crash leaves the old text or the new one. */
async function replace(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await written(fresh, text);
  await rename(fresh, file);
  const folder = await open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function written(file: string, text: string): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
