// What a registration must be, and who may change it. Pure.
import { Mq9Error, type RegisterRequest } from "@mq9/protocol";
import type { Entry } from "./record.ts";

/** As the name of a mailbox, which some agents take for theirs. */
const nameLengthMax = 128;

/** An agent nobody knew before. */
export function newEntry(request: RegisterRequest, nowMs: number): Entry {
  return {
    name: request.name,
    mailbox: request.mailbox,
    owner: request.by,
    facts: request.facts,
    body: request.body,
    registeredAtMs: nowMs,
    lastSeenAtMs: nowMs,
    report: undefined,
    mailboxKnown: false,
    mailboxEndsAtMs: undefined,
    place: undefined,
    version: 0,
  };
}

/** @throws {Mq9Error} `invalid`, `too_large` */
export function checkRegistration({ name, body }: RegisterRequest, bytesMax: number): void {
  if (name === "") throw new Mq9Error("invalid", "agent name must not be empty");
  if (name.length > nameLengthMax) {
    throw new Mq9Error("invalid", `agent name is longer than ${nameLengthMax} characters`);
  }
  // Stored as UTF-8, where all halves look alike: two agents would become one.
  if (/\p{Surrogate}/u.test(name)) {
    throw new Mq9Error("invalid", "agent name holds half a character");
  }
  if (body.length > bytesMax) {
    throw new Mq9Error("too_large", `a registration is at most ${bytesMax} bytes`);
  }
}

/**
 * Names belong to who registered them first. Without sign-in nobody owns anything.
 * @throws {Mq9Error} `forbidden`
 */
export function assertOwner(entry: Entry, by: string | undefined): void {
  if (isOwner(entry, by)) return;
  throw new Mq9Error("forbidden", `agent ${entry.name} belongs to somebody else`);
}

/**
 * Those of an agent's mailbox that whoever asks may touch: anybody can name a mailbox of others when he
 * registers, and must not stand in their way.
 * @throws {Mq9Error} `forbidden` when all of them are others'
 */
export function ownAmong(found: readonly Entry[], by: string | undefined): readonly Entry[] {
  const own = found.filter((entry) => isOwner(entry, by));
  const [first] = found;
  if (own.length === 0 && first !== undefined) assertOwner(first, by);
  return own;
}

function isOwner({ owner }: Entry, by: string | undefined): boolean {
  return owner === undefined || by === undefined || owner === by;
}
