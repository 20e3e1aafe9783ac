// npx tsx examples/discovery.ts
// Registering is making a public mailbox whose description is the agent's A2A card. The directory tells
// whoever asks: those that registered before, and then live. No HTTP server, no registry.
import { connect } from "@mq9/sdk";

const agentCard = {
  name: "DataAnalysisAgent",
  url: "https://agent-b.internal", // HTTP address, optional
  version: "1.0.0",
  skills: [{ id: "analyze", name: "Analyze Data" }],
};

const agent = await connect();
const inbox = await agent.createMailbox({
  ttlSeconds: 86_400,
  public: true, // announced in $SYSTEM.PUBLIC
  name: "data-analysis-agent", // others send messages to it
  desc: JSON.stringify(agentCard), // others read it
});
console.log("Agent registered, mq9 address: data-analysis-agent");

const client = await connect();
for await (const msg of client.directory()) {
  if (msg.mailId !== "data-analysis-agent") continue;
  // desc is the AgentCard as JSON, mailId the agent's mq9 address: use it to send messages
  const card = JSON.parse(msg.desc ?? "{}") as typeof agentCard;
  console.log(`Discovered agent: ${card.name}`);
  console.log(`  mq9 address: ${msg.mailId}`);
  console.log(`  Skills: ${card.skills.map((skill) => skill.name).join(", ")}`);
  console.log(`  HTTP address: ${card.url}`);
  await client.send(msg.mailId, { task_id: "task-007" });
  break;
}

for await (const msg of inbox) {
  console.log(`Received ${msg.json<{ task_id: string }>().task_id}`);
  break;
}
await inbox.drop();
await client.close();
await agent.close();

// Agent registered, mq9 address: data-analysis-agent
// Discovered agent: DataAnalysisAgent
//   mq9 address: data-analysis-agent
//   Skills: Analyze Data
//   HTTP address: https://agent-b.internal
// Received task-007
