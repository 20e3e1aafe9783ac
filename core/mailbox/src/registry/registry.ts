// The registry of one account: who is registered, kept as keyed messages of a mailbox that only the
// broker writes, and read into memory when somebody first asks. Memory decides; the disk follows in
// the same commit, except for reports, which are written late.
import {
  type Agent,
  type AgentEvent,
  type AgentReference,
  type AgentSink,
  type AgentState,
  type AgentWatch,
  type DiscoverRequest,
  type DiscoverResult,
  Mq9Error,
  neverMs,
  type RegisterRequest,
  type RegisterResult,
  type RegistryApi,
  type ReportRequest,
  registryName,
  type UnregisterResult,
} from "@mq9/protocol";
import type { MailboxRecord, StoreBatch } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { discover } from "./discover.ts";
import { Lexicon } from "./lexicon.ts";
import { PublicAgents } from "./public-agents.ts";
import { type Entry, endOfMailbox, sameBytes } from "./record.ts";
import { type Downtime, Roll } from "./roll.ts";
import { assertOwner, checkRegistration, newEntry, ownAmong } from "./rules.ts";
import { type Open, readAgents, stageAgent, stageNoAgent } from "./stored.ts";
import { Vectors } from "./vectors.ts";
import { Watcher } from "./watchers.ts";

/** The rest of a command whose changes are staged: waits until they are durable. */
type Done<T> = () => Promise<T>;

