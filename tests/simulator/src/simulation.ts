// One seed from beginning to end: a machine with a broker, agents and strokes of fate, then peace, a
// drain and the verdict of the history checkers.
import { judge } from "../../history/src/judge.ts";
import type { HistoryRecord } from "../../history/src/record.ts";
import { Agent, type Stage } from "./agent.ts";
import { Disk } from "./disk.ts";
import { drainAll, heal } from "./drain.ts";
import { strike } from "./fates.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { chooseOperation, type Part } from "./operations.ts";
import { inhabit } from "./patches.ts";
import { makePlan, type Plan } from "./plan.ts";
import { describe, World } from "./world.ts";

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly plan: Plan;
  /** SHA-256 of the trace. */
  readonly hash: string;
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly events: number;
  readonly virtualMs: number;
  readonly trace: readonly string[];
  readonly history: readonly HistoryRecord[];
}

/** Changes a plan before it is played, for sabotage and for making failures smaller. */
export type Adjust = (plan: Plan) => void;

/** Virtual time after which a seed is given up. */
const virtualMsMax = 3_600_000;

/** The world whose promises are being kept right now. */
let running: World | undefined;

/** Rejections that nobody handles are defects of the broker. */
export function watchRejections(): void {
  process.on("unhandledRejection", (error) => {
    running?.defect(`unhandled rejection: ${describe(error)}`);
  });
}

export async function simulate(
  seed: number,
  { keepTrace = false, adjust }: { keepTrace?: boolean; adjust?: Adjust | undefined } = {},
): Promise<Outcome> {
  const world = new World(seed, keepTrace);
  running = world;
  const plan = makePlan(world.random);
  adjust?.(plan);
  const network = new Network(world);
  const disk = new Disk(world);
  inhabit(world, network);
  const history: HistoryRecord[] = [];
  const machine = new Machine(world, network, disk, (record) => history.push(record));
  const stage: Stage = { world, machine, note: (record) => history.push(record), ids: 0 };

  let done = false;
  const play = new Play(stage, plan);
  play.all().then(
    () => {
      done = true;
    },
    (error: unknown) => {
      world.defect(`the simulation itself failed: ${describe(error)}`);
      done = true;
    },
  );
  const ended = await world.run(() => done, virtualMsMax);
  if (!ended) world.defect("the simulation does not end: somebody waits for ever");
  const { counts, violations } = judge(history);
  const broken = violations.map(({ checker, rule, text }) => `${checker} ${rule}: ${text}`);
  return {
    seed,
    plan,
    counts,
    history,
    events: world.events,
    virtualMs: world.now,
    problems: [...new Set([...world.defects, ...broken])],
    trace: world.lines ?? [],
    hash: world.digest(),
  };
}

class Play {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #mailboxes: readonly string[];
  readonly #agents: readonly Agent[];
  #healed = false;

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#mailboxes = Array.from({ length: plan.mailboxes }, (_, n) => `box${n}`);
    this.#agents = Array.from({ length: plan.agents }, (_, n) => new Agent(stage, `a${n}`));
  }

  async all(): Promise<void> {
    const { machine, world } = this.#stage;
    const plan = this.#plan;
    machine.options = plan.options;
    machine.start();
    await this.#makeMailboxes();
    Object.assign(machine.disk.mood, plan.mood);
    Object.assign(machine.network.weather, plan.weather);
    const lives = this.#agents.map((agent) => this.#live(agent));
    const fate = this.#befall();
    await world.sleep(plan.tormentMs);
    this.#healed = true;
    heal(machine);
    await Promise.all([...lives, fate]);
    for (const agent of this.#agents) agent.leave();
    const pulls = plan.features.has("pull") && plan.features.has("generation2");
    await drainAll(this.#stage, this.#mailboxes, pulls ? groupNames : []);
  }

  async #makeMailboxes(): Promise<void> {
    const agent = new Agent(this.#stage, "maker");
    while (!(await agent.connect())) await this.#stage.world.sleep(10);
    for (const mailbox of this.#mailboxes) {
      const answer = await agent.create(mailbox);
      if (answer.res !== "ok") this.#stage.world.defect(`CREATE ${mailbox}: ${answer.text}`);
    }
    agent.leave();
  }

  /** One operation after the other, on one connection after the other. */
  async #live(agent: Agent): Promise<void> {
    const { world } = this.#stage;
    const { random } = world;
    const part: Part = {
      agent,
      random,
      plan: this.#plan,
      mailboxes: this.#mailboxes,
      groups: groupNames,
      accepted: [],
      repeatable: [],
      subscriptions: [],
    };
    let connection = agent.client;
    while (!this.#healed) {
      if (!(await agent.connect())) {
        await world.sleep(random.between(5, 300));
        continue;
      }
      if (connection !== agent.client) part.subscriptions.length = 0;
      connection = agent.client;
      await chooseOperation(random, this.#plan.features).run(part);
      await world.sleep(random.next() * 2 * this.#plan.pauseMs);
    }
  }

  async #befall(): Promise<void> {
    const { world, machine } = this.#stage;
    const { random } = world;
    while (!this.#healed) {
      await world.sleep(-Math.log(1 - random.next()) * this.#plan.fateMs);
      if (!this.#healed) strike({ random, machine, agents: this.#agents }, this.#plan.features);
    }
  }
}

const groupNames: readonly string[] = ["alpha", "beta"];
