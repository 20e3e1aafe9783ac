// npx tsx examples/point-to-point.ts
// A task goes to a known mailbox, whose owner is away; the result comes back to the sender's mailbox.
import { connect } from "@mq9/sdk";

const planner = await connect();
const results = await planner.createMailbox({ ttlSeconds: 3600 });
const { name: analystId } = await planner.createMailbox({ ttlSeconds: 3600 });
await planner.send(analystId, { task: "analyze this" }, { replyTo: results.name });
console.log("planner: task sent, the analyst is away");

// The analyst starts later; its mail is there.
const analyst = await connect();
for await (const message of analyst.mailbox(analystId)) {
  console.log(`analyst: got ${message.json<{ task: string }>().task}`);
  await message.reply({ result: "analyzed" });
  break;
}
await analyst.close();

for await (const message of results) {
  console.log(`planner: got ${message.json<{ result: string }>().result}`);
  break;
}
await planner.close();

// planner: task sent, the analyst is away
// analyst: got analyze this
// planner: got analyzed