export class Registry implements RegistryApi {
  readonly #engine: Engine;
  readonly #account: string;
  readonly #downtime: Downtime;
  readonly #public: PublicAgents;
  #open: Open | undefined;
  #opening: Promise<Open> | undefined;
  /** Agents being read, while they are. */
  #loading: Roll | undefined;
  /** What memory held before the store was reopened: it knows later reports than the disk does. */
  #before: Roll | undefined;
  /** Agents of whom something is only in memory: their latest report, that their mailbox was seen. */
  readonly #unwritten = new Set<Entry>();
  #writeAtMs = neverMs;
  /** State of each agent as the watchers know it. */
  readonly #shown = new Map<string, AgentState>();
  #lookAtMs = neverMs;
  readonly #watchers = new Set<Watcher>();
  /** Ends when the latest command has changed memory. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, account: string, downtime: Downtime) {
    this.#engine = engine;
    this.#account = account;
    this.#downtime = downtime;
    this.#public = new PublicAgents(engine, account);
  }

  // --- commands ---------------------------------------------------------------------------------

  async register(request: RegisterRequest): Promise<RegisterResult> {
    checkRegistration(request, this.#engine.options.agentBytesMax);
    const done = await this.#inTurn(async () => {
      await this.#ready();
      return this.#register(request, await this.#findMailbox(request.mailbox));
    });
    return done();
  }

  #register(request: RegisterRequest, mailboxEnds: number | undefined): Done<RegisterResult> {
    const engine = this.#engine;
    const { slot, roll, vectors } = this.#memory();
    engine.assertAccepting();
    const known = roll.get(request.name);
    if (known === undefined) this.#assertRoomFor(roll, request.name);
    else assertOwner(known, request.by);
    const batch = engine.stage();
    const nowMs = engine.nowMs();
    const changed =
      known === undefined ||
      known.mailbox !== request.mailbox ||
      !sameBytes(known.body, request.body);
    const entry = known ?? newEntry(request, nowMs);
    this.#apply(entry, request, { nowMs, mailboxEnds, changed });
    this.#stageRecord(batch, slot, entry, nowMs);
    const durable = engine.durable(slot);
    const agent = roll.agent(entry, nowMs);
    if (changed) this.#shown.set(entry.name, agent.state);
    return async () => {
      await durable;
      if (changed) this.#tell({ kind: known === undefined ? "registered" : "updated", agent });
      this.#show(entry);
      void vectors?.fill();
      return { agent, created: known === undefined };
    };
  }

  async unregister(reference: AgentReference): Promise<UnregisterResult> {
    const done = await this.#inTurn(async () => {
      await this.#ready();
      return this.#unregister(reference);
    });
    return done();
  }

  #unregister(reference: AgentReference): Done<UnregisterResult> {
    const engine = this.#engine;
    const { slot, roll, lexicon, vectors } = this.#memory();
    const found = ownAmong(this.#find(roll, reference), reference.by);
    if (found.length === 0) {
      return async () => {
        if (slot.staged > 0) await engine.journal.settled();
        return { found: false };
      };
    }
    const batch = engine.stage();
    const nowMs = engine.nowMs();
    const agents = found.map((entry) => roll.agent(entry, nowMs));
    for (const entry of found) {
      stageNoAgent(engine, batch, slot, entry);
      roll.remove(entry);
      lexicon.remove(entry.name);
      vectors?.remove(entry.name);
      this.#unwritten.delete(entry);
      this.#shown.delete(entry.name);
    }
    const durable = engine.durable(slot);
    return async () => {
      await durable;
      for (const agent of agents) this.#tell({ kind: "unregistered", agent });
      return { found: true };
    };
  }

  async report(request: ReportRequest): Promise<Agent> {
    const { reportBytesMax } = this.#engine.options;
    if (request.body.length > reportBytesMax) {
      throw new Mq9Error("too_large", `a report is at most ${reportBytesMax} bytes`);
    }
    return this.#inTurn(async () => {
      await this.#ready();
      return this.#report(request);
    });
  }

  #report(request: ReportRequest): Agent {
    const { roll } = this.#memory();
    const found = ownAmong(this.#find(roll, request), request.by);
    const [first] = found;
    if (first === undefined) {
      throw new Mq9Error("not_found", `agent not found: ${request.name ?? request.mailbox ?? ""}`);
    }
    const nowMs = this.#engine.nowMs();
    const report = new Uint8Array(request.body);
    for (const entry of found) {
      entry.lastSeenAtMs = nowMs;
      entry.report = report;
      this.#unwritten.add(entry);
      this.#show(entry);
    }
    this.#writeBy(nowMs + this.#engine.options.reportDelayMs);
    return roll.agent(first, nowMs);
  }

  async discover(request: DiscoverRequest): Promise<DiscoverResult> {
    // What was asked for before on the same connection is part of the answer, and durable.
    await this.#turn;
    await this.#ready();
    const memory = this.#memory();
    if (memory.slot.staged > 0) await this.#engine.journal.settled();
    if (request.includePublic !== true) return discover([memory], request);
    return discover([memory, await this.#public.read(memory.roll)], request);
  }

  /** Changes memory in the order of the calls; what becomes durable is waited for after the turn. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const acted = this.#turn.then(act);
    this.#turn = acted.catch(() => {}); // whoever called hears of it
    return acted;
  }

  watch(sink: AgentSink): AgentWatch {
    const { options } = this.#engine;
    if (this.#watchers.size >= options.watchersMax) {
      throw new Mq9Error(
        "quota_exceeded",
        `the limit of ${options.watchersMax} watchers of one registry is reached`,
      );
    }
    const watcher = new Watcher(sink, {
      agent: (name) => this.#agent(name),
      defer: this.#engine.deps.defer,
      left: (gone) => this.#watchers.delete(gone),
    });
    this.#watchers.add(watcher);
    this.#ready().then(
      ({ roll }) => watcher.begin(roll.names()),
      () => watcher.begin([]), // best effort: it hears what changes once the disk works again
    );
    return watcher;
  }

  // --- time -------------------------------------------------------------------------------------

  /** When `attend` has something to do. */
  get dueMs(): number {
    return Math.min(this.#writeAtMs, this.#lookAtMs);
  }

  /** Writes reports that are due, and tells what time changed. */
  attend(nowMs: number): void {
    if (this.#open === undefined || this.#engine.faultOf(this.#open.slot) !== undefined) return;
    if (nowMs >= this.#writeAtMs) {
      this.writeReports(writeSlice);
      this.#writeAtMs = this.#unwritten.size > 0 ? nowMs : neverMs;
    }
    if (nowMs >= this.#lookAtMs) this.#look(nowMs);
  }

  /** Stages reports that are only in memory. @param most so many at a time */
  writeReports(most: number = Number.POSITIVE_INFINITY): void {
    const slot = this.#open?.slot;
    if (slot === undefined || this.#unwritten.size === 0) return;
    const nowMs = this.#engine.nowMs();
    let left = most;
    for (const entry of this.#unwritten) {
      if (left === 0) break;
      left -= 1;
      this.#stageRecord(this.#engine.stage(), slot, entry, nowMs);
      this.#engine.durable(slot).catch(() => {
        // best effort: a report that was not written only makes its agent look silent for longer.
      });
    }
  }

  /** A mailbox of the account began, ended or got another end, durably. */
  mailboxChanged(mailbox: string, record: MailboxRecord | undefined): void {
    const entries = this.#open?.roll.ofMailbox(mailbox) ?? this.#loading?.ofMailbox(mailbox) ?? [];
    for (const entry of entries) {
      if (record !== undefined) this.#meetMailbox(entry);
      entry.mailboxEndsAtMs = endOfMailbox(record, entry.mailboxKnown);
      if (this.#open !== undefined) this.#show(entry);
    }
  }

  /** The agent's mailbox is there, which will mean something when it is not there any more. */
  #meetMailbox(entry: Entry): void {
    if (entry.mailboxKnown) return;
    entry.mailboxKnown = true;
    this.#unwritten.add(entry);
    this.#writeBy(this.#engine.nowMs() + this.#engine.options.reportDelayMs);
  }

  /** The store was closed and reopened: what it holds is read again. */
  reopened(): void {
    this.#before = this.#open?.roll ?? this.#before;
    this.#open = undefined;
    this.#opening = undefined;
    this.#unwritten.clear();
    this.#writeAtMs = neverMs;
  }

  // --- reading ----------------------------------------------------------------------------------

  #ready(): Promise<Open> {
    if (this.#open !== undefined) return Promise.resolve(this.#open);
    const opening = this.#opening ?? this.#load();
    this.#opening = opening;
    opening.then(
      (open) => {
        if (this.#opening !== opening || this.#open !== undefined) return;
        this.#open = open;
        this.#look(this.#engine.nowMs());
      },
      () => {
        if (this.#opening === opening) this.#opening = undefined;
      },
    );
    return opening;
  }

  /** What memory holds. @throws {Mq9Error} when the store failed since it was read */
  #memory(): Open {
    const open = this.#open;
    const fault = open === undefined ? unread() : this.#engine.faultOf(open.slot);
    if (open === undefined || fault !== undefined) throw fault ?? unread();
    return open;
  }

  async #load(): Promise<Open> {
    const engine = this.#engine;
    const slot = engine.slot(`${this.#account}/${registryName}`);
    slot.kept = true;
    (await slot.acquire())(); // it was read when its turn comes
    const fault = engine.faultOf(slot);
    if (fault !== undefined) throw fault;
    const { staleAfterMs, goneAfterMs } = engine.options;
    const roll = new Roll({ staleAfterMs, goneAfterMs }, this.#downtime);
    const nowMs = (): number => engine.nowMs();
    const { embed } = engine.deps;
    const vectors = embed === undefined ? undefined : new Vectors(embed, nowMs, engine.deps.defer);
    const open: Open = { slot, roll, lexicon: new Lexicon(), vectors, nowMs };
    this.#loading = roll;
    try {
      await engine.journal.settled();
      if (slot.record !== undefined) {
        await readAgents(engine, open, {
          account: this.#account,
          before: this.#before,
          shown: this.#shown,
          meetMailbox: (entry) => this.#meetMailbox(entry),
        });
      }
    } catch (error) {
      throw engine.failure(error);
    } finally {
      if (this.#loading === roll) this.#loading = undefined;
    }
    this.#before = undefined;
    return open;
  }

  /** @returns when a mailbox ends; undefined = there is none of that name */
  async #findMailbox(mailbox: string | undefined): Promise<number | undefined> {
    if (mailbox === undefined) return undefined;
    const slot = this.#engine.slot(`${this.#account}/${mailbox}`);
    (await slot.acquire())();
    return endOfMailbox(slot.record, false);
  }

  #find(roll: Roll, { name, mailbox }: AgentReference): readonly Entry[] {
    if (name !== undefined) {
      const entry = roll.get(name);
      return entry === undefined ? [] : [entry];
    }
    return mailbox === undefined ? [] : roll.ofMailbox(mailbox);
  }

  #agent(name: string): Agent | undefined {
    const open = this.#open;
    const entry = open?.roll.get(name);
    if (open === undefined || entry === undefined) return undefined;
    return open.roll.agent(entry, this.#engine.nowMs());
  }

  // --- writing ----------------------------------------------------------------------------------

  #assertRoomFor(roll: Roll, name: string): void {
    const { agentsMax } = this.#engine.options;
    if (roll.size >= agentsMax) {
      throw new Mq9Error(
        "quota_exceeded",
        `the limit of ${agentsMax} registered agents is reached: unregister some that are gone`,
      );
    }
    const other = roll.lookAlike(name);
    if (other !== undefined) {
      throw new Mq9Error("forbidden", `agent name looks like that of another agent: ${other}`);
    }
  }

  #apply(
    entry: Entry,
    request: RegisterRequest,
    now: {
      readonly nowMs: number;
      readonly mailboxEnds: number | undefined;
      readonly changed: boolean;
    },
  ): void {
    const { roll, lexicon, vectors } = this.#memory();
    if (entry.mailbox !== request.mailbox) entry.mailboxKnown = false;
    entry.mailboxKnown ||= now.mailboxEnds !== undefined;
    entry.mailboxEndsAtMs = now.mailboxEnds ?? (entry.mailboxKnown ? 0 : undefined);
    entry.owner ??= request.by;
    entry.lastSeenAtMs = now.nowMs;
    this.#unwritten.delete(entry);
    if (!now.changed) return;
    if (roll.get(entry.name) === undefined) roll.add(entry);
    roll.move(entry, request.mailbox);
    entry.body = new Uint8Array(request.body);
    entry.facts = request.facts;
    entry.version += 1;
    lexicon.put(entry.name, entry.facts);
    vectors?.put(entry);
  }

