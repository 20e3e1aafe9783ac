// npx tsx examples/status-tracking.ts
// Each worker has a mailbox that keeps its newest state and no other. One subscription follows all of
// them, and may come later than their states.
import { connect } from "@mq9/sdk";

const mq9 = await connect();
const worker1 = await mq9.createMailbox({ kind: "latest", ttlSeconds: 7200 });
const worker2 = await mq9.createMailbox({ kind: "latest", ttlSeconds: 7200 });
await worker1.send({ worker: 1, status: "starting" });
await worker1.send({ worker: 1, status: "processing" });
await worker2.send({ worker: 2, status: "idle" });

// Mailboxes of kind latest are called m-status-…; a pattern of names is a plain NATS subscription.
const states = mq9.connection.subscribe("$mq9.AI.INBOX.m-status-*.normal", { max: 3 });
const seen: string[] = [];
for await (const message of states) {
  const { worker, status } = message.json<{ worker: number; status: string }>();
  seen.push(`worker ${worker}: ${status}`);
  if (seen.length === 2) {
    console.log(seen.toSorted().join("\n"));
    await worker2.send({ worker: 2, status: "processing" });
  }
}
console.log(`${seen[2]} (live)`);

await worker1.drop(); // the workers are gone for good
await worker2.drop();
await mq9.close();

// worker 1: processing
// worker 2: idle
// worker 2: processing (live)
