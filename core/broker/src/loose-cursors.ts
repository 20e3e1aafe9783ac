// Where a connection stands that fetches without a group and asks for what is new: published clients
// do so in a loop, and would miss what comes between two fetches. In memory, for one connection.
import {
  directoryName,
  type FetchRequest,
  type FetchResult,
  fetchMax,
  Mq9Error,
  type PullApi,
} from "@mq9/protocol";

/** Mailboxes whose place is remembered; the one unused for longest is forgotten first. */
const placesMax = 64;
const bytesDefault = 1_048_576;

interface Place {
  /** Everything below was shown. */
  from: number;
  /** Shown too; something of lower priority between them was not. */
  readonly seen: Set<number>;
  seenBytes: number;
}

export class LooseCursors {
  readonly #places = new Map<string, Place>();

  /**
   * A fetch without a group from `latest`: the first starts at what comes after it, each later one at
   * what none before has shown.
   * @param withNewest the first one starts at the newest message there is
   * @throws {Mq9Error} as `PullApi.fetch`
   */
  async fetch(
    mailboxes: PullApi,
    request: FetchRequest,
    withNewest: boolean,
  ): Promise<FetchResult> {
    const place = await this.#place(mailboxes, request.mailbox, withNewest);
    for (;;) {
      // What is shown meanwhile is shown here too: the client may have given up the other fetch.
      const { from } = place;
      const seen = new Set(place.seen);
      const result = await mailboxes.fetch({
        ...request,
        start: { at: "id", msgId: from },
        limit: Math.min(request.limit + seen.size, fetchMax),
        bytesMax: (request.bytesMax ?? bytesDefault) + place.seenBytes,
      });
      const fresh = result.messages.filter(({ msgId }) => !seen.has(msgId));
      const messages = fresh.slice(0, request.limit);
      const more = result.more || messages.length < fresh.length;
      if (messages.length > 0 || seen.size === 0) {
        advance(place, messages, more);
        return { messages, more };
      }
      // Only what was shown was found, or nothing: it is passed over for good.
      passOver(place);
    }
  }

  async #place(mailboxes: PullApi, mailbox: string, withNewest: boolean): Promise<Place> {
    if (!this.#places.has(mailbox)) {
      const nextId = await nextIdOf(mailboxes, mailbox);
      const from = withNewest ? Math.max(0, nextId - 1) : nextId;
      if (!this.#places.has(mailbox)) {
        this.#places.set(mailbox, { from, seen: new Set(), seenBytes: 0 });
      }
    }
    const place = this.#places.get(mailbox) as Place;
    this.#places.delete(mailbox);
    this.#places.set(mailbox, place);
    for (const name of this.#places.keys()) {
      if (this.#places.size <= placesMax) break;
      this.#places.delete(name);
    }
    return place;
  }
}

/** The directory can be read before there is anything in it. */
async function nextIdOf(mailboxes: PullApi, mailbox: string): Promise<number> {
  try {
    return (await mailboxes.inspect(mailbox)).nextId;
  } catch (error) {
    const empty = mailbox === directoryName && error instanceof Mq9Error;
    if (empty && error.code === "not_found") return 0;
    throw error;
  }
}

function advance(place: Place, messages: FetchResult["messages"], more: boolean): void {
  for (const { msgId, payload, headers } of messages) {
    if (msgId < place.from) continue;
    place.seen.add(msgId);
    place.seenBytes += payload.length + (headers?.length ?? 0);
  }
  if (!more) {
    passOver(place);
    return;
  }
  while (place.seen.delete(place.from)) place.from += 1;
  if (place.seen.size === 0) place.seenBytes = 0;
}

function passOver(place: Place): void {
  for (const msgId of place.seen) place.from = Math.max(place.from, msgId + 1);
  place.seen.clear();
  place.seenBytes = 0;
}
