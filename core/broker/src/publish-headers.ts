// What the headers of a publish mean to the broker, and what passes of them to listeners. Called by the
// owner of `$mq9.AI.`; how a header is written is the dialects' business.
import { liveHeaders, passedHeaders, type SendHeaders, tokenMax } from "@mq9/dialects";
import { Mq9Error, type SendRequest } from "@mq9/protocol";
import type { Visitor } from "./visitor.ts";

/** A token that a connection shows for a mailbox. Where no users are configured it gives nothing more. */
export function showToken({ rights }: Visitor, mailbox: string, token: string | undefined): void {
  if (rights !== undefined && token !== undefined && token.length <= tokenMax) {
    rights.show(mailbox, token);
  }
}

/** What listeners get of a sender's headers: nothing that only the broker writes, and who he is. */
export function headersToPass(
  block: Buffer | undefined,
  from: string | undefined,
  hops?: number,
): Uint8Array | undefined {
  const kept = block && passedHeaders(block, hops);
  if (from === undefined) return kept;
  const head = kept === undefined ? "NATS/1.0\r\n" : kept.subarray(0, kept.length - 2);
  const own = Buffer.from(`${liveHeaders(from)}\r\n`, "utf8");
  return Buffer.concat([typeof head === "string" ? Buffer.from(head, "latin1") : head, own]);
}

/** @param bare the subject names no priority, so the header's counts */
export function withHeaders(request: SendRequest, told: SendHeaders, bare: boolean): SendRequest {
  return {
    ...request,
    label: (bare ? told.label : undefined) ?? request.label,
    headers: told.headers,
    ttlSeconds: told.ttlSeconds ?? request.ttlSeconds,
    key: told.key,
    tags: told.tags,
    delayMs: told.delayMs,
    dedupId: told.dedupId,
  };
}

/** Why a chain of messages ends of which each caused the next. @param hopsMax its longest */
export function endlessLoop(hopsMax: number): Mq9Error {
  return new Mq9Error(
    "forbidden",
    `stopped at ${hopsMax} messages that caused each other (mq9-hops): agents answer each other without end; ask a person, or begin anew without that header`,
  );
}
