// The seam between the router and whoever owns a subject space. The router hands over every PUB,
// SUB and UNSUB under the owner's prefix and every disconnect, and delivers what the owner emits.
// Traffic outside the prefix never reaches the owner; traffic inside never meets ordinary
// subscriptions (so no `>` and no `$mq9.>` sees it).
import type { Identity } from "./identity.ts";
import type { ServedHandler } from "./served-subjects.ts";
import type { Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";

/** A promise to answer: while any is open, later `+OK` and `PONG` of the connection wait their turn. */
export interface Hold {
  /** Ends the hold. Exactly once. */
  release(): void;
}

/** One connection as an owner sees it. */
export interface Client {
  /** Unique for the life of the server. */
  readonly id: number;
  /** The account it belongs to; `$G` without configured accounts. */
  readonly account: string;
  /** Of the far end. */
  readonly remoteAddress: string;
  /** CONNECT's `name`, `lang`; "" when absent. */
  readonly name: string;
  readonly lang: string;
  /** It accepts HMSG. */
  readonly headers: boolean;
  /** It asked for 503 statuses. */
  readonly noResponders: boolean;
  readonly closed: boolean;
  /** Who it is; undefined before CONNECT. */
  readonly identity: Identity | undefined;
  /** Its reads and writes are stopped. */
  readonly isQuarantined: boolean;
  /** Owner's own per-connection state; undefined until the owner sets it. */
  ownerState: unknown;
  /** Keeps the connection's later `+OK` and `PONG` back until released. */
  hold(): Hold;
  /**
   * Queues one MSG or HMSG for a subscription of this connection and counts it against UNSUB max.
   * A receiver without headers gets MSG without them.
   * @param headers a whole header block, or undefined
   * @returns false when the outbox is above its high-water mark: deliver no more until `onceWritable`
   */
  deliver(
    subscription: Subscription,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): boolean;
  /** Calls back once when the outbox has drained below its low-water mark; never after close. */
  onceWritable(resume: () => void): void;
  /** `-ERR 'Permissions Violation for Publish to "<subject>"'`; the connection stays. */
  refusePublish(subject: string): void;
  /** `-ERR 'Permissions Violation for Subscription to "<subject>"'`; the connection stays. */
  refuseSubscription(subject: string, queue: string): void;
  /** Closes the connection once what is queued has been written; open holds are not answered. */
  end(): void;
  /** Stops and restarts reading its socket; calls nest. */
  pauseReading(): void;
  resumeReading(): void;
}

/** Owner of a subject space. All methods are called synchronously and must not throw. */
export interface SubjectSpace {
  /** Literal prefix with a final dot, for instance `$mq9.AI.`. */
  readonly prefix: string;
  /**
   * One PUB or HPUB. Permissions were checked. `headers` and `payload` are the owner's to keep; they
   * are never written to. `reply` is "" when there is none.
   */
  publish(
    client: Client,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void;
  /** A SUB whose subject starts with the prefix. The router only remembers its sid. */
  subscribe(client: Client, subscription: Subscription): void;
  /** UNSUB, or its max was reached. Not called when the connection ends. */
  unsubscribe(client: Client, subscription: Subscription): void;
  /**
   * A request of a connection whose reads and writes are stopped; it was told by `-ERR`. What the owner
   * answers goes through `RouterServices.tell`.
   */
  refuse?(client: Client, subject: string, reply: string): void;
  /**
   * Who the connection is stays, its rights are others: `identity` was replaced after a reload.
   * @returns false: to the owner it shall be as if it left and came again
   */
  rightsChanged?(client: Client): boolean;
  /** The connection ended; `subscriptions` are those of the space it still held. */
  disconnect(client: Client, subscriptions: readonly Subscription[]): void;
}

/** What an owner may ask of the router. */
export interface RouterServices {
  /**
   * Publishes as the server within an account, through ordinary subject matching (never into an
   * owned space). @returns how many connections got it
   */
  publish(
    account: string,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): number;
  /**
   * Delivers to the subscriptions of a list the owner keeps itself, with queue groups and echo as
   * for any publish. @returns how many connections got it
   */
  fanOut(
    sublist: Sublist,
    from: Client | undefined,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): number;
  /** Says something on the inbox of one connection, whatever that may subscribe to; to nobody else. @returns whether it listens */
  tell(client: Client, inbox: string, payload: Uint8Array): boolean;
  /** Whether anybody in the account would get it. */
  hasInterest(account: string, subject: string): boolean;
  /**
   * Lets the server itself take part in an account, or in every one (`*`): its handler gets what clients
   * publish to a subject, counts as a receiver, and is no connection. Ordinary subscriptions get it too.
   * What the server publishes never reaches a handler.
   * @param subject may hold wildcards after its first token; its first byte must be rare among subjects
   * @returns ends it
   */
  serve(account: string, subject: string, handler: ServedHandler): () => void;
  /** Answers a request that nobody served with the 503 status, if the client asked for those. */
  noResponders(client: Client, subject: string, reply: string): void;
}
