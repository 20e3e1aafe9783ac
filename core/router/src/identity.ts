// Who a connection is and what it may do. The router asks the hook at CONNECT and the permissions
// at every SUB and PUB; where they come from is the embedder's business.

import { hasEmptyToken, isSubset, overlaps, subjectMatches, type WireErrorName } from "@mq9/wire";
import type { ConnectOptions } from "./connect-options.ts";
import type { Pace } from "./pace.ts";
import type { DeliveryFilter } from "./subscription.ts";

/** Account of connections when no accounts are configured. */
export const globalAccount = "$G";

/** How a connection came in. */
export type PeerKind = "STANDARD" | "WEBSOCKET";

/** What a client certificate says, once its chain was verified. */
export interface PeerCertificate {
  /** RFC 4514 text of the subject, most specific part first. */
  readonly subject: string;
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Hex SHA-256 of the public key's SPKI. */
  readonly spkiSha256: string;
  /** Who stands for it, up to the root: each an opaque text for a name and a key. */
  readonly authorities: readonly string[];
}

/** What is known of the encryption of a connection. */
export interface PeerTls {
  readonly version: string;
  readonly cipher: string;
  readonly certificate: PeerCertificate | undefined;
}

/** The far end of a connection that asks to be let in. */
export interface Peer {
  readonly kind: PeerKind;
  readonly address: string;
  readonly port: number;
  /** What INFO asked it to sign; "" without nonces. */
  readonly nonce: string;
  /** Undefined on a plain connection. */
  readonly tls: PeerTls | undefined;
}

/** Who a connection is. */
export interface Identity {
  /** Its isolated world of subjects. */
  readonly account: string;
  /** User name, public nkey, or what its certificate says; "" when anonymous. Unique in the account. */
  readonly user: string;
  /** Undefined: everything but what the protocol reserves. */
  readonly permissions: Permissions | undefined;
  /** The instant (Unix ms) from which it is no longer let in; undefined = never. */
  readonly expiresAtMs?: number | undefined;
  /** What owners of spaces may know of it: opaque to the router. */
  readonly rights?: unknown;
  /** Lower limits than everybody's; undefined = the server's. */
  readonly maxSubscriptions?: number | undefined;
  readonly maxPayloadBytes?: number | undefined;
  /** How fast its user may publish; shared by the connections of the user. Undefined = no limit. */
  readonly pace?: Pace | undefined;
  /** Connections of its account at one time; undefined = no limit. */
  readonly accountConnectionsMax?: number | undefined;
  /** What let it in, for `renew` of the next authenticator. Opaque to the router; holds no secret in clear. */
  readonly proof?: unknown;
}

/** Why somebody is not let in, or no longer: a name of the catalogue of errors. */
export type Refusal = Extract<
  WireErrorName,
  | "authorizationViolation"
  | "authenticationExpired"
  | "authenticationRevoked"
  | "accountExpired"
  | "tooManyAccountConnections"
>;

/**
 * Lets a connection in. A promise holds back what the connection sends after CONNECT, in order, until
 * it settles; it must not reject.
 */
export type Authenticate = (
  options: ConnectOptions,
  peer: Peer,
) => Identity | Refusal | Promise<Identity | Refusal>;

/** Who lets connections in, and goes on answering for them. Replaced as a whole on reload. */
export interface Authenticator {
  /** Nobody comes in without credentials; INFO says so. */
  readonly required: boolean;
  /** INFO carries a nonce for clients to sign. */
  readonly nonces: boolean;
  readonly authenticate: Authenticate;
  /**
   * Who a connection is by today's rules that was let in by earlier ones. Asked for every connection
   * after a reload. @returns a refusal to end it
   */
  renew(identity: Identity, options: ConnectOptions, peer: Peer): Identity | Refusal;
}

