// Status tracking: a mailbox of type latest holds the newest state; one subscription sees all.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const nc = await connect({ servers });
const jc = JSONCodec();
const worker = `worker-${crypto.randomUUID()}`;

// Worker: latest-type mailbox, state updates overwrite previous
const { mail_id: statusId } = await createMailbox(nc, { type: "latest", ttl: 7200 });
const report = (status, load) =>
  nc.publish(`$mq9.AI.INBOX.${statusId}.normal`, jc.encode({ from: worker, status, load }));
report("starting", 0.1);
report("processing", 0.7);
await nc.flush();

// Orchestrator: one subscription covers all workers
const seen = [];
for await (const msg of nc.subscribe("$mq9.AI.INBOX.m-status-*.normal")) {
  const state = jc.decode(msg.data);
  if (state.from !== worker) continue;
  seen.push([state.status, state.load]);
  if (seen.length === 2) break;
  report("idle", 0);
}
console.log(JSON.stringify({ prefix: statusId.slice(0, 9), seen, more: 0 }));
await nc.close();
