// What agents do, one row for each operation: what it needs to be turned on, how often it is chosen,
// and how it goes. A new operation of the protocol is a new row.
import type { Rank } from "../../history/src/record.ts";
import type { Agent, Draft, Held } from "./agent.ts";
import type { Generation, SendWords } from "./mail.ts";
import type { Feature, Plan } from "./plan.ts";
import type { Random } from "./random.ts";

/** What one agent knows and may use. */
export interface Part {
  readonly agent: Agent;
  readonly random: Random;
  readonly plan: Plan;
  readonly mailboxes: readonly string[];
  readonly groups: readonly string[];
  /** What it sent and was told the number of. */
  readonly accepted: { readonly mailbox: string; readonly msgId: number }[];
  /** Sends with an id for repeats. */
  readonly repeatable: Draft[];
  readonly subscriptions: string[];
}

export interface Operation {
  readonly name: string;
  /** All of them are on. */
  readonly needs: readonly Feature[];
  readonly weight: number;
  run(part: Part): Promise<void>;
}

/** Deliveries of one message before it goes to the dead letters, where that is turned on. */
const deliveriesMax = 4;

export const operations: readonly Operation[] = [
  { name: "send", needs: [], weight: 10, run: (part) => sendOne(part, {}) },
  { name: "send flushed", needs: ["flush"], weight: 3, run: sendFlushed },
  {
    name: "send keyed",
    needs: ["generation2", "keys"],
    weight: 3,
    run: (part) => sendOne(part, { key: `k${part.random.between(1, 3)}` }),
  },
  {
    name: "send short-lived",
    needs: ["generation2", "ttl"],
    weight: 3,
    run: (part) => sendOne(part, { ttlMs: 1000 * part.random.between(1, 8) }),
  },
  {
    name: "send delayed",
    needs: ["generation2", "delay"],
    weight: 2,
    run: (part) => sendOne(part, { delayMs: 1000 * part.random.between(1, 6) }),
  },
  {
    name: "send with an id",
    needs: ["generation2", "dedup"],
    weight: 3,
    run: (part) => sendOne(part, { dedup: `d${part.agent.name}-${part.random.next()}` }),
  },
  { name: "send again", needs: ["generation2", "dedup"], weight: 3, run: sendAgain },
  { name: "delete", needs: ["delete"], weight: 2, run: removeOne },
  { name: "subscribe", needs: [], weight: 1, run: (part) => subscribe(part, "") },
  {
    name: "join a queue group",
    needs: ["queue groups"],
    weight: 1,
    run: (part) => subscribe(part, "workers"),
  },
  { name: "unsubscribe", needs: [], weight: 1, run: unsubscribe },
  { name: "pull", needs: ["generation2", "pull"], weight: 8, run: pull },
  {
    name: "leave",
    needs: ["cut"],
    weight: 0.3,
    run: (part) => Promise.resolve(part.agent.leave()),
  },
];

/** An operation that is on, by weight. */
export function chooseOperation(random: Random, on: ReadonlySet<Feature>): Operation {
  const possible = operations.filter((one) => one.needs.every((need) => on.has(need)));
  let left = random.next() * possible.reduce((sum, one) => sum + one.weight, 0);
  for (const one of possible) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return possible[0] as Operation;
}

function generationOf({ random, plan }: Part, words: SendWords): Generation {
  if (Object.keys(words).length > 0) return 2;
  const possible = ([0, 1, 2] as const).filter((one) => plan.features.has(`generation${one}`));
  return random.pick(possible);
}

function draftOf(part: Part, words: SendWords): Draft {
  const { agent, random, plan, mailboxes } = part;
  const rank = random.between(0, 3) as Rank;
  const bytes = random.chance(0.01) ? 60_000 : random.between(0, plan.payloadBytesMax);
  return agent.draft(random.pick(mailboxes), generationOf(part, words), rank, bytes, words);
}

async function sendOne(part: Part, words: SendWords): Promise<void> {
  const draft = draftOf(part, words);
  const answer = await part.agent.send(draft);
  if (draft.dedup !== undefined) part.repeatable.push(draft);
  const msgId = Number(answer.body["msg_id"] ?? -1);
  if (answer.res === "ok" && msgId >= 0) part.accepted.push({ mailbox: draft.mailbox, msgId });
}

async function sendFlushed(part: Part): Promise<void> {
  const drafts = Array.from({ length: part.random.between(1, 12) }, () => draftOf(part, {}));
  await part.agent.sendFlushed(drafts);
}

/** The same once more, answered before or not. */
async function sendAgain({ agent, random, repeatable }: Part): Promise<void> {
  const draft = repeatable[random.between(0, repeatable.length)];
  if (draft !== undefined) await agent.send(draft);
}

async function removeOne({ agent, random, accepted, plan }: Part): Promise<void> {
  const [doomed] = accepted.splice(random.between(0, accepted.length), 1);
  if (doomed === undefined) return;
  const generation = plan.features.has("generation2") && random.chance(0.5) ? 2 : 1;
  await agent.remove(generation, doomed.mailbox, doomed.msgId);
}

async function subscribe(part: Part, queue: string): Promise<void> {
  const { agent, random, subscriptions, mailboxes, plan } = part;
  if (subscriptions.length >= 3) await unsubscribe(part);
  // A queue group of generation 2 is a group of pullers, which the row "pull" is about.
  const pushes = ([0, 2] as const).filter((one) => plan.features.has(`generation${one}`));
  const possible = queue === "" ? [...pushes, 1 as const] : [1 as const];
  const generation = random.pick(possible);
  const started = agent.subscribe(generation, random.pick(mailboxes), queue);
  if (started !== undefined) subscriptions.push(started.sid);
  if (agent.client !== undefined && plan.features.has("slow readers")) {
    agent.client.link.slow = random.chance(0.5);
  }
}

async function unsubscribe({ agent, random, subscriptions }: Part): Promise<void> {
  const [sid] = subscriptions.splice(random.between(0, subscriptions.length), 1);
  if (sid !== undefined) agent.client?.unsubscribe(sid);
}

/** Takes some mail of a group and handles each message in one way or another. */
async function pull(part: Part): Promise<void> {
  const { agent, random, mailboxes, groups, plan } = part;
  const { held } = await agent.fetch(random.pick(mailboxes), random.pick(groups), {
    limit: random.pick([1, 2, 5, 50]),
    waitMs: random.pick([0, 0, 100, 3_000]),
    leaseMs: random.pick([1_000, 2_000, 30_000]),
    held: plan.features.has("kept") && random.chance(0.5) ? "kept" : "again",
    deliveriesMax: plan.features.has("poison") ? deliveriesMax : 1_000,
  });
  for (const one of held) {
    if (random.chance(0.2)) await agent.world.sleep(random.between(0, 1_500));
    await handle(part, one);
  }
}

async function handle({ agent, random, plan: { features: on } }: Part, held: Held): Promise<void> {
  const chosen = random.next();
  if (chosen < 0.1 && on.has("nack")) {
    const delayMs = random.chance(0.7) ? random.between(0, 3_000) : undefined;
    await agent.nack(held, delayMs, false);
  } else if (chosen < 0.13 && on.has("poison")) {
    await agent.nack(held, undefined, true);
  } else if (chosen < 0.25 && on.has("extend")) {
    await agent.extend(held, random.pick([1_000, 5_000]));
    if (random.chance(0.8)) await agent.ack(held);
  } else if (chosen < 0.4 && on.has("abandon")) {
    // Forgotten: its lease has to end.
  } else {
    await agent.ack(held);
    if (random.chance(0.05)) await agent.ack(held);
  }
}
