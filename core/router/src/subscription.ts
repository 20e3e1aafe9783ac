// One subscription of one connection. Made by the connection on SUB, indexed by a Sublist, read by
// delivery. All fields exist from the start so that the hot path sees one shape.

import type { Connection } from "./connection.ts";
import type { SubjectSpace } from "./subject-space.ts";

/** Decides at delivery whether a subscription may see a subject that its pattern covers. */
export type DeliveryFilter = (subject: string) => boolean;

/** What a subscription is made from. */
export interface SubscriptionRequest {
  readonly sid: string;
  readonly subject: string;
  /** "" for a plain subscription. */
  readonly queue: string;
}

/** A live SUB. */
export class Subscription {
  readonly connection: Connection;
  readonly sid: string;
  /** The sid and a blank, as MSG lines carry it. */
  readonly sidBytes: Buffer;
  /** As the client wrote it; may hold wildcards. A byte string. */
  readonly subject: string;
  /** Queue group; "" for a plain subscription. */
  readonly queue: string;
  /** The claimed space it belongs to; undefined for ordinary subjects. */
  readonly space: SubjectSpace | undefined;
  /** Set when its pattern overlaps subjects it may not see. */
  filter: DeliveryFilter | undefined = undefined;
  /** Messages handed to it since SUB. */
  delivered = 0;
  /** It ends with this many messages; 0 = never. */
  max = 0;
  /** False once it ended: results computed earlier may still name it. */
  active = true;
  /** Its place in the list of its node, kept by the Sublist. */
  slot = -1;

  constructor(
    connection: Connection,
    request: SubscriptionRequest,
    space: SubjectSpace | undefined,
  ) {
    this.connection = connection;
    this.sid = request.sid;
    this.sidBytes = sidBytesOf(request.sid);
    this.subject = request.subject;
    this.queue = request.queue;
    this.space = space;
  }
}

/** Sids of nearly all clients are small numbers; their bytes are shared. */
const shared: Buffer[] = [];
const sharedMax = 1_024;

function sidBytesOf(sid: string): Buffer {
  const number = Number(sid);
  if (!(number >= 0 && number < sharedMax) || String(number) !== sid) return encode(sid);
  const known = shared[number];
  if (known !== undefined) return known;
  const bytes = encode(sid);
  shared[number] = bytes;
  return bytes;
}

function encode(sid: string): Buffer {
  return Buffer.from(`${sid} `, "latin1");
}
