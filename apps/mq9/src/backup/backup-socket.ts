// How a running broker hands out a backup: over a socket in its data folder, which only those can open
// who may read the folder anyway. Started by ../run-broker.ts; asked by ./backup-source.ts. Writes
// nothing but the socket, and holds up no commit.
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Log } from "@mq9/broker";
import { folderFormat, type LevelStore, type RecordFigures } from "@mq9/store-level";
import { version } from "../version.ts";
import { type BackupHead, writeBackup } from "./backup-file.ts";

/** What whoever connects has to say first. */
export const backupRequest = "backup 1\n";

/** The system takes no longer names of sockets; some take 103 bytes. */
const socketNameBytesMax = 100;
/** A reader that takes nothing for so long is given up: what it was promised can not be cleared. */
const stalledMs = 60_000;

/** The socket of a data folder; undefined where its name would be too long, or sockets have no names. */
export function backupSocketOf(folder: string): string | undefined {
  if (process.platform === "win32") return undefined;
  const names = [
    path.join(folder, "backup.sock"),
    path.relative("", path.join(folder, "backup.sock")),
  ];
  return names
    .sort((a, b) => a.length - b.length)
    .find((name) => Buffer.byteLength(name) <= socketNameBytesMax);
}

export interface BackupSocketDeps {
  readonly folder: string;
  readonly store: LevelStore;
  readonly log: Log;
  /** Hears of every backup that was handed out whole. */
  readonly taken: (figures: RecordFigures) => void;
}

/** Listens until the process ends. Best effort: without it backups need the broker to be stopped. */
export async function listenForBackups(deps: BackupSocketDeps): Promise<void> {
  const socket = backupSocketOf(deps.folder);
  if (socket === undefined) {
    deps.log.debug(
      "the data folder's name is too long for a socket; backups need a stopped broker",
    );
    return;
  }
  // The store is locked by this process, so whoever left the socket behind is gone.
  rmSync(socket, { force: true });
  const turn = { taken: false };
  const server = createServer((connection) => answer(connection, deps, turn));
  server.unref();
  try {
    await listening(server, socket);
    process.once("exit", () => rmSync(socket, { force: true }));
  } catch (error) {
    deps.log.warn("no socket for backups; they need a stopped broker", { error: error as Error });
  }
}

function listening(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
}

function answer(connection: Socket, deps: BackupSocketDeps, turn: { taken: boolean }): void {
  connection.unref();
  connection.setTimeout(stalledMs, () => connection.destroy());
  connection.on("error", () => connection.destroy());
  let asked = "";
  const onData = (chunk: Buffer) => {
    asked += chunk.toString("latin1");
    if (asked.length < backupRequest.length) return;
    connection.off("data", onData);
    if (asked === backupRequest) void handOut(connection, deps, turn);
    else connection.destroy();
  };
  connection.on("data", onData);
}

async function handOut(
  connection: Socket,
  { store, log, taken }: BackupSocketDeps,
  turn: { taken: boolean },
): Promise<void> {
  if (turn.taken) {
    const busy = () => Promise.reject(new Error("another backup is under way"));
    const source = { figures: emptyFigures, next: busy };
    await send(connection, Readable.from(writeBackup(backupHead(), source))).catch(() => {});
    return;
  }
  turn.taken = true;
  try {
    await using snapshot = await store.snapshot();
    log.info("a backup is taken");
    await send(connection, Readable.from(writeBackup(backupHead(), snapshot)));
    taken(snapshot.figures);
    log.info("a backup was handed out", { ...snapshot.figures });
  } catch (error) {
    log.warn("a backup was not handed out to its end", { error: error as Error });
    connection.destroy();
  } finally {
    turn.taken = false;
  }
}

function send(connection: Socket, bytes: Readable): Promise<void> {
  return pipeline(bytes, connection);
}

const emptyFigures: RecordFigures = {
  records: 0,
  bytes: 0,
  mailboxes: 0,
  messages: 0,
  damaged: 0,
};

/** The head of a backup that is taken now. */
export function backupHead(): BackupHead {
  return {
    format: 1,
    engine: "leveldb",
    storeFormat: folderFormat,
    version,
    takenAt: new Date().toISOString(),
  };
}