/** What one connection may publish and subscribe to. Subjects are byte strings. */
export interface Permissions {
  /** @param subject as published */
  canPublish(subject: string): boolean;
  /** @param subject a pattern; true only when all it can match is allowed and not all is denied */
  canSubscribe(subject: string, queue: string): boolean;
  /** What to leave out at delivery to an allowed pattern; undefined when nothing needs to be. */
  filterFor(subject: string, queue: string): DeliveryFilter | undefined;
  /** Publishing to the reply subjects of messages it got; undefined = not granted. */
  readonly responses: ResponseGrant | undefined;
  /** False: every publish is allowed, so that nobody has to ask. */
  readonly bindsPublishing?: boolean | undefined;
  /** The lists they were made of, for people to read; undefined when they were not made of lists. */
  readonly rules?: PermissionRules | undefined;
}

/** Leave to answer requests. */
export interface ResponseGrant {
  /** Answers per request. */
  readonly messagesMax: number;
  /** How long after the request, in milliseconds; 0 = without end. */
  readonly ttlMs: number;
}

/** Leave for nothing at all. */
export const noPermissions: Permissions = Object.freeze({
  canPublish: () => false,
  canSubscribe: () => false,
  filterFor: () => () => false,
  responses: undefined,
});

/** Subjects that are allowed and denied. Without `allow` everything is; `deny` always wins. */
export interface SubjectRules {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** Rules of one user. Entries for subscribing may be `<subject> <queue>`, wildcards in both. */
export interface PermissionRules {
  readonly publish?: SubjectRules;
  readonly subscribe?: SubjectRules;
  /** `true` is one answer within two minutes. */
  readonly allowResponses?: true | ResponseGrant;
}

const defaultResponses: ResponseGrant = { messagesMax: 1, ttlMs: 120_000 };

/** Makes permissions of lists of subjects. */
export function createPermissions(rules: PermissionRules): Permissions {
  const responses = rules.allowResponses === true ? defaultResponses : rules.allowResponses;
  // Leave to answer without a list of its own means: answers only.
  const publishAllow = rules.publish?.allow ?? (responses === undefined ? undefined : []);
  const publishDeny = rules.publish?.deny ?? [];
  const allow = rules.subscribe?.allow?.map(parseEntry);
  const deny = (rules.subscribe?.deny ?? []).map(parseEntry);
  return {
    responses,
    rules,
    canPublish: (subject) =>
      (publishAllow === undefined ||
        (!hasEmptyToken(subject) &&
          publishAllow.some((entry) => subjectMatches(entry, subject)))) &&
      !publishDeny.some((entry) => subjectMatches(entry, subject)),
    canSubscribe: (subject, queue) =>
      (allow === undefined || allows(allow, subject, queue)) &&
      !deny.some((entry) => entryCovers(entry, subject, queue)),
    filterFor: (subject, queue) => {
      const left = deny.filter(
        (entry) => forQueue(entry, queue) && overlaps(entry.subject, subject),
      );
      if (left.length === 0) return undefined;
      return (published) => !left.some((entry) => subjectMatches(entry.subject, published));
    },
  };
}

interface SubscribeEntry {
  readonly subject: string;
  /** Pattern of queue names; undefined = plain subscriptions and all queues. */
  readonly queue: string | undefined;
}

function parseEntry(entry: string): SubscribeEntry {
  const [subject = "", queue] = entry.trim().split(/\s+/);
  return { subject, queue };
}

/** Entries with a queue bind every queue on their subject, also where an entry without one allows it. */
function allows(entries: readonly SubscribeEntry[], subject: string, queue: string): boolean {
  const covering = entries.filter((entry) => isSubset(subject, entry.subject));
  const ofQueues = covering.filter((entry) => entry.queue !== undefined);
  if (queue === "" || ofQueues.length === 0) {
    return covering.some((entry) => entry.queue === undefined);
  }
  return ofQueues.some((entry) => forQueue(entry, queue));
}

function forQueue(entry: SubscribeEntry, queue: string): boolean {
  if (entry.queue === undefined) return true;
  return queue !== "" && subjectMatches(entry.queue, queue);
}

function entryCovers(entry: SubscribeEntry, subject: string, queue: string): boolean {
  return forQueue(entry, queue) && isSubset(subject, entry.subject);
}
