// One connection as the rest of the package sees it: requests that survive a reconnect or end with what
// is known of them. Knows subjects' prefix and that replies are JSON, nothing of what they mean.
//
// The NATS library drops what is published while it is disconnected, so nothing is: requests wait here
// until the connection is there, and those whose answer was lost with it are sent once more if that
// can do no harm.

import { Mq9Error } from "@mq9/protocol";
import {
  createInbox,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  PermissionViolationError,
  type Subscription,
} from "@nats-io/nats-core";
import {
  type Answer,
  type Ask,
  abortedRequest,
  closedError,
  closedRequest,
  type FlushOptions,
  lateError,
  publishError,
  type Reply,
  spacePrefix,
  unknownError,
} from "./ask.ts";
import { failureIn, textOf } from "./errors.ts";
import { timerMs } from "./numbers.ts";
import { type StatusEvent, StatusFeed } from "./status.ts";

export {
  type Answer,
  type Ask,
  type FlushOptions,
  type Reply,
  spacePrefix,
} from "./ask.ts";

export interface LinkOptions {
  readonly timeoutMs: number;
  readonly inboxPrefix: string | undefined;
  /** Shown in errors; without credentials. */
  readonly url: string;
  /** Told of each try to come back. */
  readonly pace: { tried(): void; succeeded(): void };
}

type Outcome =
  | { readonly kind: "answer"; readonly message: Msg }
  | { readonly kind: "failed"; readonly error: Mq9Error }
  | { readonly kind: "lost" | "late" | "aborted" | "closed" };

interface Pending {
  readonly subject: string;
  readonly sinceMs: number;
  readonly background: Ask["background"];
  readonly settle: (outcome: Outcome) => void;
}

/** A request that waits longer makes us ask whether the connection still lives. */
const suspiciousMs = 3_000;
/** The same, of a request during which the connection has shown that it lives. */
const suspiciousAgainMs = 15_000;
/** A connection that does not answer a PING for so long is given up. */
const deadMs = 5_000;
/** A broker that is stopping says so before it closes the connection. */
const drainingPauseMs = 100;

export class Link {
  readonly nc: NatsConnection;
  readonly status: StatusFeed = new StatusFeed();
  readonly options: LinkOptions;
  readonly #inbox: string;
  readonly #pending: Map<string, Pending> = new Map();
  readonly #waiting: Set<() => void> = new Set();
  readonly #reconnected: Set<() => void> = new Set();
  readonly #broken: Set<() => void> = new Set();
  #token = 0;
  #online = true;
  #closed = false;
  /** What errors tell of the connection. */
  readonly #known: { url: string; offlineSince: Date | undefined; closedBy: Error | undefined };
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #probing = false;
  /** When the broker was last heard, by `performance.now()`. */
  #heardMs = 0;
  #idle: (() => void) | undefined;
  /** Why no answer can come; undefined = they can. */
  #deaf: Mq9Error | undefined;

