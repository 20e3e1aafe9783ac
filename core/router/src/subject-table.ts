// Finds what is known of a published subject from its bytes, without making a string: its text, the
// first bytes of its MSG lines, who owns it, and the latest match. Used by connections on publish.

import { hasEmptyToken, noBytes, noView, type PublishFrame, viewOf } from "@mq9/wire";
import { type ServedHandler, ServedSubjects } from "./served-subjects.ts";
import type { SubjectSpace } from "./subject-space.ts";
import { type MatchResult, noResult } from "./sublist.ts";

/**
 * What a client may do with a subject, as far as its text alone decides. Those that are `served` in some
 * account are ordinary in all others.
 */
export type SubjectKind = "ordinary" | "owned" | "served" | "reserved";

/** All about one published subject. */
export class SubjectEntry {
  text = "";
  hash = 0;
  /** `HMSG <subject> `; from its second byte on, `MSG <subject> `. */
  prefix: Buffer = noBytes;
  prefixView: DataView = noView;
  kind: SubjectKind = "ordinary";
  space: SubjectSpace | undefined = undefined;
  /** The latest match in any account; its generation tells whether it is still true. */
  result: MatchResult = noResult;
  /** In the table, so a result may be kept. */
  kept = false;
}

/** Number of places; a power of two. */
const places = 4_096;
/** Longer subjects are never kept, which bounds the table to 1.3 MiB of names. */
const keptBytesMax = 256;
const verbBytes = 5;

/**
 * Subjects by their bytes. Each has one place; a newcomer takes it at its second publish, so a
 * stream of unique subjects displaces nothing.
 */
export class SubjectTable {
  readonly #entries: (SubjectEntry | undefined)[] = Array.from({ length: places });
  readonly #lastMiss = new Int32Array(places);
  #spaces: readonly SubjectSpace[] = [];
  readonly served: ServedSubjects = new ServedSubjects();

  /** Makes the subjects under its prefix the space's. */
  claim(space: SubjectSpace): void {
    this.#spaces = [...this.#spaces, space];
    this.#entries.fill(undefined);
  }

  /** Lets the server answer a subject. @returns takes it back */
  serve(account: string, pattern: string, handler: ServedHandler): () => void {
    const remove = this.served.add(account, pattern, handler);
    this.#entries.fill(undefined);
    return () => {
      remove();
      this.#entries.fill(undefined);
    };
  }

  /** The space that a subject or pattern belongs to. */
  spaceOf(subject: string): SubjectSpace | undefined {
    for (const space of this.#spaces) if (subject.startsWith(space.prefix)) return space;
    return undefined;
  }

  /** The spaces, in the order they were claimed. */
  get spaces(): readonly SubjectSpace[] {
    return this.#spaces;
  }

  /** Lets go of results, which name subscriptions that may have ended long ago. */
  forgetResults(): void {
    for (const entry of this.#entries) if (entry !== undefined) entry.result = noResult;
  }

  /** What is known of the subject of a frame. */
  find(frame: PublishFrame): SubjectEntry {
    const hash = frame.subjectHash;
    // Hashes of similar subjects differ in their low bits only.
    const place = (hash ^ (hash >>> 12)) & (places - 1);
    const entry = this.#entries[place];
    if (entry !== undefined && entry.hash === hash && hasBytes(entry, frame)) return entry;
    return this.#miss(frame, place);
  }

  /** An entry for a subject that did not come in a frame. */
  entryFor(subject: string): SubjectEntry {
    const entry = new SubjectEntry();
    entry.text = subject;
    entry.prefix = Buffer.from(`HMSG ${subject} `, "latin1");
    entry.prefixView = viewOf(entry.prefix);
    return entry;
  }

  #miss(frame: PublishFrame, place: number): SubjectEntry {
    const { data, subjectStart, subjectEnd, subjectHash } = frame;
    const entry = this.entryFor(data.latin1Slice(subjectStart, subjectEnd));
    entry.hash = subjectHash;
    entry.space = this.spaceOf(entry.text);
    if (entry.space !== undefined) entry.kind = "owned";
    else if (isReserved(entry.text)) entry.kind = "reserved";
    else if (this.served.covers(entry.text)) entry.kind = "served";
    const isInbox = entry.text.startsWith("_INBOX.");
    if (isInbox || subjectEnd - subjectStart > keptBytesMax || hasEmptyToken(entry.text)) {
      return entry;
    }
    if (this.#lastMiss[place] !== subjectHash) {
      this.#lastMiss[place] = subjectHash;
      return entry;
    }
    entry.kept = true;
    this.#entries[place] = entry;
    return entry;
  }
}

function hasBytes(entry: SubjectEntry, frame: PublishFrame): boolean {
  const start = frame.subjectStart;
  const length = frame.subjectEnd - start;
  if (entry.prefix.length !== length + verbBytes + 1) return false;
  const { prefixView, prefix } = entry;
  const { view, data } = frame;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    if (view.getInt32(start + at, true) !== prefixView.getInt32(verbBytes + at, true)) return false;
  }
  for (; at < length; at++) if (data[start + at] !== prefix[verbBytes + at]) return false;
  return true;
}

/** Subjects of other kinds of NATS servers, which clients may not publish to. */
function isReserved(subject: string): boolean {
  return (subject.startsWith("_GR_.") && subject.length > 5) || subject.startsWith("$NRG.");
}
