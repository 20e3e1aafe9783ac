// What the published clients of generation 2 can do, in the words they share. Three kinds implement
// it: shapes over one JavaScript library, and programs in Python and Go.

/** Bytes a client hands to its caller after its own decoding. */
export interface Received {
  readonly msgId: number;
  readonly payload: Uint8Array;
  readonly priority: string;
  /** Seconds since 1970. */
  readonly createTime: number;
}

export type Deliver = "latest" | "earliest" | "from_time" | "from_id";
export type Priority = "normal" | "urgent" | "critical";

export interface SendOptions {
  readonly priority?: Priority;
  readonly key?: string;
  /** Seconds. */
  readonly delay?: number;
  /** Seconds. */
  readonly ttl?: number;
  readonly tags?: readonly string[];
}

export interface FetchOptions {
  readonly groupName?: string;
  readonly deliver?: Deliver;
  readonly fromTime?: number;
  readonly fromId?: number;
  readonly forceDeliver?: boolean;
  readonly numMsgs?: number;
  readonly maxWaitMs?: number;
}

export interface ConsumeOptions {
  readonly groupName?: string;
  readonly deliver?: Deliver;
  readonly numMsgs?: number;
  readonly maxWaitMs?: number;
  /** Left out, each client has a default of its own. */
  readonly autoAck?: boolean;
}

export interface QueryOptions {
  readonly key?: string;
  readonly limit?: number;
  /** Seconds since 1970. */
  readonly since?: number;
}

export interface DiscoverOptions {
  readonly text?: string;
  readonly semantic?: string;
  readonly limit?: number;
  readonly page?: number;
}

export type Json = Readonly<Record<string, unknown>>;

/** A running consume loop. */
export interface Consumer {
  /** Ends the loop and resolves when it has ended. */
  stop(): Promise<void>;
}

/** Handles one message; a rejection is a failed handler. */
export type Handler = (message: Received) => Promise<void>;

/** One client with a connection of its own; every call rejects with the words of the broker's error. */
export interface PublishedClient extends AsyncDisposable {
  create(options?: { name?: string; ttl?: number }): Promise<string>;
  send(address: string, payload: Uint8Array, options?: SendOptions): Promise<number>;
  fetch(address: string, options?: FetchOptions): Promise<Received[]>;
  ack(address: string, groupName: string, msgId: number): Promise<void>;
  consume(address: string, handler: Handler, options?: ConsumeOptions): Promise<Consumer>;
  query(address: string, options?: QueryOptions): Promise<Received[]>;
  remove(address: string, msgId: number): Promise<void>;
  register(card: Json): Promise<void>;
  unregister(mailbox: string): Promise<void>;
  report(report: Json): Promise<void>;
  discover(options?: DiscoverOptions): Promise<Json[]>;
  /** Ends the process or the socket at once, without a word to the broker. */
  vanish(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The payloads as text. */
export function texts(messages: readonly Received[]): string[] {
  return messages.map((message) => decoder.decode(message.payload));
}
