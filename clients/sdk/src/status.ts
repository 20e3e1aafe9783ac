// What happens to the connection, told to whoever follows it.
import { Stream } from "./stream.ts";

/** `leaving`: the broker is about to stop; the connection moves by itself. */
export type StatusEvent =
  | { readonly type: "disconnected" | "reconnected" | "leaving"; readonly server: string }
  | { readonly type: "reconnecting" }
  | { readonly type: "error"; readonly error: Error }
  | { readonly type: "closed"; readonly error: Error | undefined };

/** Followers that do not read miss the oldest events beyond so many. */
const eventsMax = 1_000;

export class StatusFeed {
  readonly #followers: Set<Stream<StatusEvent>> = new Set();
  #ended = false;

  tell(event: StatusEvent): void {
    for (const follower of this.#followers) follower.push(event);
  }

  /** Tells the last event; nothing follows. */
  end(event: StatusEvent): void {
    this.tell(event);
    this.#ended = true;
    for (const follower of this.#followers) follower.end();
  }

  /** Everything from now on; leaving the loop ends it. */
  follow(): AsyncIterableIterator<StatusEvent> {
    const stream: Stream<StatusEvent> = new Stream({
      most: eventsMax,
      onReturn: () => {
        this.#followers.delete(stream);
      },
    });
    if (this.#ended) stream.end();
    else this.#followers.add(stream);
    return stream;
  }
}
