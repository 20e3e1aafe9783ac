// npx tsx examples/capability-discovery.ts
// Agents register what they can do; the orchestrator searches for a capability and sends its task to
// the mailbox of an agent that has it. It sees agents that registered before it started.
import { connect } from "@mq9/sdk";

const agents = await connect();
const trainer = await agents.createMailbox({ ttlSeconds: 3600 });
const analyst = await agents.createMailbox({ ttlSeconds: 3600 });
await agents.agents.register({
  name: "trainer",
  mailbox: trainer.name,
  description: "trains models on tables and text",
  tags: ["ml.training"],
});
await agents.agents.register({
  name: "analyst",
  mailbox: analyst.name,
  description: "analyzes data and writes reports",
  tags: ["data.analysis"],
});

const orchestrator = await connect();
const found = await orchestrator.agents.find("somebody who trains a model");
const best = found.agents[0];
console.log(`orchestrator: ${best?.name} ${best?.description}`);
await orchestrator.send(best?.mailbox ?? "", { task: "train" });

for await (const message of trainer) {
  console.log(`trainer: got ${message.json<{ task: string }>().task}`);
  break;
}
await agents.agents.unregister("trainer");
await agents.agents.unregister("analyst");
await orchestrator.close();
await agents.close();

// orchestrator: trainer trains models on tables and text
// trainer: got train
