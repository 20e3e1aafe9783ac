// Tokens handed out for a mailbox, as blobs beside it: they go with its life. Only their digests are
// kept. What they allow is decided in ./access.ts.
import { type GrantInfo, Mq9Error, type TokenRight } from "@mq9/protocol";
import { type Grant, type Verbs, verbs } from "./access.ts";

// Every JavaScript runtime has these; the pure compiler profile does not know them.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

/** Cursor names in the store: `t:<id>`. */
const grantPrefix = "t:";

const tokenRights: readonly TokenRight[] = ["send", "receive", "query", "manage"];

/** @throws {Mq9Error} `invalid` when there is none, or one that is no right */
export function verbsOf(rights: readonly TokenRight[]): Verbs {
  let asked = 0;
  for (const right of rights) {
    if (!tokenRights.includes(right)) throw noRight();
    asked |= verbs[right];
  }
  if (asked === 0) throw noRight();
  return asked;
}

function noRight(): Mq9Error {
  return new Mq9Error("invalid", "the rights of a token are send, receive, query and manage");
}

export function grantInfo({ id, verbs: given, createdAtMs, expiresAtMs, by }: Grant): GrantInfo {
  const rights = tokenRights.filter((right) => (given & verbs[right]) !== 0);
  return { grantId: id, rights, createdAtMs, expiresAtMs, by };
}

/** The name of a grant's blob beside the mailbox. */
export function grantName(id: string): string {
  return grantPrefix + id;
}

export function encodeGrant({
  digest,
  verbs: given,
  createdAtMs,
  expiresAtMs,
  by,
}: Grant): Uint8Array {
  const stored = { digest: [...digest], verbs: given, createdAtMs, expiresAtMs, by };
  return new TextEncoder().encode(JSON.stringify(stored));
}

/** The grants among the blobs of one mailbox. */
export function decodeGrants(cursors: ReadonlyMap<string, Uint8Array>): readonly Grant[] {
  const found: Grant[] = [];
  for (const [name, bytes] of cursors) {
    if (!name.startsWith(grantPrefix)) continue;
    const stored = JSON.parse(new TextDecoder().decode(bytes)) as StoredGrant;
    found.push({
      id: name.slice(grantPrefix.length),
      digest: Uint8Array.from(stored.digest),
      verbs: stored.verbs,
      createdAtMs: stored.createdAtMs,
      expiresAtMs: stored.expiresAtMs,
      by: stored.by,
    });
  }
  return found;
}

interface StoredGrant {
  readonly digest: readonly number[];
  readonly verbs: Verbs;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly by?: string;
}
