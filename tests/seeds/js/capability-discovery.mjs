// Capability registration and discovery over BROADCAST.system.capability.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const nc = await connect({ servers });

// Orchestrator builds live index from announcements
const index = {};
const announcements = nc.subscribe("$mq9.AI.BROADCAST.system.capability");
await nc.flush();

// Agents announce capabilities on startup
const agents = [];
const inboxes = [];
for (const capabilities of [["data.analysis", "ml.training"], ["data.analysis"]]) {
  const agent = await connect({ servers });
  const { mail_id: agentId } = await createMailbox(agent);
  agents.push(agent);
  inboxes.push([agentId, agent.subscribe(`$mq9.AI.INBOX.${agentId}.*`)]);
  await agent.publish(
    "$mq9.AI.BROADCAST.system.capability",
    jc.encode({ from: agentId, capabilities, reply_to: `$mq9.AI.INBOX.${agentId}.normal` }),
  );
}
for await (const msg of announcements) {
  const reg = jc.decode(msg.data);
  for (const cap of reg.capabilities) {
    index[cap] ??= [];
    index[cap].push(reg.from);
  }
  if (index["data.analysis"].length === 2) break;
}

// Dispatch to capable Agent
for (const id of index["ml.training"]) {
  await nc.publish(`$mq9.AI.INBOX.${id}.normal`, jc.encode({ task: "train" }));
}
const [receiver, task] = await Promise.race(
  inboxes.map(async ([id, inbox]) => {
    for await (const msg of inbox) return [id, jc.decode(msg.data).task];
  }),
);
console.log(
  JSON.stringify({
    index: Object.fromEntries(Object.entries(index).map(([cap, ids]) => [cap, ids.length])),
    task,
    right_agent: index["ml.training"].length === 1 && index["ml.training"][0] === receiver,
  }),
);
for (const connection of [...agents, nc]) await connection.close();
