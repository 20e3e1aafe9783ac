// Broadcast to all: publish once, every wildcard subscriber receives.
import { connect, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const nc = await connect({ servers });
const agents = [];
const received = [];
let complete;
const all = new Promise((resolve) => {
  complete = resolve;
});
for (const pattern of ["pipeline.complete", "pipeline.*", "*.complete"]) {
  const agent = await connect({ servers });
  agents.push(agent);
  agent.subscribe(`$mq9.AI.BROADCAST.${pattern}`, {
    callback: (_error, msg) => {
      received.push([pattern, msg.subject, jc.decode(msg.data).stage]);
      if (received.length === 4) complete();
    },
  });
  await agent.flush();
}
await nc.publish("$mq9.AI.BROADCAST.pipeline.failed", jc.encode({ stage: "other" }));
await nc.publish(
  "$mq9.AI.BROADCAST.pipeline.complete",
  jc.encode({ from: "master", stage: "preprocessing", ok: true }),
);
await all;
console.log(JSON.stringify({ received: received.sort((a, b) => (`${a}` < `${b}` ? -1 : 1)) }));
for (const connection of [...agents, nc]) await connection.close();
