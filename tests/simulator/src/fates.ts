// What befalls the machine, the disk and the connections while the agents work: one row for each
// stroke, chosen as the plan allows.
import type { Agent } from "./agent.ts";
import type { Machine } from "./machine.ts";
import type { Feature } from "./plan.ts";
import type { Random } from "./random.ts";

interface Scene {
  readonly random: Random;
  readonly machine: Machine;
  readonly agents: readonly Agent[];
}

interface Fate {
  readonly needs: Feature;
  readonly weight: number;
  strike(scene: Scene): void;
}

const hourMs = 3_600_000;
const gibibyte = 2 ** 30;

const fates: readonly Fate[] = [
  {
    needs: "crash",
    weight: 3,
    strike: ({ machine, random }) => {
      machine.world.trace("kill");
      machine.kill(random.pick([1, 50, 500, 3_000]));
    },
  },
  { needs: "stop", weight: 1, strike: ({ machine }) => machine.stop() },
  {
    needs: "freeze",
    weight: 1,
    strike: ({ machine, random }) => machine.freeze(random.pick([20, 400, 5_000])),
  },
  {
    needs: "wall clock",
    weight: 1,
    strike: ({ machine, random }) => {
      const byMs = random.pick([-hourMs, -30_000, 30_000, hourMs, 48 * hourMs, -48 * hourMs]);
      machine.setClock(byMs);
    },
  },
  {
    needs: "cut",
    weight: 2,
    strike: ({ agents, random }) => {
      const agent = random.pick(agents);
      agent.world.trace(`cut ${agent.conn}`);
      agent.gone();
      agent.client?.link.cut();
    },
  },
  {
    needs: "half open",
    weight: 1,
    strike: ({ agents, random }) => {
      const agent = random.pick(agents);
      agent.world.trace(`silence on ${agent.conn}`);
      agent.gone();
      agent.client?.link.fallSilent();
    },
  },
  {
    needs: "disk full",
    weight: 1,
    strike: ({ machine, random }) => {
      const { mood } = machine.disk;
      machine.world.trace("the disk fills up");
      mood.freeBytes = gibibyte / 8;
      machine.world.after(random.between(100, 3_000), () => {
        mood.freeBytes = 100 * gibibyte;
      });
    },
  },
];

/** Lets one stroke fall, if any is turned on. */
export function strike(scene: Scene, on: ReadonlySet<Feature>): void {
  const possible = fates.filter(({ needs }) => on.has(needs));
  let left = scene.random.next() * possible.reduce((sum, one) => sum + one.weight, 0);
  for (const one of possible) {
    left -= one.weight;
    if (left < 0) {
      one.strike(scene);
      return;
    }
  }
}