  #stageRecord(batch: StoreBatch, slot: Slot, entry: Entry, nowMs: number): void {
    stageAgent(this.#engine, batch, slot, entry, nowMs);
    this.#unwritten.delete(entry);
  }

  // --- telling ----------------------------------------------------------------------------------

  #writeBy(atMs: number): void {
    if (this.#writeAtMs <= atMs) return;
    this.#writeAtMs = atMs;
    this.#engine.deps.wakeAt(atMs);
  }

  /** Tells a change of state, and sees to it that the next one is told in time. */
  #show(entry: Entry): void {
    const roll = this.#open?.roll;
    if (roll?.get(entry.name) !== entry) return;
    const nowMs = this.#engine.nowMs();
    const agent = roll.agent(entry, nowMs);
    if (this.#shown.get(entry.name) !== agent.state) {
      this.#shown.set(entry.name, agent.state);
      this.#tell({ kind: agent.state, agent });
    }
    this.#lookBy(roll.changesAtMs(entry, nowMs), nowMs);
  }

  #look(nowMs: number): void {
    const roll = this.#open?.roll;
    this.#lookAtMs = neverMs;
    if (roll === undefined) return;
    for (const entry of roll.entries()) this.#show(entry);
    if (this.#lookAtMs < neverMs) this.#engine.deps.wakeAt(Math.max(this.#lookAtMs, nowMs));
  }

  #lookBy(atMs: number, nowMs: number): void {
    if (atMs >= neverMs) return;
    const dueMs = Math.max(atMs, nowMs + lookEveryMs);
    if (this.#lookAtMs <= dueMs) return;
    this.#lookAtMs = dueMs;
    this.#engine.deps.wakeAt(dueMs);
  }

  #tell(event: AgentEvent): void {
    for (const watcher of this.#watchers) watcher.tell(event);
  }
}

/** Reports written in one commit. */
const writeSlice = 256;
/** Changes of state by time alone are told within this. */
const lookEveryMs = 1_000;
function unread(): Mq9Error {
  return new Mq9Error("storage_failed", "the broker verifies its disk, try again");
}
