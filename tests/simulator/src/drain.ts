// The end of a simulation: faults are over, and everything accepted has to come out. A fresh agent
// reads every mailbox by subscriptions of all generations, by one reading, and empties every group.
import { Agent, type Stage } from "./agent.ts";
import { calmDisk } from "./disk.ts";
import type { Machine } from "./machine.ts";

/** A healed broker owes everything within this time of its own clock. */
const drainMsMax = 60_000;
/** The longest a message handed back may stay away, and a little. */
const quietMs = 63_000;

/** No more faults; whatever is down comes up. */
export function heal(machine: Machine): void {
  const { world, disk, network } = machine;
  world.trace("healed");
  Object.assign(disk.mood, calmDisk());
  Object.assign(network.weather, { latencyMs: 1, split: 0 });
}

export async function drainAll(
  stage: Stage,
  mailboxes: readonly string[],
  groups: readonly string[],
): Promise<void> {
  for (const mailbox of mailboxes) {
    const agent = new Agent(stage, `drain-${mailbox}`);
    if (!(await patiently(stage, () => agent.connect()))) {
      stage.world.defect("no connection to the healed broker");
      return;
    }
    await readToTheEnd(agent, mailbox);
    if (groups.length > 0) {
      await readOnce(agent, mailbox);
      await readOnce(agent, `${mailbox}.dlq`);
      for (const group of groups) await emptyGroup(agent, mailbox, group);
      await readOnce(agent, `${mailbox}.dlq`);
    }
    agent.leave();
  }
}

/** Every kind of subscription, to a last message of the lowest priority. */
async function readToTheEnd(agent: Agent, mailbox: string): Promise<void> {
  const { world } = agent;
  let marker = "";
  const sent = await patiently(agent.stage, async () => {
    if (!(await agent.connect())) return false;
    const draft = agent.draft(mailbox, 1, 3, 0, {});
    marker = draft.id;
    return (await agent.send(draft)).res === "ok";
  });
  if (!sent) world.defect(`the healed broker refuses a send to ${mailbox}`);
  for (const generation of [0, 1, 2] as const) {
    const begin = agent.ask();
    let ended = false;
    const started = agent.subscribe(generation, mailbox, "", (id) => {
      ended ||= id === marker;
    });
    if (started === undefined) continue;
    const came = await patiently(agent.stage, async () => ended);
    if (!came) world.defect(`the replay of ${mailbox} has no end in ${drainMsMax} ms`);
    agent.client?.unsubscribe(started.sid);
    agent.drained("push", { mailbox, group: null, call: started.call }, begin);
  }
  const listed = await agent.list(mailbox);
  if (listed.res !== "ok") world.defect(`LIST of ${mailbox}: ${listed.text}`);
}

/** One reading without a group; a mailbox of dead letters need not exist. */
async function readOnce(agent: Agent, mailbox: string): Promise<void> {
  const begin = agent.ask();
  const options = {
    limit: 1_000,
    waitMs: 0,
    leaseMs: 1_000,
    held: "again",
    deliveriesMax: 20,
  } as const;
  const { answer, call, more } = await agent.fetch(mailbox, undefined, options);
  if (answer.res === "ok" && !more) {
    agent.drained("read", { mailbox, group: null, call }, begin);
  } else if (answer.res !== "ok" && !mailbox.endsWith(".dlq")) {
    agent.world.defect(`reading ${mailbox}: ${answer.text}`);
  }
}

/** Takes and acknowledges until nothing has come for as long as anything may stay away. */
async function emptyGroup(agent: Agent, mailbox: string, group: string): Promise<void> {
  const { world } = agent;
  const begin = agent.ask();
  const until = world.now + 5 * quietMs;
  const options = {
    limit: 100,
    waitMs: 5_000,
    leaseMs: 30_000,
    held: "kept",
    deliveriesMax: 1_000,
  } as const;
  let lastAt = world.now;
  while (world.now - lastAt < quietMs) {
    const { answer, held } = await agent.fetch(mailbox, group, options);
    if (held.length > 0) lastAt = world.now;
    for (const one of held) await agent.ack(one);
    if (answer.res !== "ok" || world.now > until) {
      world.defect(`group ${group} of ${mailbox} does not drain: ${answer.text}`);
      return;
    }
  }
  agent.drained("fetch", { mailbox, group, call: `drain of ${mailbox}` }, begin);
}

async function patiently(stage: Stage, done: () => Promise<boolean>): Promise<boolean> {
  const until = stage.world.now + drainMsMax;
  while (stage.world.now < until) {
    if (await done()) return true;
    await stage.world.sleep(20);
  }
  return false;
}
