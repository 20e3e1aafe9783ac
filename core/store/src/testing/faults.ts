// A store that misbehaves on command, around one that does not: for tests of whoever uses a store.
// What it does not fail it passes on untouched.
import {
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRange,
  type MessageRecord,
  type Store,
  type StoreBatch,
  StoreError,
  type StoreErrorCode,
  type StoreOpening,
} from "../store.ts";

/** The methods that can be made to fail. */
export type FaultyMethod = Exclude<keyof Store, "durable" | "batch">;

/** What becomes of a call. */
export type Fault =
  /** It fails and nothing happens. */
  | { readonly kind: "fail"; readonly code: StoreErrorCode }
  /** It happens and fails all the same: a sync error whose bytes surface after a restart. */
  | { readonly kind: "apply-then-fail"; readonly code: StoreErrorCode }
  /** It succeeds and nothing happens: a disk that lies. Only for `commit`; the lie holds for good. */
  | { readonly kind: "drop" }
  /** It happens once the promise settles; a rejection is its failure. For a disk that is slow. */
  | { readonly kind: "delay"; readonly until: Promise<unknown> };

interface Planted {
  readonly method: FaultyMethod;
  /** Calls to let pass before. */
  remaining: number;
  readonly fault: Fault;
}

/** Wraps a store; without planted faults it behaves like the store inside. */
export class FaultyStore implements Store {
  readonly durable: boolean;
  readonly #inner: Store;
  readonly #calls = new Map<FaultyMethod, number>();
  #planted: Planted[] = [];
  #failed: StoreError | undefined;

  constructor(inner: Store) {
    this.#inner = inner;
    this.durable = inner.durable;
  }

  /**
   * Plants a fault on one call of a method: the `nth` from now on, 1 = the next one.
   * Faults on the same method count independently; where two meet, the one planted first wins.
   */
  plant(method: FaultyMethod, nth: number, fault: Fault): void {
    this.#planted.push({ method, remaining: nth - 1, fault });
  }

  /** Takes back every fault that has not struck. */
  heal(): void {
    this.#planted = [];
  }

  /** How often a method was called, failed calls included. */
  calls(method: FaultyMethod): number {
    return this.#calls.get(method) ?? 0;
  }

  open(): Promise<StoreOpening> {
    return this.#call("open", () => {
      this.#failed = undefined;
      return this.#inner.open();
    });
  }

  close(): Promise<void> {
    return this.#call("close", () => this.#inner.close());
  }

  batch(): StoreBatch {
    return this.#inner.batch();
  }

  // A commit that failed closes the store to everything until it is opened again, as the port says.
  async commit(batch: StoreBatch): Promise<void> {
    this.#assertNotFailed();
    try {
      await this.#call("commit", () => this.#inner.commit(batch));
    } catch (error) {
      this.#failed = error as StoreError;
      throw error;
    }
  }

  mailbox(key: string): Promise<MailboxRecord | undefined> {
    return this.#read("mailbox", () => this.#inner.mailbox(key));
  }

  mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]> {
    return this.#read("mailboxes", () => this.#inner.mailboxes(prefix, afterKey, limit));
  }

  messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    return this.#read("messages", () => this.#inner.messages(mailboxNumber, range));
  }

  message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    return this.#read("message", () => this.#inner.message(mailboxNumber, seq));
  }

  lastSeq(mailboxNumber: number): Promise<number> {
    return this.#read("lastSeq", () => this.#inner.lastSeq(mailboxNumber));
  }

  keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined> {
    return this.#read("keyPlace", () => this.#inner.keyPlace(mailboxNumber, key));
  }

  cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined> {
    return this.#read("cursor", () => this.#inner.cursor(mailboxNumber, name));
  }

  cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>> {
    return this.#read("cursors", () => this.#inner.cursors(mailboxNumber));
  }

  due(untilMs: number, limit: number): Promise<DueEntry[]> {
    return this.#read("due", () => this.#inner.due(untilMs, limit));
  }

  clearGarbage(): Promise<boolean> {
    return this.#read("clearGarbage", () => this.#inner.clearGarbage());
  }

  space(): Promise<{ freeBytes: number; totalBytes: number } | undefined> {
    return this.#read("space", () => this.#inner.space());
  }

  async #read<T>(method: FaultyMethod, read: () => Promise<T>): Promise<T> {
    this.#assertNotFailed();
    return this.#call(method, read);
  }

  async #call<T>(method: FaultyMethod, act: () => Promise<T>): Promise<T> {
    this.#calls.set(method, this.calls(method) + 1);
    const fault = this.#strike(method);
    switch (fault?.kind) {
      case undefined:
        return act();
      case "fail":
        throw planted(method, fault.code);
      case "apply-then-fail":
        await act();
        throw planted(method, fault.code);
      case "drop":
        if (method !== "commit") throw new TypeError("only a commit can be dropped");
        return undefined as T;
      case "delay":
        await fault.until;
        return act();
    }
  }

  /** The fault for this call, if one is planted. */
  #strike(method: FaultyMethod): Fault | undefined {
    const due = this.#planted.find((each) => each.method === method && each.remaining === 0);
    this.#planted = this.#planted.filter((each) => each !== due);
    for (const each of this.#planted) {
      if (each.method === method && each.remaining > 0) each.remaining -= 1;
    }
    return due?.fault;
  }

  #assertNotFailed(): void {
    if (this.#failed === undefined) return;
    const message = "an earlier commit failed: close and open the store first";
    throw new StoreError("io", message, { cause: this.#failed });
  }
}

function planted(method: FaultyMethod, code: StoreErrorCode): StoreError {
  return new StoreError(code, `a planted fault: ${method} fails with ${code}`);
}
