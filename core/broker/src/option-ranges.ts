// The range of every number among the options, and which of them contradict each other.
import { ttlSecondsMax } from "@mq9/protocol";
import type { BrokerOptions } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { gibibyte, kibibyte, mebibyte } from "./units.ts";

const dayMs = 86_400_000;

/** Lowest and highest value of every number, both allowed. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  "limits.maxPayloadBytes": [1, 64 * mebibyte],
  "limits.maxControlLineBytes": [512, mebibyte],
  "limits.maxPendingBytes": [64 * kibibyte, gibibyte],
  "limits.maxPendingTotalBytes": [0, Number.MAX_SAFE_INTEGER],
  "limits.maxPartialTotalBytes": [0, Number.MAX_SAFE_INTEGER],
  "limits.maxConnections": [1, 1_000_000],
  "limits.maxConnectionsPerAddress": [0, 1_000_000],
  "limits.connectRatePerAddress": [0, 1_000_000],
  "limits.connectTimeoutMs": [0, dayMs],
  "limits.authTimeoutMs": [100, 600_000],
  "limits.maxSubscriptionTokens": [0, 1_000_000],
  "limits.maxSubscriptionsPerConnection": [0, 10_000_000],
  "limits.maxWaitingFetchesPerConnection": [0, 100_000],
  "limits.maxMissesPerUser": [0, 1_000_000],
  "limits.maxMissesPerAddress": [0, 1_000_000],
  "limits.maxClosedConnections": [0, 1_000_000],
  "limits.pingIntervalMs": [100, dayMs],
  "limits.pingMax": [1, 1_000],
  "limits.writeDeadlineMs": [100, dayMs],
  "mailbox.defaultTtlSeconds": [0, ttlSecondsMax],
  "mailbox.namedTtlSeconds": [0, ttlSecondsMax],
  "mailbox.notifyTtlSeconds": [0, ttlSecondsMax],
  "mailbox.activeMailboxesMax": [16, 10_000_000],
  "mailbox.messagesPerMailboxMax": [0, Number.MAX_SAFE_INTEGER],
  "mailbox.bytesPerMailboxMax": [0, Number.MAX_SAFE_INTEGER],
  "mailbox.mailboxesPerAccountMax": [0, Number.MAX_SAFE_INTEGER],
  "mailbox.messagesPerAccountMax": [0, Number.MAX_SAFE_INTEGER],
  "mailbox.bytesPerAccountMax": [0, Number.MAX_SAFE_INTEGER],
  "mailbox.hopsMax": [0, 1_000_000],
  "mailbox.dedupWindowMs": [1_000, dayMs],
  "registry.agentsMax": [1, 100_000],
  "registry.staleAfterMs": [1_000, 7 * dayMs],
  "registry.goneAfterMs": [1_000, 365 * dayMs],
  "registry.embeddingsTimeoutMs": [50, 60_000],
  "disk.softMarkBytes": [0, Number.MAX_SAFE_INTEGER],
  "disk.hardMarkBytes": [0, Number.MAX_SAFE_INTEGER],
  "disk.reserveBytes": [0, 16 * gibibyte],
  "shutdown.graceMs": [0, 600_000],
  "shutdown.spreadMs": [0, 600_000],
  "shutdown.deadlineMs": [1_000, 3_600_000],
};

/** The options that are numbers, mostly. */
export type RangedOptions = Pick<
  BrokerOptions,
  "limits" | "mailbox" | "registry" | "disk" | "shutdown"
>;

/**
 * Checks that every number is in its range, and that none contradicts another.
 * @throws {OptionsError} naming the first that does not
 */
export function checkRanges(options: RangedOptions): void {
  checkNumbers(options);
  checkTogether(options);
}

function checkNumbers(options: RangedOptions): void {
  const groups = {
    limits: options.limits,
    mailbox: options.mailbox,
    registry: options.registry,
    disk: options.disk,
    shutdown: options.shutdown,
  };
  for (const [group, values] of Object.entries(groups)) {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === "boolean" || typeof value === "string") continue;
      if (value === undefined) continue; // the soft mark, worked out once the disk is known
      const path = `${group}.${name}`;
      const [lowest, highest] = ranges[path] ?? [0, Number.MAX_SAFE_INTEGER];
      if (!Number.isInteger(value) || value < lowest || value > highest) {
        throw new OptionsError(
          path,
          `${path} is ${value}; it must be a whole number from ${lowest} to ${highest}`,
          { value, lowest, highest },
        );
      }
    }
  }
}

/** Credentials in it would be logged; the key has a place of its own. */
function checkEmbeddingsUrl(text: string): void {
  if (text === "") return;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.username === "" && url.search === "" && url.hash === "";
  if (plain && (url.protocol === "http:" || url.protocol === "https:")) return;
  throw new OptionsError(
    "registry.embeddingsUrl",
    "registry.embeddingsUrl must be an http or https address without user, query and fragment",
  );
}

function checkTogether({ limits, mailbox, registry, disk, shutdown }: RangedOptions): void {
  if (!["auto", "base64", "utf8"].includes(mailbox.payloads)) {
    throw new OptionsError(
      "mailbox.payloads",
      `mailbox.payloads is ${mailbox.payloads}; it must be auto, base64 or utf8`,
    );
  }
  if (limits.maxPendingBytes < 2 * limits.maxPayloadBytes) {
    throw new OptionsError(
      "limits.maxPendingBytes",
      `limits.maxPendingBytes (${limits.maxPendingBytes}) must be at least twice limits.maxPayloadBytes (${limits.maxPayloadBytes}), or one large message would end its reader's connection`,
    );
  }
  if (registry.goneAfterMs < registry.staleAfterMs) {
    throw new OptionsError(
      "registry.goneAfterMs",
      `registry.goneAfterMs (${registry.goneAfterMs}) must not be below registry.staleAfterMs (${registry.staleAfterMs})`,
    );
  }
  checkEmbeddingsUrl(registry.embeddingsUrl);
  if (disk.softMarkBytes !== undefined && disk.softMarkBytes < disk.hardMarkBytes) {
    throw new OptionsError(
      "disk.softMarkBytes",
      `disk.softMarkBytes (${disk.softMarkBytes}) must not be below disk.hardMarkBytes (${disk.hardMarkBytes}): sending stops before removing does`,
    );
  }
  if (shutdown.graceMs + shutdown.spreadMs >= shutdown.deadlineMs) {
    throw new OptionsError(
      "shutdown.deadlineMs",
      `shutdown.deadlineMs (${shutdown.deadlineMs}) must be longer than graceMs and spreadMs together (${shutdown.graceMs + shutdown.spreadMs})`,
    );
  }
}
