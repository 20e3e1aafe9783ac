// consume(): a handler for every message of a mailbox, shared with the other members of its group. What
// it returns is acknowledged, what it throws comes again. The engine is ./consume-worker.ts.
import { fetchMax, Mq9Error, reasonLengthMax, type StartPosition } from "@mq9/protocol";
import type { Held, Outcome } from "./consume-held.ts";
import { type Job, Worker, type WorkSource, type WorkStats } from "./consume-worker.ts";
import { InvalidDataError, textOf } from "./errors.ts";
import { type Message, nameOf } from "./message.ts";
import { assertTimeout, assertWhole, timerMs } from "./numbers.ts";

/** Thrown by a handler: nobody can handle this message. It goes to the dead letters with the reason. */
export class Reject extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "Reject";
  }
}

/** What a handler is given beside the message. */
export interface HandlerContext {
  /** Fires when the lease is lost or the consumer is told to stop at once; `reason` is an `Mq9Error`. */
  readonly signal: AbortSignal;
}

/** Resolving acknowledges the message, throwing hands it back, throwing a `Reject` gives it up. */
export type Handler<T> = (message: Message<T>, context: HandlerContext) => unknown;

export interface Retries {
  /** Further deliveries after the first before a message goes to the dead letters. Default: the broker's, 19. */
  readonly max?: number | undefined;
  /**
   * Milliseconds until a message whose handler failed comes again: doubled with every delivery, an hour
   * at most; or a function of the delivery that failed, from 1. Default: at once twice, then 1 s, 2 s … 60 s.
   */
  readonly backoffMs?: number | ((delivery: number) => number) | undefined;
}

export interface ConsumeOptions<T = unknown> {
  /** Whose members share the work. Default: the agent's name, or `default`. */
  readonly group?: string | undefined;
  /** Handlers at one time. Default 1: one after the other, in order of priority. */
  readonly concurrency?: number | undefined;
  /** How long a message stays ours without being extended, 1,000 to 43,200,000. Default 30,000. */
  readonly leaseMs?: number | undefined;
  readonly retries?: Retries | undefined;
  /** Where a group begins that nobody used before. Default `earliest`. */
  readonly from?: "earliest" | "latest" | Date | { readonly msgId: number } | undefined;
  /** One of so many messages is the oldest of the lowest priority, so that none waits for ever. Default: strict priority. */
  readonly fairEvery?: number | undefined;
  /** Stops the consumer when it fires; handlers at work finish. */
  readonly signal?: AbortSignal | undefined;
  /** Hears what a handler threw, with the message, and what failed without one. Default: printed with `console.error`. */
  readonly onError?: ((error: unknown, message: Message<T> | undefined) => void) | undefined;
}

