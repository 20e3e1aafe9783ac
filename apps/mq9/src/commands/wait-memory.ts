// What sleepers of one session remember between two hooks: what was rung for last, and which of them is
// on duty. One small JSON file per session, mailbox and group, in the user's state folder. Called
// by wait.ts. A file that can not be read or written means only that a bell may ring twice.
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import type { Rung } from "./wait-hook.ts";

interface Content {
  /** Which sleeper is on duty. */
  readonly sleeper?: string;
  readonly rung?: Rung;
}

/** The memory of one session for one mailbox and group. */
export interface WakeMemory {
  /** Takes the duty over from whoever sleeps: agents start a sleeper after each turn and end none. */
  takeOver(): void;
  /** Whether a later sleeper has taken over; then this one has to leave without a word. */
  isRelieved(): boolean;
  last(): Rung | undefined;
  remember(rung: Rung): void;
}

/** @param parts what makes the session, the mailbox and the group different from all others */
export function openWakeMemory(
  parts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): WakeMemory {
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
  const folder = path.join(stateFolder(env), "mq9", "wake");
  const file = path.join(folder, `${hash}.json`);
  const me = randomUUID();
  let onDuty = false;

  const read = (): Content => {
    try {
      return (JSON.parse(readFileSync(file, "utf8")) as Content | null) ?? {};
    } catch {
      // best effort: no memory is an empty one.
      return {};
    }
  };
  const write = (content: Content) => {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const written = `${file}.${me}`;
      writeFileSync(written, JSON.stringify(content), { mode: 0o600 });
      renameSync(written, file);
    } catch {
      // best effort: without memory the bell may ring once too often, and never too seldom.
    }
  };

  return {
    takeOver: () => {
      onDuty = true;
      write({ ...read(), sleeper: me });
    },
    isRelieved: () => {
      const { sleeper } = read();
      return onDuty && sleeper !== undefined && sleeper !== me;
    },
    last: () => {
      const { rung } = read();
      return isRung(rung) ? rung : undefined;
    },
    remember: (rung) => write({ ...read(), rung }),
  };
}

function isRung(value: unknown): value is Rung {
  const { nextId, times, atMs } = (value ?? {}) as Partial<Rung>;
  return [nextId, times, atMs].every((number) => Number.isFinite(number)) && (times ?? 0) >= 1;
}

function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const set = env["XDG_STATE_HOME"];
  return set !== undefined && path.isAbsolute(set) ? set : path.join(homedir(), ".local", "state");
}
