// npx tsx examples/broadcast.ts
// One send reaches every agent that listens; nobody keeps a list of them. Patterns choose what to hear,
// and in a group each event goes to one of its members.
import { connect } from "@mq9/sdk";

const mq9 = await connect();
const listeners = ["pipeline.*", "*.complete", ">"].map((pattern) => ({
  pattern,
  events: mq9.onBroadcast(pattern)[Symbol.asyncIterator](),
}));
await mq9.flush();

await mq9.broadcast("pipeline", "complete", { stage: "preprocessing", ok: true });
for (const { pattern, events } of listeners) {
  const next = await events.next();
  if (!next.done) console.log(`${pattern}: ${next.value.json<{ stage: string }>().stage}`);
}
await mq9.close();

// pipeline.*: preprocessing
// *.complete: preprocessing
// >: preprocessing
