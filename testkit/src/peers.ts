// Finds the programs of others that tests run against the broker. Never installs anything:
// scripts/peers.sh does.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "./paths.ts";

/** `python` is an interpreter with nats-py. */
export type PeerName = "nats-server" | "nats" | "python" | "go" | "chromium" | "promtool" | "tmux";

/** `path` is undefined when the peer is missing; then `reason` says so in words for a skipped test. */
export interface Peer {
  readonly path: string | undefined;
  readonly reason: string;
}

/** Where scripts/peers.sh puts what it installs. */
export const peersDir: string = path.join(repositoryRoot, ".peers");

const locations: Readonly<Record<PeerName, { installed?: string; commands: string[] }>> = {
  "nats-server": { installed: "bin/nats-server", commands: ["nats-server"] },
  nats: { installed: "bin/nats", commands: ["nats"] },
  python: { installed: "venv/bin/python", commands: ["python3", "python"] },
  go: { commands: ["go"] },
  promtool: { installed: "bin/promtool", commands: ["promtool"] },
  tmux: { commands: ["tmux"] },
  chromium: { commands: ["chromium", "chromium-browser", "google-chrome"] },
};

/**
 * Looks in `.peers`, then in PATH.
 * @throws instead of reporting a missing peer when MQ9_REQUIRE_PEERS is set, so that a complete run
 * can not pass by skipping
 */
export function findPeer(name: PeerName): Peer {
  const { installed, commands } = locations[name];
  const places = (process.env["PATH"] ?? "").split(path.delimiter).filter((place) => place !== "");
  const candidates = commands.flatMap((command) =>
    places.map((place) => path.join(place, command)),
  );
  if (installed !== undefined) candidates.unshift(path.join(peersDir, installed));
  const found = candidates.find((file) => isExecutable(file) && isUsable(name, file));
  if (found !== undefined) return { path: found, reason: "" };
  const reason = `${name} is not installed; run: npm run peers`;
  if (process.env["MQ9_REQUIRE_PEERS"]) throw new Error(reason);
  return { path: undefined, reason };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Any Python may be in PATH; only one that can import the client is of use. */
function isUsable(name: PeerName, file: string): boolean {
  return name !== "python" || spawnSync(file, ["-c", "import nats"]).status === 0;
}
