// Acknowledgements of one worker, many in one request: what is finished while one is under way goes with
// the next. Repeats what got no answer until it has one, since an acknowledgement may be repeated.
import { ackMax, Mq9Error, type PullApi } from "@mq9/protocol";
import { codeOf, mayPass, Pause, retryDelayMs } from "./consume-retry.ts";

/** Requests under way at one time. */
const sendingMax = 2;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface AcksOptions {
  readonly api: Pick<PullApi, "ack">;
  readonly mailbox: string;
  readonly group: string;
  /** Numbers that are on disk now. */
  readonly done: (msgIds: readonly number[]) => void;
  /** Acknowledgements that can never succeed, because the mailbox is over for instance. */
  readonly failed: (msgIds: readonly number[], error: unknown) => void;
}

export class Acks {
  readonly #options: AcksOptions;
  /** Not on disk yet, sent or not; who waits for it. */
  readonly #open: Map<number, Waiter[] | undefined> = new Map();
  #queue: number[] = [];
  #sending = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #pause = new Pause();
  #givenUp: Mq9Error | undefined;
  #drained: (() => void)[] = [];

  constructor(options: AcksOptions) {
    this.#options = options;
  }

  /** Finished here, and not yet known to be on disk. */
  has(msgId: number): boolean {
    return this.#open.has(msgId);
  }

  get size(): number {
    return this.#open.size;
  }

  add(msgId: number): void {
    if (this.#open.has(msgId)) return;
    this.#open.set(msgId, undefined);
    this.#queue.push(msgId);
    this.#schedule();
  }

  /** As `add`, and resolves when it is on disk. @throws {Mq9Error} when it can never be */
  async addAndWait(msgId: number): Promise<void> {
    if (this.#givenUp !== undefined) throw this.#givenUp;
    this.add(msgId);
    await new Promise<void>((resolve, reject) => {
      const waiters = this.#open.get(msgId);
      if (waiters === undefined) this.#open.set(msgId, [{ resolve, reject }]);
      else waiters.push({ resolve, reject });
    });
  }

  /** The connection is back: whoever paused goes on. */
  wake(): void {
    this.#pause.end();
  }

  /** Resolves when nothing is open. @throws {Mq9Error} `outcome_unknown` when some are after so long */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
      timer = setTimeout(() => this.#giveUp(), timeoutMs);
    });
    clearTimeout(timer);
    if (this.#givenUp !== undefined) throw this.#givenUp;
  }

  #giveUp(): void {
    const { mailbox, group } = this.#options;
    const count = this.#open.size;
    this.#givenUp = new Mq9Error(
      "outcome_unknown",
      `${count} messages of ${mailbox} were handled, and the broker did not confirm their acknowledgement: group ${group} may be handed them again`,
    );
    const waiting = [...this.#open.values()];
    this.#open.clear();
    this.#queue = [];
    this.#pause.end();
    for (const waiters of waiting) for (const each of waiters ?? []) each.reject(this.#givenUp);
    this.#settled();
  }

  /** After this turn, so that what finishes together goes together. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#sending >= sendingMax) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#queue.length > 0) void this.#send(this.#queue.splice(0, ackMax));
      if (this.#queue.length > 0) this.#schedule();
    }, 0);
  }

  async #send(msgIds: number[]): Promise<void> {
    this.#sending += 1;
    for (let failures = 0; this.#givenUp === undefined; failures += 1) {
      try {
        await this.#ask(msgIds);
        this.#close(msgIds);
        break;
      } catch (error) {
        if (!mayPass(error)) {
          await this.#apart(msgIds, error);
          break;
        }
        await this.#pause.wait(retryDelayMs(failures));
      }
    }
    this.#sending -= 1;
    if (this.#queue.length > 0) this.#schedule();
  }

  async #ask(msgIds: readonly number[]): Promise<void> {
    const { api, mailbox, group } = this.#options;
    const [msgId, ...alsoMsgIds] = msgIds as [number, ...number[]];
    await api.ack({ mailbox, group, msgId, alsoMsgIds, mode: "one" });
  }

  /** One of them is refused, and the others for it: each by itself. */
  async #apart(msgIds: readonly number[], error: unknown): Promise<void> {
    if (msgIds.length > 1 && codeOf(error) === "not_delivered") {
      for (const msgId of msgIds) await this.#send([msgId]);
      return;
    }
    const unheard: number[] = [];
    for (const msgId of msgIds) {
      const waiters = this.#open.get(msgId);
      this.#open.delete(msgId);
      if (waiters === undefined) unheard.push(msgId);
      else for (const each of waiters) each.reject(error);
    }
    if (unheard.length > 0) this.#options.failed(unheard, error);
    this.#settled();
  }

  #close(msgIds: readonly number[]): void {
    for (const msgId of msgIds) {
      const waiters = this.#open.get(msgId);
      this.#open.delete(msgId);
      if (waiters !== undefined) for (const each of waiters) each.resolve();
    }
    this.#options.done(msgIds);
    this.#settled();
  }

  #settled(): void {
    if (this.#open.size > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
