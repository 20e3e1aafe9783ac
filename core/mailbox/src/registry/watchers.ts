// Who watches the registry. Each watcher is told who is there, then what changes; one that does not
// keep up is told that it missed some, and never costs more than a bounded queue.
import type { Agent, AgentEvent, AgentSink, AgentWatch } from "@mq9/protocol";

/** What a watcher needs of the registry. */
export interface WatchHost {
  /** The agent as it is now; undefined = it is not registered any more. */
  agent(name: string): Agent | undefined;
  defer(run: () => void): void;
  left(watcher: Watcher): void;
}

/** Events kept for a watcher that has no room. */
const queueMax = 1024;
/** Agents told in one turn of the event loop. */
const replaySlice = 128;

export class Watcher implements AgentWatch {
  readonly #sink: AgentSink;
  readonly #host: WatchHost;
  /** Names still to be told; undefined = the watch has not begun. */
  #names: readonly string[] | undefined;
  #told = 0;
  #queue: AgentEvent[] = [];
  #missed = 0;
  #room = true;
  #replaying = true;
  #ended = false;

  constructor(sink: AgentSink, host: WatchHost) {
    this.#sink = sink;
    this.#host = host;
  }

  /** Begins with the agents of these names. */
  begin(names: readonly string[]): void {
    this.#names = names;
    this.#pump();
  }

  tell(event: AgentEvent): void {
    if (this.#ended || this.#names === undefined) return; // who is there is told when it begins
    if (this.#room && !this.#replaying) this.#deliver(event, false);
    else if (this.#missed === 0 && this.#queue.length < queueMax) this.#queue.push(event);
    else {
      this.#missed += this.#queue.length + 1;
      this.#queue = [];
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue = [];
    this.#host.left(this);
  }

  readonly #pump = (): void => {
    if (this.#ended || !this.#room) return;
    if (this.#replaying) this.#replay();
    while (this.#room && !this.#replaying && !this.#ended) {
      const next = this.#nextQueued();
      if (next === undefined) return;
      this.#deliver(next, false);
    }
  };

  #replay(): void {
    const names = this.#names as readonly string[];
    const until = Math.min(names.length, this.#told + replaySlice);
    while (this.#told < until && this.#room && !this.#ended) {
      const agent = this.#host.agent(names[this.#told] as string);
      this.#told += 1;
      if (agent !== undefined) this.#deliver({ kind: "registered", agent }, true);
    }
    if (!this.#room || this.#ended) return;
    if (this.#told < names.length) {
      this.#host.defer(this.#pump);
      return;
    }
    this.#replaying = false;
    this.#deliver({ kind: "listed", agents: names.length }, true);
  }

  #nextQueued(): AgentEvent | undefined {
    if (this.#missed === 0) return this.#queue.shift();
    const events = this.#missed;
    this.#missed = 0;
    return { kind: "dropped", events };
  }

  #deliver(event: AgentEvent, replayed: boolean): void {
    if (this.#sink.deliver(event, replayed)) return;
    this.#room = false;
    this.#sink.onceWritable(() => {
      this.#room = true;
      this.#pump();
    });
  }
}
