// One client connection: its states, its options, its subscriptions, and what each operation means.
// Between a transport, which brings bytes, and the hub, which delivers. Opens no sockets itself.

import { isDeepStrictEqual } from "node:util";
import {
  encodeError,
  encodeInfo,
  fixedLines,
  isHeaderBlock,
  isLiteralSubject,
  isValidSubject,
  type OperationSink,
  Parser,
  type PublishFrame,
  publishViolation,
  replyViolation,
  subscriptionRevoked,
  subscriptionViolation,
  tooManyTokens,
  type WireError,
  type WireLimits,
  wireErrors,
} from "@mq9/wire";
import {
  type ConnectOptions,
  defaultConnectOptions,
  parseConnect,
  withCredentials,
  withoutSecrets,
} from "./connect-options.ts";
import { turnWorkMax, workOf } from "./fair-turns.ts";
import type { FanOut } from "./fan-out.ts";
import { HeldSubscriptions } from "./held-subscriptions.ts";
import { type Answer, Holds } from "./holds.ts";
import { type Hub, principalKey, type Refused } from "./hub.ts";
import { globalAccount, type Identity, type Peer, type Refusal } from "./identity.ts";
import { infoObject, newNonce } from "./info.ts";
import { KeepAlive } from "./keepalive.ts";
import type { Transport, TransportEvents } from "./listeners/transport.ts";
import { Outbox, type OutboxOwner } from "./outbox.ts";
import type { Pace } from "./pace.ts";
import type { ResponseGrants } from "./response-grants.ts";
import { Standing } from "./standing.ts";
import type { Client, Hold, SubjectSpace } from "./subject-space.ts";
import type { SubjectEntry } from "./subject-table.ts";
import type { Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";

/**
 * CONNECTING until INFO is sent, AWAIT_CONNECT until CONNECT is accepted, OPEN, DRAINING while the
 * last words are sent and nothing is read any more, CLOSED.
 */
export type ConnectionState = "CONNECTING" | "AWAIT_CONNECT" | "OPEN" | "DRAINING" | "CLOSED";

/** Answers an owner keeps back before the connection is no longer read. */
const deferredMax = 16_384;
const everyone: Identity = { account: globalAccount, user: "", permissions: undefined };
/** Of who did not say anything yet. */
const unbound: Standing = new Standing(everyone, false, () => 0);
const refusalReasons: Readonly<Record<Refusal, string>> = {
  authorizationViolation: "Authentication Failure",
  authenticationExpired: "Authentication Expired",
  authenticationRevoked: "Credentials Revoked",
  accountExpired: "Authentication Expired",
  tooManyAccountConnections: "Maximum Account Connections Exceeded",
};
/** Longest that a connection is not read because its user was too fast. */
const paceWaitMaxMs = 60_000;

/** A client. */
export class Connection implements Client, OperationSink, TransportEvents, OutboxOwner {
  readonly id: number;
  readonly outbox: Outbox;
  /** Of the far end. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** When it was accepted, on the hub's clock. */
  readonly sinceMs: number;
  readonly keepAlive: KeepAlive;

  state: ConnectionState = "CONNECTING";
  options: ConnectOptions = defaultConnectOptions;
  identity: Identity | undefined = undefined;
  account: string = globalAccount;
  sublist: Sublist;
  echo = true;
  headers = false;
  noResponders = false;
  ownerState: unknown = undefined;
  /** Leave to answer requests it got. */
  grants: ResponseGrants | undefined = undefined;

  inMsgs = 0;
  inBytes = 0;
  outMsgs = 0;
  outBytes = 0;

  readonly #hub: Hub;
  readonly #transport: Transport;
  readonly #parser: Parser;
  readonly #held: HeldSubscriptions;
  readonly #nonce: string;

  #verbose = true;
  #pedantic = true;
  #standing: Standing = unbound;
  #pace: Pace | undefined = undefined;
  /** Verbose, pedantic or bound by permissions: publishes need a closer look. */
  #careful = true;
  /** The owner refused the operation at hand. */
  #refused = false;
  #pongSent = false;
  /** The account it is counted in. */
  #counted: string | undefined = undefined;

  #holds: Holds | undefined = undefined;
  #pausedForHolds = false;
  #pauses = 0;
  #stallTimer: NodeJS.Timeout | undefined = undefined;
  #closeReason = "";
  /** Memory of an operation that is not whole, as the hub counts it, and which operation that is. */
  #heldInput = 0;
  #heldBegun = 0;
  /** Those of when it came, or more. */
  #limits: WireLimits;
  /** Done for the bytes at hand, in units of `workOf`. */
  #work = 0;
  /** Deliveries of large messages that take more than a turn, the oldest first. */
  #fanOuts: FanOut[] | undefined = undefined;

  constructor(hub: Hub, transport: Transport, id: number) {
    this.id = id;
    this.remoteAddress = transport.remoteAddress;
    this.remotePort = transport.remotePort;
    this.sinceMs = hub.nowMs();
    this.sublist = hub.sublistOf(globalAccount);
    this.outbox = new Outbox(transport, this, hub.pool, {
      pendingBytesMax: hub.options.maxPendingBytes,
      highWaterBytes: hub.options.highWaterBytes,
      lowWaterBytes: hub.options.lowWaterBytes,
    });
    this.#hub = hub;
    this.#held = new HeldSubscriptions(this, hub, (space, one) => this.#enterSpace(space, one));
    this.#transport = transport;
    this.#limits = hub.limits;
    this.#parser = new Parser(this, hub.limits);
    this.#parser.connectRequired = hub.authenticator?.required === true;
    this.#nonce = hub.authenticator?.nonces === true ? newNonce() : "";
    this.keepAlive = new KeepAlive(
      this,
      hub.options,
      this.sinceMs,
      hub.authenticator?.required === true,
    );
  }

  /** It may begin to encrypt after INFO. */
  get awaitsHandshake(): boolean {
    const { entrance, tls } = this.#transport;
    return tls === undefined && entrance !== undefined && entrance.tls !== "none";
  }

  /** Speaks first: exactly one INFO, alone in its write, then silence. */
  start(): void {
    this.#sendInfo();
    this.outbox.flush();
    this.state = "AWAIT_CONNECT";
  }

  get closed(): boolean {
    return this.state === "DRAINING" || this.state === "CLOSED";
  }

  /** Its name, as CONNECT gave it. */
  get name(): string {
    return this.options.name;
  }

  get lang(): string {
    return this.options.lang;
  }

  /** All its subscriptions, those of owned spaces among them. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#held.bySid;
  }

  /** The far end, as an authenticator sees it. */
  get peer(): Peer {
    return {
      kind: this.#transport.kind,
      address: this.remoteAddress,
      port: this.remotePort,
      nonce: this.#nonce,
      tls: this.#transport.tls,
    };
  }

  /** Why it was closed, in a few words; "" while it is open. */
  get closeReason(): string {
    return this.#closeReason;
  }

  get parser(): Parser {
    return this.#parser;
  }

  /** Its socket is not being read. */
  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  // --- bytes -----------------------------------------------------------------------------------

  data(chunk: Buffer): void {
    if (this.closed) return;
    if (this.identity === undefined && !this.#beginsWithConnect(chunk)) {
      this.#takeDefaultUser();
      if (this.closed) return;
    }
    this.#work = 0;
    this.#hub.beginTurn(this);
    this.#parser.parse(chunk);
    this.#hub.endTurn();
    const held = this.#parser.heldBytes;
    if (held !== 0 || this.#heldInput !== 0) this.#countInput(held);
  }

  /** Others had their turn: the rest of a delivery, or of what was read, is worked on. */
  goOn(): void {
    const fanOut = this.#fanOuts?.[0];
    if (fanOut !== undefined) {
      this.#hub.beginTurn(this);
      const count = fanOut.slice();
      this.#pace?.delivered(count, this.#hub.nowMs());
      this.#hub.endTurn();
      if (fanOut.isDone) this.#fanOuts?.shift();
      this.#hub.turns.add(this);
      return;
    }
    if (!this.closed) {
      this.#work = 0;
      this.#hub.beginTurn(this);
      this.#parser.resume();
      this.#hub.endTurn();
      this.#countInput(this.#parser.heldBytes);
    }
    this.resumeReading();
  }

  /** Its user publishes faster than it may: the rest of what was read is worked on later. */
  #waitFor(ms: number): void {
    if (ms <= 0 || this.#parser.isSuspended || this.closed) return;
    this.#parser.suspend();
    this.pauseReading();
    setTimeout(() => this.goOn(), Math.min(ms, paceWaitMaxMs)).unref();
  }

  /** What it published takes more than a turn, and goes on in the next ones before anything else. */
  hand(fanOut: FanOut): void {
    this.#fanOuts ??= [];
    this.#fanOuts.push(fanOut);
    this.#letOthersGo();
  }

  /** Counts work, and lets others go first after a turn's worth of it. */
  #spend(work: number): void {
    this.#work += work;
    if (this.#work > turnWorkMax && !this.closed) this.#letOthersGo();
  }

  #letOthersGo(): void {
    if (this.#parser.isSuspended) return;
    this.#parser.suspend();
    this.pauseReading();
    this.#hub.turns.add(this);
  }

  drained(): void {
    this.outbox.drained();
    if (this.state === "DRAINING" && this.outbox.pendingBytes === 0) {
      this.#transport.end(this.#closeReason);
    }
  }

  /** The transport is gone, whoever ended it. */
  ended(): void {
    this.#end("Client Closed");
    this.state = "CLOSED";
    this.outbox.close();
    this.#hub.gone(this);
  }

  // --- operations ------------------------------------------------------------------------------

  publish(frame: PublishFrame): void {
    const pace = this.#pace;
    if (pace === undefined) {
      this.#publish(frame);
      return;
    }
    const { delivery } = this.#hub;
    const before = delivery.outMsgs;
    this.#publish(frame);
    this.#waitFor(pace.published(delivery.outMsgs - before, this.#hub.nowMs()));
  }

  #publish(frame: PublishFrame): void {
    const hub = this.#hub;
    const bytes = frame.bodyEnd - frame.bodyStart;
    this.inMsgs++;
    this.inBytes += bytes;
    hub.inMsgs++;
    hub.inBytes += bytes;
    if (frame.headerBytes !== 0 && hub.options.strictHeaders) {
      const headersEnd = frame.bodyStart + frame.headerBytes;
      if (!isHeaderBlock(frame.data, frame.bodyStart, headersEnd)) {
        this.#parser.halt();
        this.violation(wireErrors.unknownOperation);
        return;
      }
    }
    const entry = hub.subjects.find(frame);
    const hasReply = frame.replyEnd !== frame.replyStart;
    if (hasReply && !this.#mayReplyTo(frame)) return;
    if (entry.kind === "ordinary") {
      if (this.#careful && !this.#admit(entry)) return;
      if (this.#verbose) this.#answer("ok");
      const delivered = hub.route(this.sublist, this, entry, frame);
      this.#spend(hub.matchWork + delivered * (1 + (bytes >>> 10)));
      if (delivered === 0 && hasReply && this.noResponders) {
        this.#spend(workOf.noResponders);
        hub.noResponders(this, entry.text, replyOf(frame));
      }
      return;
    }
    this.#spend(workOf.owned);
    if (!this.#admit(entry)) {
      if (this.isQuarantined && hasReply) entry.space?.refuse?.(this, entry.text, replyOf(frame));
      return;
    }
    if (hasReply && !this.#mayBeAnswered(replyOf(frame))) return;
    if (entry.kind === "served") this.#publishServed(entry, frame);
    else this.#publishOwned(entry, frame);
  }

  subscribe(subject: string, queue: string, sid: string): void {
    this.keepAlive.heard();
    this.#spend(workOf.subscribe);
    if (queue === "_sys_" || !this.#standing.canSubscribe(subject, queue)) {
      this.refuseSubscription(subject, queue);
      return;
    }
    if (this.subscriptions.size >= this.#subscriptionsMax) {
      this.#error(wireErrors.tooManySubscriptions);
      return;
    }
    if (!this.subscriptions.has(sid)) {
      if (!isValidSubject(subject)) {
        this.#error(wireErrors.invalidSubject);
        return;
      }
      const { maxSubscriptionTokens } = this.#hub.options;
      if (maxSubscriptionTokens !== 0 && hasMoreTokens(subject, maxSubscriptionTokens)) {
        this.#error(tooManyTokens(subject, queue));
        return;
      }
      if (!this.#held.add({ sid, subject, queue }, this.#standing)) return;
    }
    if (this.#verbose) this.#answer("ok");
  }

  unsubscribe(sid: string, max: number): void {
    this.keepAlive.heard();
    this.#spend(workOf.unsubscribe);
    const subscription = this.subscriptions.get(sid);
    if (subscription !== undefined) {
      if (max > subscription.delivered) {
        subscription.max = max;
      } else {
        this.finish(subscription);
      }
    }
    if (this.#verbose) this.#answer("ok");
  }

  ping(): void {
    this.keepAlive.heard();
    this.#spend(workOf.ping);
    this.#answer("pong");
    this.#pongSent = true;
  }

  pong(): void {
    this.keepAlive.answered(this.#hub.nowMs());
  }

  connect(json: string): void {
    const said = parseConnect(json);
    const options = said && withCredentials(said, this.#transport.credentials);
    if (options === undefined) {
      this.close("Parse Error");
      return;
    }
    if (options.namesAccount) {
      this.close("Authentication Failure", wireErrors.authorizationViolation);
      return;
    }
    const { authenticator } = this.#hub;
    const kept = withoutSecrets(options);
    if (authenticator === undefined) {
      this.#admitted(kept, everyone);
      return;
    }
    const answer = authenticator.authenticate(options, this.peer);
    if (!(answer instanceof Promise)) {
      this.#admitted(kept, answer);
      return;
    }
    // What follows CONNECT waits until it is known who says it.
    this.#parser.suspend();
    this.pauseReading();
    void answer.then((identity) => {
      this.resumeReading();
      if (this.closed) return;
      const isOutdated = this.#hub.authenticator !== authenticator;
      this.#admitted(kept, isOutdated ? this.#judge(identity, kept) : identity);
      this.#hub.beginTurn(this);
      this.#parser.resume();
      this.#hub.endTurn();
    });
  }

  info(json: string): void {
    if (!isObjectOrNull(json)) this.close("Parse Error");
  }

  peerError(): void {
    this.close("Client Error");
  }

  violation(error: WireError | undefined): void {
    this.close(error === undefined ? "Parse Error" : reasonOf(error), error);
  }

  // --- what owners may do ----------------------------------------------------------------------

  hold(): Hold {
    this.#holds ??= new Holds((answer) => this.#send(answer));
    return this.#holds.open();
  }

  deliver(
    subscription: Subscription,
    subject: string,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): boolean {
    if (this.closed || !subscription.active) return !this.closed && this.outbox.isWritable;
    // What a pattern covers but its user may not see is not sent, whoever delivers it.
    if (subscription.filter?.(subject) === false) return this.outbox.isWritable;
    const block = this.headers ? headers : undefined;
    this.outbox.addComposed(subject, subscription.sidBytes, reply, block, payload);
    if (reply !== "") this.grants?.grant(reply);
    const bytes = payload.length + (block === undefined ? 0 : block.length);
    this.outMsgs++;
    this.outBytes += bytes;
    this.#hub.delivery.outMsgs++;
    this.#hub.delivery.outBytes += bytes;
    subscription.delivered++;
    if (subscription.delivered === subscription.max) this.finish(subscription);
    return this.outbox.isWritable;
  }

  onceWritable(resume: () => void): void {
    this.outbox.onceWritable(resume);
  }

  refusePublish(subject: string): void {
    this.#refused = true;
    this.#refuse("publish", subject, publishViolation(subject));
  }

  refuseSubscription(subject: string, queue: string): void {
    this.#refused = true;
    this.#refuse("subscribe", subject, subscriptionViolation(subject, queue));
  }

  pauseReading(): void {
    if (this.#pauses++ === 0) this.#transport.pause();
  }

  resumeReading(): void {
    if (this.#pauses === 0) return;
    if (--this.#pauses === 0 && this.state !== "CLOSED") this.#transport.resume();
  }

  end(): void {
    this.close("Kicked");
  }

  // --- life ------------------------------------------------------------------------------------

  /** Asks whether it is still there. */
  sendPing(): void {
    this.outbox.add(fixedLines.ping);
  }

  /** Tells it to go elsewhere, as if the server were about to stop, if it understands. */
  announceLameDuck(): void {
    if (this.options.protocol >= 1 && this.#pongSent && !this.closed) this.#sendInfo(true);
  }

  /** Ends a subscription: UNSUB, or its max was reached. */
  finish(subscription: Subscription): void {
    this.#held.finish(subscription);
  }

  get isQuarantined(): boolean {
    return this.#standing.isQuarantined;
  }

  /**
   * Stops its reads and writes, or lets them go on. What it subscribed to stays known: nothing is
   * delivered to it meanwhile, and what owners handed it goes back as if it had left.
   */
  quarantine(on: boolean): void {
    if (this.closed || this.identity === undefined || on === this.isQuarantined) return;
    this.#bind(this.identity);
    if (on) {
      this.#held.silence(this.#standing);
      return;
    }
    this.#reviewSubscriptions(); // rules may have changed meanwhile
    this.#held.enterSpaces();
  }

  /** Waits a little before more is read: it produces faster than a reader takes. */
  stall(outbox: Outbox): void {
    if (this.#stallTimer !== undefined || this.outbox === outbox || this.closed) return;
    this.pauseReading();
    this.#stallTimer = setTimeout(this.#endStall, this.#hub.options.stallMs);
    outbox.onceUncrowded(this.#endStall);
  }

  /** Ends the connection after its pending output and, if given, an error. */
  close(reason: string, error?: WireError): void {
    if (this.closed) return;
    if (error !== undefined) this.outbox.add(encodeError(error));
    this.outbox.flush();
    this.#end(reason);
    this.state = "DRAINING";
    if (this.outbox.pendingBytes === 0) this.#transport.end(this.#closeReason);
  }

  /** Ends the connection at once; what is pending is lost. */
  abort(reason: string): void {
    if (this.state === "CLOSED") return;
    this.outbox.close();
    this.#end(reason);
    this.state = "CLOSED";
    this.#transport.destroy();
  }

  /** Ends a connection that was already closing. */
  cut(): void {
    this.#transport.destroy();
  }

  /** Too many pings went unanswered. */
  stale(): void {
    this.#hub.staleConnections++;
    this.close("Stale Connection", wireErrors.staleConnection);
  }

  /** A write has been in flight for too long. */
  writeDeadlineMissed(): void {
    this.#hub.slowConsumers++;
    this.abort("Slow Consumer (Write Deadline)");
  }

  outboxDirty(outbox: Outbox): void {
    this.#hub.dirty(outbox);
  }

  outboxOverflow(): void {
    this.#hub.slowConsumers++;
    this.abort("Slow Consumer (Pending Bytes)");
  }

  outboxAlarm(): void {
    this.#hub.outputAlarm();
  }

  outboxCrowded(outbox: Outbox): void {
    this.#hub.crowded(outbox);
  }

  get #subscriptionsMax(): number {
    const { maxSubscriptions } = this.#hub.options;
    const max = maxSubscriptions === 0 ? Number.POSITIVE_INFINITY : maxSubscriptions;
    return Math.min(max, this.identity?.maxSubscriptions ?? max);
  }

  // --- details ---------------------------------------------------------------------------------

  #publishOwned(entry: SubjectEntry, frame: PublishFrame): void {
    const { space } = entry;
    if (space === undefined) return;
    const { headerBytes } = frame;
    const body = frame.keepBody();
    const headers = headerBytes === 0 ? undefined : body.subarray(0, headerBytes);
    const payload = headerBytes === 0 ? body : body.subarray(headerBytes);
    this.#refused = false;
    try {
      space.publish(this, entry.text, replyOf(frame), headers, payload);
    } catch (error) {
      this.#ownerFailed(error);
    }
    if (this.#verbose && !this.#refused) this.#answer("ok");
  }

  /** Delivers as ever, and hands it to the server itself where that serves the subject. */
  #publishServed(entry: SubjectEntry, frame: PublishFrame): void {
    if (this.#verbose) this.#answer("ok");
    const hub = this.#hub;
    const { headerBytes } = frame;
    const body = frame.keepBody();
    const request = {
      client: this,
      account: this.account,
      subject: entry.text,
      reply: replyOf(frame),
      headers: headerBytes === 0 ? undefined : body.subarray(0, headerBytes),
      payload: body.subarray(headerBytes),
    };
    let taken = hub.route(this.sublist, this, entry, frame);
    try {
      taken += hub.subjects.served.hand(request);
    } catch (error) {
      this.#ownerFailed(error);
      return;
    }
    if (taken === 0 && !this.closed) hub.noResponders(this, entry.text, request.reply);
  }

  /** An owner broke its promise not to throw. What it did half is unknown: the connection ends. */
  #ownerFailed(error: unknown): void {
    this.#refused = true;
    this.#hub.hooks.ownerFailed?.(this, error);
    this.close("Internal Error");
  }

  /** Whether the connection may publish to a subject; says so when not. */
  #admit(entry: SubjectEntry): boolean {
    const subject = entry.text;
    if (this.#pedantic && !isLiteralSubject(subject)) this.#error(wireErrors.invalidPublishSubject);
    if (entry.kind === "reserved" || !this.#standing.canPublish(subject)) {
      this.#refuse("publish", subject, publishViolation(subject));
      return false;
    }
    return true;
  }

  /** Whether a reply subject is one that means nothing to a server; says so when it does. */
  #mayReplyTo(frame: PublishFrame): boolean {
    const first = frame.data[frame.replyStart];
    if (first !== 95 /* _ */ && first !== 36 /* $ */) return true;
    if (first === 95 && frame.data[frame.replyStart + 1] === 73 /* _I */) return true;
    const reply = replyOf(frame);
    const isReserved =
      reply.startsWith("_R_.") ||
      (reply.startsWith("_GR_.") && reply.length > "_GR_.".length) ||
      (reply.startsWith("$JS.ACK.") && reply.length > "$JS.ACK.".length) ||
      // Whoever answers would act there with rights of his own.
      (this.identity?.rights !== undefined && this.#hub.subjects.spaceOf(reply) !== undefined);
    if (isReserved) this.#refuse("reply", reply, replyViolation(reply));
    return !isReserved;
  }

  /** The server's own answers go where the connection could publish or listen itself; says so when not. */
  #mayBeAnswered(reply: string): boolean {
    const isAllowed = this.#standing.mayBeAnsweredOn(reply);
    if (!isAllowed) this.#refuse("reply", reply, replyViolation(reply));
    return isAllowed;
  }

  /** @returns whether the owner took it; the connection was told when not */
  #enterSpace(space: SubjectSpace, subscription: Subscription): boolean {
    this.#refused = false;
    try {
      space.subscribe(this, subscription);
    } catch (error) {
      this.#ownerFailed(error);
    }
    return !this.#refused;
  }

  /** Also while it is being found out who it is: what comes meanwhile follows a CONNECT. */
  #beginsWithConnect(chunk: Buffer): boolean {
    const { isPartial, isSuspended } = this.#parser;
    return isPartial || isSuspended || ((chunk[0] as number) | 32) === 99; /* c */
  }

  /** Who speaks before CONNECT, where nobody has to say who they are, is the user that is for it. */
  #takeDefaultUser(): void {
    const { authenticator } = this.#hub;
    if (authenticator === undefined || authenticator.required) return;
    const identity = authenticator.authenticate(defaultConnectOptions, this.peer);
    if (typeof identity === "string") this.#turnAway(identity);
    else if (identity instanceof Promise) this.#turnAway("authorizationViolation");
    else if (this.#enter(identity)) this.#bind(identity);
  }

  #admitted(options: ConnectOptions, identity: Identity | Refusal): void {
    this.#spend(workOf.connect);
    if (typeof identity === "string") {
      this.#turnAway(identity);
      return;
    }
    if (options.protocol !== 0 && options.protocol !== 1) {
      this.close("Bad Client Protocol Version", wireErrors.invalidProtocol);
      return;
    }
    if (options.noResponders && !options.headers) {
      this.close("No Responders Requires Headers", wireErrors.noRespondersNeedsHeaders);
      return;
    }
    const before = this.identity;
    // It may be someone else than before: nothing of the other one stays.
    if (this.state === "OPEN" || this.identity !== undefined) this.#held.endAll();
    if (!this.#enter(identity)) return;
    this.options = options;
    this.echo = options.echo;
    this.headers = options.headers;
    this.noResponders = options.noResponders;
    this.#verbose = options.verbose;
    this.#pedantic = options.pedantic;
    this.#bind(identity);
    this.#parser.headersAllowed = options.headers;
    // Headers to the owner of a space reach nobody who can not read them.
    this.#parser.headersTakenBelow = this.#hub.subjects.spaces.map(({ prefix }) => prefix);
    this.#parser.connectRequired = false;
    const isFirst = this.state !== "OPEN";
    this.state = "OPEN";
    if (isFirst) {
      this.keepAlive.connected(this.#hub.nowMs());
      this.#hub.addresses.welcomed(this.remoteAddress);
    }
    const isOther = before?.account !== identity.account || before.user !== identity.user;
    if (isFirst || isOther) this.#hub.hooks.connected?.(this);
    if (this.#verbose) this.#answer("ok");
  }

  /** Takes its place in its account. @returns false when that is full, and the connection ends */
  #enter(identity: Identity): boolean {
    this.#leave();
    if (!this.#hub.enterAccount(identity.account, identity.accountConnectionsMax)) {
      this.#turnAway("tooManyAccountConnections");
      return false;
    }
    this.#counted = identity.account;
    this.account = identity.account;
    this.sublist = this.#hub.sublistOf(identity.account);
    return true;
  }

  #leave(): void {
    if (this.#counted !== undefined) this.#hub.leaveAccount(this.#counted);
    this.#counted = undefined;
  }

  /** Rules changed: it is asked about again. */
  renew(): void {
    if (this.closed) return;
    // Who spoke before saying who it is did so as everybody, which may be over.
    const identity = this.identity ?? (this.subscriptions.size === 0 ? undefined : everyone);
    const { authenticator } = this.#hub;
    if (identity === undefined || (this.identity === undefined && authenticator === undefined)) {
      this.#renewSilent();
      return;
    }
    const renewed = this.#judge(identity, this.options);
    if (typeof renewed === "string") this.#turnAway(renewed);
    // What it has belongs to another world, and its credentials are good: it may come again at once.
    else if (renewed.account !== this.account) this.close(refusalReasons.authenticationRevoked);
    else if (this.#enter(renewed)) this.#rebind(identity, renewed);
  }

  /** The credentials it came in with are void from now on. */
  expired(): void {
    this.#turnAway("authenticationExpired");
  }

  /** Somebody took them back. */
  revoked(): void {
    this.#turnAway("authenticationRevoked");
  }

  /** What the rules of now say to what earlier ones decided. */
  #judge(identity: Identity | Refusal, options: ConnectOptions): Identity | Refusal {
    if (typeof identity === "string") return identity;
    const { authenticator } = this.#hub;
    return authenticator === undefined
      ? everyone
      : authenticator.renew(identity, options, this.peer);
  }

  /** It did not say yet who it is, and what it did so far stands. */
  #renewSilent(): void {
    const isRequired = this.#hub.authenticator?.required === true;
    this.#parser.connectRequired = isRequired;
    if (isRequired) this.keepAlive.mustConnect(this.#hub.nowMs());
  }

  /** Other rules for who it was all along: what they do not allow any more ends. */
  #rebind(before: Identity, identity: Identity): void {
    // Requests it is working on may still be answered, if such answers are allowed as before.
    this.#bind(identity, this.#standing);
    if (this.isQuarantined) return; // they are looked at when that ends
    this.#reviewSubscriptions();
    const isSame = before.user === identity.user; // the default user may be another one now
    if (isSame && isDeepStrictEqual(before.rights, identity.rights)) return;
    const { spaces } = this.#hub.subjects;
    if (isSame && spaces.every((space) => space.rightsChanged?.(this) === true)) return;
    // To other owners somebody else, and everybody, leaves and comes again.
    this.#held.leaveAndEnterSpaces();
  }

  /** Ends what the permissions of now do not allow, and filters the rest by them. */
  #reviewSubscriptions(): void {
    for (const { subject, queue, sid } of this.#held.review(this.#standing)) {
      this.#refuse("subscribe", subject, subscriptionRevoked(subject, queue, sid));
    }
  }

  #turnAway(refusal: Refusal): void {
    this.close(refusalReasons[refusal], wireErrors[refusal]);
  }

  /** @param before of the same principal, by earlier rules */
  #bind(identity: Identity, before?: Standing): void {
    this.identity = identity;
    const { quarantined } = this.#hub;
    const isQuarantined =
      quarantined.size !== 0 && quarantined.has(principalKey(identity.account, identity.user));
    const standing = new Standing(identity, isQuarantined, this.#hub.nowMs, before);
    this.#standing = standing;
    this.grants = standing.grants;
    this.#careful = this.#verbose || this.#pedantic || standing.bindsPublishing;
    this.#pace = identity.pace;
    this.keepAlive.credentialsEndMs = identity.expiresAtMs ?? Number.POSITIVE_INFINITY;
    this.#limitParser();
  }

  #limitParser(): void {
    const limits = this.#limits;
    const own = this.identity?.maxPayloadBytes ?? Number.POSITIVE_INFINITY;
    const payloadBytesMax = Math.min(limits.payloadBytesMax, own);
    this.#parser.limits =
      payloadBytesMax === limits.payloadBytesMax ? limits : { ...limits, payloadBytesMax };
  }

  /** Larger messages are taken at once; what is smaller now is for those who come later. */
  limitsChanged(): void {
    const { limits } = this.#hub;
    if (this.closed || limits.payloadBytesMax <= this.#limits.payloadBytesMax) return;
    this.#limits = { ...this.#limits, payloadBytesMax: limits.payloadBytesMax };
    this.#limitParser();
    if (this.options.protocol >= 1 && this.#pongSent) this.#sendInfo();
  }

  readonly #endStall = (): void => {
    if (this.#stallTimer === undefined) return;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.resumeReading();
  };

  #answer(answer: Answer): void {
    const holds = this.#holds;
    if (holds === undefined || holds.isEmpty) {
      this.outbox.add(answer === "ok" ? fixedLines.ok : fixedLines.pong);
      return;
    }
    holds.defer(answer);
    if (holds.deferred > deferredMax && !this.#pausedForHolds) {
      this.#pausedForHolds = true;
      this.pauseReading();
    }
  }

  #send(answer: Answer): void {
    this.outbox.add(answer === "ok" ? fixedLines.ok : fixedLines.pong);
    if (this.#pausedForHolds && this.#holds?.deferred === 0) {
      this.#pausedForHolds = false;
      this.resumeReading();
    }
  }

  /** Says that something is not allowed; the connection stays. */
  #refuse(what: Refused, subject: string, error: WireError): void {
    this.#error(error);
    this.#hub.hooks.refused?.(this, what, subject);
  }

  #error(error: WireError): void {
    this.outbox.add(encodeError(error));
  }

  #sendInfo(lameDuck: boolean = this.#hub.lameDuck): void {
    const client = {
      clientId: this.id,
      clientIp: this.remoteAddress,
      nonce: this.#nonce,
      lameDuck,
      authRequired: this.#hub.authenticator?.required === true,
    };
    this.outbox.add(encodeInfo(infoObject(this.#hub.server, client, this.#transport.entrance)));
  }

  #countInput(held: number): void {
    if (this.closed) return;
    const isSame = this.#heldInput !== 0 && this.#parser.begun === this.#heldBegun;
    this.#heldBegun = this.#parser.begun;
    const more = held - this.#heldInput;
    this.#heldInput = held;
    this.#hub.input.hold(this, isSame, more);
  }

  /** Lets go of everything the connection held in the router. */
  #end(reason: string): void {
    if (this.#closeReason !== "") return;
    this.#closeReason = reason;
    this.#leave();
    this.#parser.halt();
    if (this.#heldInput !== 0) this.#hub.input.drop(this, this.#heldInput);
    this.#heldInput = 0;
    this.#holds?.clear();
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.state = "DRAINING";
    this.#held.endAll();
    this.#hub.closing(this);
    this.#hub.hooks.disconnected?.(this, reason);
  }
}

/** Whether a subject has more tokens than that. */
function hasMoreTokens(subject: string, max: number): boolean {
  let count = 1;
  for (let at = subject.indexOf("."); at >= 0; at = subject.indexOf(".", at + 1)) count++;
  return count > max;
}

function replyOf(frame: PublishFrame): string {
  const { replyStart, replyEnd } = frame;
  return replyStart === replyEnd ? "" : frame.data.latin1Slice(replyStart, replyEnd);
}

function reasonOf(error: WireError): string {
  if (error === wireErrors.payloadTooLarge) return "Maximum Message Payload Exceeded";
  if (error === wireErrors.controlLineTooLong) return "Maximum Control Line Exceeded";
  if (error === wireErrors.authorizationViolation) return "Authentication Failure";
  return "Protocol Violation";
}

function isObjectOrNull(json: string): boolean {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === "object" && !Array.isArray(parsed);
  } catch {
    return false;
  }
}