  constructor(nc: NatsConnection, options: LinkOptions) {
    this.nc = nc;
    this.options = options;
    this.#known = { url: options.url, offlineSince: undefined, closedBy: undefined };
    this.#inbox = `${createInbox(options.inboxPrefix)}.`;
    nc.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => this.#answered(error, message),
    });
    void this.#follow();
    void nc.closed().then((error) => this.#ended(error ?? undefined));
  }

  get online(): boolean {
    return this.#online && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws {Mq9Error} `closed` */
  assertOpen(what: string): void {
    if (this.#closed) throw closedError(what, this.#known);
  }

  /** Why the connection ended for good; undefined = on purpose, or not yet. */
  get closedBy(): Error | undefined {
    return this.#known.closedBy;
  }

  /** Calls back after each reconnect, before anything that waited for it. @returns what ends it */
  onReconnect(callback: () => void): () => void {
    this.#reconnected.add(callback);
    return () => this.#reconnected.delete(callback);
  }

  /** Calls back whenever the connection breaks: leases end with it. @returns what ends it */
  onDisconnect(callback: () => void): () => void {
    this.#broken.add(callback);
    return () => this.#broken.delete(callback);
  }

  /**
   * Sends a request and resolves with the reply, whether it tells of a failure or not.
   * @throws {Mq9Error} `unreachable` (it was never sent), `timeout` (a read without an answer),
   * `outcome_unknown`, `aborted`, `closed`, `forbidden`, `unsupported`, `too_large`
   */
  async ask(request: Ask): Promise<Answer> {
    const deadlineMs = performance.now() + (request.timeoutMs ?? this.options.timeoutMs);
    let attempts = 0;
    for (;;) {
      if (request.signal?.aborted) throw abortedRequest(request, attempts);
      if (!this.#online || this.#closed) await this.#whenOnline(request, deadlineMs, attempts);
      const outcome = await this.#attempt(request, deadlineMs);
      attempts += 1;
      switch (outcome.kind) {
        case "answer": {
          const reply = this.#read(outcome.message, request);
          const failure = failureIn(reply);
          if (failure?.code !== "draining") return { reply, failure, attempts };
          // Refused and not carried out: the next life of the broker, or another one, takes it.
          attempts -= 1;
          if (performance.now() + drainingPauseMs > deadlineMs) return { reply, failure, attempts };
          await new Promise((resolve) => setTimeout(resolve, drainingPauseMs));
          break;
        }
        case "lost":
          if (request.kind === "once") {
            throw unknownError(request, "the connection broke before the answer came");
          }
          break;
        case "failed":
          throw outcome.error;
        case "late":
          throw lateError(request, attempts, this.#known);
        case "aborted":
          throw abortedRequest(request, attempts);
        case "closed":
          throw closedRequest(request, attempts, this.#known);
      }
    }
  }

  /** As `ask`, for replies that must be a success. @throws {Mq9Error} what the reply says, too */
  async succeed(request: Ask): Promise<Reply> {
    const { reply, failure } = await this.ask(request);
    if (failure !== undefined) throw failure;
    return reply;
  }

  /** Publishes without asking for an answer. What is published while disconnected is lost. */
  publish(subject: string, payload: Uint8Array | string, headers?: MsgHdrs): void {
    this.assertOpen(`publish on ${subject}`);
    this.nc.publish(subject, payload, headers === undefined ? {} : { headers });
  }

  /**
   * As the library's, but what `taken` throws is told as an error of the connection: thrown into the library it
   * would end its reading of everything.
   * @throws {Mq9Error} `closed`, `invalid`
   */
  subscribe(
    subject: string,
    taken: (error: Error | null, message: Msg) => void,
    queue?: string,
  ): Subscription {
    const what = `following ${subject}`;
    this.assertOpen(what);
    const callback = (error: Error | null, message: Msg): void => {
      try {
        taken(error, message);
      } catch (problem) {
        const text = `what came on ${subject} can not be read: ${textOf(problem)}`;
        this.#error(new Mq9Error("invalid_data", text, { cause: problem }));
      }
    };
    try {
      return this.nc.subscribe(subject, { ...(queue === undefined ? {} : { queue }), callback });
    } catch (error) {
      const code = this.nc.isClosed() || this.nc.isDraining() ? "closed" : "invalid";
      throw new Mq9Error(code, `${what}: ${textOf(error)}`, { cause: error });
    }
  }

  /** Resolves when everything that was published has reached the broker. @throws {Mq9Error} as `ask` */
  async flush(what: string, options: FlushOptions = {}): Promise<void> {
    const { timeoutMs = this.options.timeoutMs, signal, kind = "once" } = options;
    const deadlineMs = performance.now() + timeoutMs;
    const request: Ask = { subject: "", body: () => "", what, kind, timeoutMs, signal };
    if (signal?.aborted) throw abortedRequest(request, 0);
    if (!this.#online || this.#closed) await this.#whenOnline(request, deadlineMs, 0);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let abort: () => void = () => {};
    const given = new Promise<"late" | "aborted">((resolve) => {
      timer = setTimeout(resolve, timerMs(deadlineMs - performance.now()), "late");
      abort = () => resolve("aborted");
      signal?.addEventListener("abort", abort, { once: true });
    });
    const flushed = this.nc.flush().then(
      () => "flushed" as const,
      () => "lost" as const,
    );
    const outcome = await Promise.race([flushed, given]);
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    if (outcome === "flushed") return;
    if (outcome === "late") throw lateError(request, 1, this.#known);
    if (outcome === "aborted") throw abortedRequest(request, 1);
    throw unknownError(request, "the connection broke before the broker had confirmed");
  }

  /** Resolves when no request waits for its answer. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Waits for the connection. @throws {Mq9Error} when it does not come in time */
  async #whenOnline(request: Ask, deadlineMs: number, attempts: number): Promise<void> {
    if (this.#closed) throw closedRequest(request, attempts, this.#known);
    const why = await new Promise<"online" | "late" | "aborted">((resolve) => {
      const { signal } = request;
      const done = (reason: "online" | "late" | "aborted"): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
        resolve(reason);
      };
      const wake = (): void => done("online");
      const abort = (): void => done("aborted");
      const timer = setTimeout(done, timerMs(deadlineMs - performance.now()), "late");
      this.#waiting.add(wake);
      signal?.addEventListener("abort", abort, { once: true });
    });
    if (this.#closed) throw closedRequest(request, attempts, this.#known);
    if (why === "aborted") throw abortedRequest(request, attempts);
    if (why === "late") throw lateError(request, attempts, this.#known);
  }

  #attempt(request: Ask, deadlineMs: number): Promise<Outcome> {
    if (this.#deaf !== undefined) return Promise.resolve({ kind: "failed", error: this.#deaf });
    return new Promise((resolve) => {
      this.#token += 1;
      const token = String(this.#token);
      const { signal } = request;
      const subject = spacePrefix + request.subject;
      const nowMs = performance.now();
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        this.#pending.delete(token);
        signal?.removeEventListener("abort", abort);
        if (this.#pending.size === 0) this.#quiet();
        else if (this.#idle !== undefined && this.#isIdle()) this.#idle();
        resolve(outcome);
      };
      const abort = (): void => settle({ kind: "aborted" });
      const timer = setTimeout(settle, timerMs(deadlineMs - nowMs), { kind: "late" });
      const { background } = request;
      this.#pending.set(token, { subject, sinceMs: nowMs, settle, background });
      signal?.addEventListener("abort", abort, { once: true });
      this.#watchdog ??= setInterval(() => this.#watch(), 1_000);
      try {
        const { headers } = request;
        const reply = this.#inbox + token;
        this.nc.publish(subject, request.body(), headers ? { reply, headers } : { reply });
      } catch (error) {
        settle({ kind: "failed", error: publishError(error, request.what) });
      }
    });
  }

  #answered(error: Error | null, message: Msg): void {
    if (error !== null) {
      const text = `the broker does not let this user hear answers (${textOf(error)}): give the inboxPrefix that its rights name`;
      const forbidden = new Mq9Error("forbidden", text, { cause: error });
      // The subscription has ended with it: what is asked later would wait in vain.
      if (error instanceof PermissionViolationError) this.#deaf = forbidden;
      for (const pending of this.#pending.values()) {
        pending.settle({ kind: "failed", error: forbidden });
      }
      return;
    }
    this.#heardMs = performance.now();
    this.#pending
      .get(message.subject.slice(this.#inbox.length))
      ?.settle({ kind: "answer", message });
  }

  #read(message: Msg, request: Ask): Reply {
    if (message.data.length === 0 && message.headers?.code === 503) {
      throw new Mq9Error(
        "unsupported",
        `nobody at ${this.options.url} serves ${spacePrefix}${request.subject.split(".")[0]}: this is a NATS server without mq9. Start a broker with: mq9 serve`,
      );
    }
    try {
      const reply: unknown = request.read?.(message.data) ?? JSON.parse(utf8.decode(message.data));
      if (typeof reply === "object" && reply !== null && !Array.isArray(reply)) {
        return reply as Reply;
      }
    } catch {
      // told below with what it was
    }
    const start = JSON.stringify(message.string().slice(0, 80));
    throw new Mq9Error("invalid_data", `${request.what}: the answer is no JSON object: ${start}`);
  }

  /** A connection can be dead without either side having noticed; requests should not wait for that. */
  #watch(): void {
    if (this.#probing || !this.#online) return;
    const nowMs = performance.now();
    let isSuspicious = false;
    for (const { sinceMs } of this.#pending.values()) {
      const isNew = sinceMs > this.#heardMs;
      const quietMs = nowMs - (isNew ? sinceMs : this.#heardMs);
      // What waits on purpose, a FETCH for mail, has been asked about before.
      isSuspicious ||= quietMs > (isNew ? suspiciousMs : suspiciousAgainMs);
    }
    if (!isSuspicious) return;
    this.#probing = true;
    const timer = setTimeout(() => {
      // A broker that is busy answers late, but it answers something.
      if (this.#heardMs < nowMs) void this.nc.reconnect().catch(() => {});
    }, deadMs);
    const done = (): void => {
      clearTimeout(timer);
      this.#probing = false;
    };
    this.nc.flush().then(() => {
      this.#heardMs = performance.now();
      done();
    }, done);
  }

  #isIdle(): boolean {
    for (const { background } of this.#pending.values()) {
      if (!(typeof background === "function" ? background() : background)) return false;
    }
    return true;
  }

  #quiet(): void {
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
    this.#idle?.();
    this.#idle = undefined;
  }

  async #follow(): Promise<void> {
    for await (const event of this.nc.status()) {
      switch (event.type) {
        case "disconnect":
          this.#disconnected(event.server);
          break;
        case "reconnect":
          this.#back(event.server);
          break;
        case "reconnecting":
          this.options.pace.tried();
          this.status.tell({ type: "reconnecting" });
          break;
        case "ldm":
          this.status.tell({ type: "leaving", server: event.server });
          break;
        case "error":
          this.#error(event.error);
          break;
        default:
          break;
      }
    }
  }

  #disconnected(server: string): void {
    this.#online = false;
    this.#known.offlineSince ??= new Date();
    for (const callback of this.#broken) callback();
    this.status.tell({ type: "disconnected", server });
    for (const pending of this.#pending.values()) pending.settle({ kind: "lost" });
  }

  #back(server: string): void {
    this.#online = true;
    this.#known.offlineSince = undefined;
    this.options.pace.succeeded();
    for (const callback of this.#reconnected) callback();
    this.status.tell({ type: "reconnected", server });
    for (const wake of this.#waiting) wake();
  }

  #error(error: Error): void {
    const event: StatusEvent = { type: "error", error };
    this.status.tell(event);
    if (!(error instanceof PermissionViolationError) || error.operation !== "publish") return;
    for (const pending of this.#pending.values()) {
      if (pending.subject !== error.subject) continue;
      const text = `this user may not publish on ${error.subject}`;
      pending.settle({ kind: "failed", error: new Mq9Error("forbidden", text, { cause: error }) });
    }
  }

  #ended(error: Error | undefined): void {
    this.#closed = true;
    this.#online = false;
    this.#known.closedBy = error;
    for (const pending of this.#pending.values()) pending.settle({ kind: "closed" });
    for (const wake of this.#waiting) wake();
    this.status.end({ type: "closed", error });
  }
}

const utf8 = new TextDecoder();
