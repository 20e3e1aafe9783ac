// Where `mq9 backup` gets its bytes: from the broker that runs in the data folder, or, if none does, from
// the folder itself, which is then opened and checked as a broker would. Never makes a folder.
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { StoreError } from "@mq9/store";
import { createLevelStore } from "@mq9/store-level";
import { CliError } from "../cli/exit-codes.ts";
import { writeBackup } from "./backup-file.ts";
import { backupHead, backupRequest, backupSocketOf } from "./backup-socket.ts";

/** The bytes of a backup. To be closed. */
export interface BackupSource extends AsyncDisposable {
  /** From a broker that runs on, or out of a folder that nobody uses. */
  readonly from: "broker" | "folder";
  readonly bytes: AsyncIterable<Buffer>;
}

/** @throws {CliError} when there is no store, or it can not be opened */
export async function openBackupSource(folder: string): Promise<BackupSource> {
  if (!existsSync(path.join(folder, "FORMAT")) && !existsSync(path.join(folder, "restored"))) {
    throw new CliError("notFound", `there is no broker's data in ${folder}`, {
      hint: "Name the data folder: mq9 backup --data <folder> <file>",
    });
  }
  return (await askBroker(folder)) ?? (await openFolder(folder));
}

async function askBroker(folder: string): Promise<BackupSource | undefined> {
  const name = backupSocketOf(folder);
  if (name === undefined) return undefined;
  const socket = await connected(name);
  if (socket === undefined) return undefined;
  socket.write(backupRequest);
  return {
    from: "broker",
    bytes: socket,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
    },
  };
}

/** @returns undefined where nobody listens */
function connected(name: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(name);
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(undefined);
      else
        reject(
          new CliError(
            "error",
            `the broker in ${path.dirname(name)} can not be asked: ${error.message}`,
          ),
        );
    });
  });
}

async function openFolder(folder: string): Promise<BackupSource> {
  const store = createLevelStore({ folder, onDamage: () => {} });
  try {
    await store.open();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new CliError("error", error.message, {
      reason: error.code,
      cause: error,
      hint:
        error.code === "locked"
          ? "The process that has it open hands out no backups: stop it first."
          : undefined,
    });
  }
  const snapshot = await store.snapshot();
  return {
    from: "folder",
    bytes: writeBackup(backupHead(), snapshot),
    [Symbol.asyncDispose]: async () => {
      await snapshot.close();
      await store.close();
    },
  };
}