/** What `mailbox.consume()` returns. Disposing stops it. */
export interface Consumer extends AsyncDisposable {
  /**
   * Resolves when it has stopped, rejects when it can not go on: the mailbox is over, for instance. Nobody has
   * to look at it: `onError` hears the same.
   */
  readonly done: Promise<void>;
  readonly stats: WorkStats;
  /**
   * Takes no new messages, hands back at once what was not begun, and resolves when the handlers at work
   * have finished and the broker has confirmed what they did. After `graceMs` their signals fire.
   * @throws {Mq9Error} what `done` rejects with
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/** Runs a job around each handler: a span, for instance. */
export type Around<T> = (
  message: Message<T>,
  group: string,
  run: () => Promise<unknown>,
) => Promise<unknown>;

/** What a mailbox gives to its consumers. */
export interface ConsumeSource<T> extends WorkSource<T> {
  /** Default group. */
  readonly agent?: string | undefined;
  /** Checks what came before the handler sees it. @throws {InvalidDataError} */
  readonly check?: ((message: Message<T>) => void | Promise<void>) | undefined;
  readonly around?: Around<T> | undefined;
  /** Calls back before the connection is drained. @returns what takes that back */
  readonly onClose?: ((callback: () => void | Promise<void>) => () => void) | undefined;
}

const acked: Outcome = { kind: "ack" };
const left: Outcome = { kind: "left" };
const backoffMaxMs = 3_600_000;

/** @throws {Mq9Error} `invalid` for options that make no sense */
export function consume<T>(
  source: ConsumeSource<T>,
  handler: Handler<T>,
  options: ConsumeOptions<T> = {},
): Consumer {
  const onError = safely<T>(options.onError ?? printError);
  const { retries = {}, signal } = options;
  const worker: Worker<T> = new Worker<T>(source, workerOptions(source, options), {
    run: (held) => handle<T>(held, source, handler, { retries, onError }),
    onError,
  });
  return running(worker, source, { signal, onError });
}

/** A worker as its program sees it. */
export function running<T>(
  worker: Worker<T>,
  source: Pick<ConsumeSource<T>, "onClose">,
  { signal, onError }: Pick<ConsumeOptions<T>, "signal"> & Pick<Job<T>, "onError">,
): Consumer {
  const stop = async ({ graceMs }: { readonly graceMs?: number } = {}): Promise<void> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (graceMs !== undefined) {
      if (graceMs !== 0) assertTimeout("graceMs", graceMs);
      timer = setTimeout(() => {
        worker.abort(new Mq9Error("aborted", "the consumer was stopped"));
      }, timerMs(graceMs));
    }
    await worker.stop().finally(() => clearTimeout(timer));
  };
  const abort = (): void => void worker.stop().catch(() => {}); // told by `done`
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const stays = source.onClose?.(() => worker.stop());
  const over = (): void => {
    signal?.removeEventListener("abort", abort);
    stays?.();
  };
  worker.done.then(over, (error) => {
    over();
    onError(error, undefined); // told, so that a program that does not look at `done` goes on
  });
  return {
    done: worker.done,
    get stats() {
      return worker.stats;
    },
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** @throws {Mq9Error} `invalid` */
export function workerOptions<T>(
  source: ConsumeSource<T>,
  options: ConsumeOptions<T>,
): ConstructorParameters<typeof Worker<T>>[1] {
  const { concurrency = 1, leaseMs = 30_000, retries } = options;
  assertWhole("concurrency", concurrency, 1, 10_000);
  assertWhole("leaseMs", leaseMs, 1_000, 43_200_000);
  if (retries?.max !== undefined) assertWhole("retries.max", retries.max, 0, 999);
  if (options.fairEvery !== undefined) assertWhole("fairEvery", options.fairEvery, 0, fetchMax);
  const { backoffMs } = retries ?? {};
  if (backoffMs !== undefined && typeof backoffMs !== "function" && !(backoffMs >= 0)) {
    throw new Mq9Error("invalid", "retries.backoffMs must be milliseconds, or a function");
  }
  return {
    group: options.group ?? source.agent ?? "default",
    start: startOf(options.from ?? "earliest"),
    concurrency,
    leaseMs,
    deliveriesMax: retries?.max === undefined ? undefined : retries.max + 1,
    fairEvery: options.fairEvery,
  };
}

async function handle<T>(
  held: Held<T>,
  source: ConsumeSource<T>,
  handler: Handler<T>,
  { retries, onError }: { retries: Retries; onError: Job<T>["onError"] },
): Promise<Outcome> {
  const { message } = held;
  try {
    if (source.check !== undefined) await source.check(message);
    if (source.around === undefined) await handler(message, held);
    else await source.around(message, held.group, async () => await handler(message, held));
    return acked;
  } catch (error) {
    if (!(error instanceof Reject)) onError(error, message);
    if (held.settled) return left;
    const delayMs = (): number | undefined => delayMsOf(held, retries, onError);
    return outcomeOf(error, message, delayMs);
  }
}

/** What becomes of a message whose handler threw this. */
function outcomeOf<T>(
  error: unknown,
  message: Message<T>,
  delayMs: () => number | undefined,
): Outcome {
  const name = nameOf(message);
  const isAbout = isAboutData(error, name);
  const said = textOf(error);
  // A dead letter says itself which message it was.
  const reason = (isAbout ? said.slice(name.length + 1) : said).slice(0, reasonLengthMax);
  // What the handler itself can not send may be mended; what came will never be anything else.
  const isFinal = error instanceof Reject || isAbout;
  return isFinal ? { kind: "reject", reason } : { kind: "nack", reason, delayMs: delayMs() };
}

/** Undefined = as the broker would; also where the program's function fails. */
function delayMsOf<T>(
  { deliveryCount, message }: Held<T>,
  { backoffMs }: Retries,
  onError: Job<T>["onError"],
): number | undefined {
  if (backoffMs === undefined) return undefined;
  try {
    const ms =
      typeof backoffMs === "function"
        ? Number(backoffMs(deliveryCount))
        : backoffMs * 2 ** Math.min(deliveryCount - 1, 30);
    const delayMs = Math.round(Math.min(backoffMaxMs, Math.max(0, ms)));
    return Number.isNaN(delayMs) ? undefined : delayMs;
  } catch (error) {
    onError(error, message);
    return undefined;
  }
}

export function startOf(from: NonNullable<ConsumeOptions["from"]>): StartPosition {
  if (from === "earliest" || from === "latest") return { at: from };
  if (from instanceof Date) return { at: "time", ms: from.getTime() };
  return { at: "id", msgId: from.msgId };
}

/** A listener of errors that fails, at once or later, must not take the worker with it. */
export function safely<T>(
  listener: (error: unknown, message: Message<T> | undefined) => unknown,
): Job<T>["onError"] {
  return (error, message) => {
    const failed = (again: unknown): void => {
      printError(error, message);
      printError(again, message);
    };
    try {
      const heard = listener(error, message);
      if (heard instanceof Promise) heard.catch(failed);
    } catch (again) {
      failed(again);
    }
  };
}

/** An error that nobody asked to hear must not be lost. */
function printError<T>(error: unknown, message: Message<T> | undefined): void {
  const where = message === undefined ? "consumer" : nameOf(message);
  // What came and fits no schema is nothing that a stack of this library explains.
  const said = isAboutData(error, where) ? [`mq9: ${error.message}`] : [`mq9: ${where}:`, error];
  // oxlint-disable-next-line no-console -- programs that want it elsewhere give onError
  console.error(...said);
}

function isAboutData(error: unknown, name: string): error is InvalidDataError {
  return error instanceof InvalidDataError && error.message.startsWith(`${name} `);
}
