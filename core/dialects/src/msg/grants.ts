// Our additions that hand rights on a mailbox to others: GRANT, GRANTS, REVOKE, and OPEN, which shows a
// token. Whether whoever asks may do so is decided where the mailbox is.
import { type GrantInfo, neverMs, type TokenRight, ttlSecondsMax } from "@mq9/protocol";
import type { Exchange } from "../dialect.ts";
import {
  decodeBody,
  encodeJson,
  field,
  invalidBody,
  type JsonObject,
  textField,
  wholeField,
} from "../json.ts";
import { wireSeconds } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { emptiedByVerb } from "./emptied.ts";

/** Longest token that is looked at, in characters. */
export const tokenMax = 256;

/** `MAILBOX.GRANT.<id>` `{"rights":[…],"ttl"?:seconds}`. @throws {Mq9Error} `invalid` */
export function openGrant(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MAILBOX.GRANT";
  const body = decodeBody(bytes, request);
  const rights = rightsField(body, request);
  const ttlSeconds = wholeField(body, "ttl", request, 0, ttlSecondsMax) ?? 0;
  return {
    op: "grant",
    operation: { mailbox, rights, ttlSeconds },
    succeed: ({ token, info }) => encodeJson({ error: "", token, ...facts(info) }),
    fail: (error) => errorReply(error, emptiedByVerb.grant),
  };
}

/** `MAILBOX.GRANTS.<id>`; its body says nothing. */
export function openGrants(mailbox: string): Exchange {
  return {
    op: "grants",
    operation: { mailbox },
    succeed: (infos) => encodeJson({ error: "", grants: infos.map(facts) }),
    fail: (error) => errorReply(error, emptiedByVerb.grants),
  };
}

/** `MAILBOX.REVOKE.<id>` `{"grant_id":text}`. @throws {Mq9Error} `invalid` */
export function openRevoke(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MAILBOX.REVOKE";
  const grantId = textField(decodeBody(bytes, request), "grant_id", request);
  if (!grantId) throw invalidBody(request, "grant_id is missing");
  return {
    op: "revoke",
    operation: { mailbox, grantId },
    succeed: (revoked) => encodeJson({ error: "", revoked }),
    fail: (error) => errorReply(error, emptiedByVerb.revoke),
  };
}

/** `MAILBOX.OPEN.<id>` `{"token":text}`. @throws {Mq9Error} `invalid` */
export function openOpen(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MAILBOX.OPEN";
  const token = textField(decodeBody(bytes, request), "token", request);
  if (!token) throw invalidBody(request, "token is missing");
  if (token.length > tokenMax) {
    throw invalidBody(request, `token is longer than ${tokenMax} characters`);
  }
  return {
    op: "open",
    operation: { mailbox, token },
    succeed: ({ rights, expiresAtMs }) => encodeJson({ error: "", rights, ...end(expiresAtMs) }),
    fail: (error) => errorReply(error, emptiedByVerb.open),
  };
}

const rightWords: readonly TokenRight[] = ["send", "receive", "query", "manage"];

function rightsField(body: JsonObject, request: string): readonly TokenRight[] {
  const given = field(body, "rights");
  const rights = Array.isArray(given) ? [...new Set(given as readonly unknown[])] : [];
  const known = rights.filter(isRight);
  if (known.length > 0 && known.length === rights.length) return known;
  throw invalidBody(
    request,
    "rights must be a list of one or more of 'send', 'receive', 'query' and 'manage'",
  );
}

function isRight(word: unknown): word is TokenRight {
  return rightWords.includes(word as TokenRight);
}

function facts({ grantId, rights, createdAtMs, expiresAtMs, by }: GrantInfo): JsonObject {
  return {
    grant_id: grantId,
    rights,
    create_time: wireSeconds(createdAtMs),
    ...end(expiresAtMs),
    ...(by === undefined ? {} : { by }),
  };
}

function end(expiresAtMs: number): JsonObject {
  return { expires_at: expiresAtMs === neverMs ? null : wireSeconds(expiresAtMs) };
}
