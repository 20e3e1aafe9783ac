// Request-reply: a child agent reports results to its parent, matched by correlation_id.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const parent = await connect({ servers });
const worker = await connect({ servers });
const { mail_id: parentId } = await createMailbox(parent);
const { mail_id: workerId } = await createMailbox(worker);

// Parent sends tasks
for (const number of [1, 2, 3]) {
  await parent.publish(
    `$mq9.AI.INBOX.${workerId}.normal`,
    jc.encode({
      from: parentId,
      type: "work",
      correlation_id: `job-00${number}`,
      reply_to: `$mq9.AI.INBOX.${parentId}.normal`,
      payload: { data: [number, number] },
    }),
  );
}

// The child answers the last job first
const jobs = [];
for await (const msg of worker.subscribe(`$mq9.AI.INBOX.${workerId}.*`)) {
  jobs.push(jc.decode(msg.data));
  if (jobs.length === 3) break;
}
for (const job of jobs.reverse()) {
  const [a, b] = job.payload.data;
  await worker.publish(
    job.reply_to,
    jc.encode({ from: workerId, correlation_id: job.correlation_id, payload: a + b }),
  );
}

// Parent collects results
const results = {};
for await (const msg of parent.subscribe(`$mq9.AI.INBOX.${parentId}.*`)) {
  const d = jc.decode(msg.data);
  results[d.correlation_id] = d.payload;
  if (Object.keys(results).length === 3) break;
}
console.log(JSON.stringify({ results, order: Object.keys(results) }));
await parent.close();
await worker.close();
