// The machine the broker runs on: starts it, kills it, stops it, starts it again when it gave up.
import {
  type Broker,
  type BrokerOptionsInput,
  createBroker,
  type Log,
  resolveOptions,
} from "@mq9/broker";
import type { HistoryRecord } from "../../history/src/record.ts";
import { type Disk, SimulatedStore } from "./disk.ts";
import type { Network } from "./network.ts";
import { describe, type Process, type World } from "./world.ts";

/** A start that takes longer never ends. */
const patienceMs = 60_000;

export class Machine {
  readonly world: World;
  readonly network: Network;
  readonly disk: Disk;
  /** Options of every broker started from now on. */
  options: BrokerOptionsInput = {};
  /** The broker in charge serves. */
  serving = false;
  lives = 0;
  readonly #note: (record: HistoryRecord) => void;
  #process: Process | undefined;
  #broker: Broker | undefined;
  /** The broker whose clock is read, once it has taken it from its store. */
  #clockOf: Broker | undefined;
  /** Its latest reading. */
  #clockMs: number;
  /** The broker's clock when the last durable commit began. */
  #committedClock = 0;

  constructor(world: World, network: Network, disk: Disk, note: (record: HistoryRecord) => void) {
    this.world = world;
    this.network = network;
    this.disk = disk;
    this.#note = note;
    this.#clockMs = world.wallBase;
  }

  /** The broker's clock now; between two lives the last that was read. */
  get clock(): number {
    if (this.#clockOf !== undefined) this.#clockMs = this.#clockOf.clock.nowMs();
    return this.#clockMs;
  }

  /** No later than the broker's clock was then: it runs a tenth faster than time at most. */
  clockAtLeastAt(at: number): number {
    return Math.floor(this.clock - 1.1 * (this.world.now - at)) - 1;
  }

  get process(): Process | undefined {
    return this.#process;
  }

  /** Starts a new life, and again whenever it fails to start. */
  start(): void {
    const { world } = this;
    this.lives += 1;
    const process = world.process(`broker${this.lives}`);
    this.#process = process;
    const store = new SimulatedStore(this.disk, process, {
      committed: (begunAt) => {
        this.#committedClock = this.clockAtLeastAt(begunAt);
      },
      failed: () => this.#life("ended"),
    });
    world.after(0, () => this.#begin(process, store), process);
  }

  #checkClock(broker: Broker): void {
    this.#clockOf = broker;
    const backMs = this.#committedClock - this.clock;
    if (backMs > 0) this.world.defect(`the broker's clock went back by ${backMs} ms in a restart`);
  }

  #begin(process: Process, store: SimulatedStore): void {
    const { world } = this;
    const broker = createBroker(resolveOptions(this.options), {
      store,
      log: this.#log(),
      version: "simulated",
    });
    this.#broker = broker;
    const late = world.after(patienceMs, () => world.defect("the broker does not start"), process);
    broker.start().then(
      () => {
        late.cancelled = true;
        if (this.#process !== process) return;
        this.#checkClock(broker);
        this.serving = true;
        this.#life("started");
      },
      (error: unknown) => {
        late.cancelled = true;
        world.trace(`no start: ${error instanceof Error ? error.message : String(error)}`);
        if (process.alive) this.#crash(process, 50);
      },
    );
    void broker.fatal.then((error) => {
      world.trace(`fatal: ${error.message}`);
      // The program ends within moments of that; until then nothing more may be accepted.
      world.after(5, () => this.#crash(process, 50), process);
    });
  }

  /** SIGKILL, or the power goes; starts again after a while. */
  kill(downMs: number): void {
    if (this.#process !== undefined) this.#crash(this.#process, downMs);
  }

  #crash(process: Process, downMs: number): void {
    if (!process.alive || this.#process !== process) return;
    this.#life("ended");
    this.serving = false;
    process.alive = false;
    this.disk.crash();
    this.network.processEnded(process);
    this.world.after(downMs, () => this.start(), this.world.clients);
  }

  /** A polite stop, and a new start. */
  stop(): void {
    const { world } = this;
    const process = this.#process;
    const broker = this.#broker;
    if (process === undefined || broker === undefined || !this.serving) return;
    this.#life("ended");
    this.serving = false;
    const hung = (): void => {
      world.defect("the broker does not stop");
      this.#crash(process, 0);
    };
    const hangs = world.after(patienceMs, hung, process);
    world.after(
      0,
      () => {
        broker.stop().then(
          () => {
            hangs.cancelled = true;
            this.#crash(process, 5);
          },
          (error: unknown) => world.defect(`stop failed: ${describe(error)}`),
        );
      },
      process,
    );
  }

  /** The wall clock is set to another time. */
  setClock(byMs: number): void {
    this.world.wallBase += byMs;
    this.world.trace(`the wall clock jumps by ${byMs}`);
    this.#life("clock jumped");
  }

  /** Nothing runs for a while, as on a machine that was suspended. */
  freeze(forMs: number): void {
    if (this.#process === undefined) return;
    this.world.trace(`frozen for ${forMs}`);
    this.#process.frozenUntil = this.world.now + forMs;
  }

  #life(what: "ended" | "started" | "clock jumped"): void {
    const { now: tInv } = this.world;
    this.world.trace(what);
    const common = { proc: "machine", conn: "", mailbox: "", inc: 0, epoch: this.lives };
    this.#note({ ...common, tInv, tRet: tInv, res: "ok", op: "life", what });
  }

  #log(): Log {
    const { world } = this;
    const log: Log = {
      debug() {},
      info: (msg) => world.trace(`log ${msg}`),
      warn: (msg) => world.trace(`log ${msg}`),
      error: (msg, fields) => {
        world.trace(`log ${msg}`);
        if (msg.includes("defect")) world.defect(`${msg}: ${describe(fields?.["error"])}`);
      },
      child: () => log,
    };
    return log;
  }
}
