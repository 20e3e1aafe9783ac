// Competing workers: a broadcast task goes to exactly one member of the queue group.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const nc = await connect({ servers });
const { mail_id: masterId } = await createMailbox(nc);

async function process(task) {
  return task.task_id.length > 0 ? "done" : "empty";
}

// Workers subscribe with shared queue group — each task goes to exactly one worker
async function work(nc, workerId) {
  const sub = nc.subscribe("$mq9.AI.BROADCAST.task.available", { queue: "task-workers" });
  await nc.flush();
  const loop = async () => {
    for await (const msg of sub) {
      const task = jc.decode(msg.data);
      const result = await process(task);
      await nc.publish(
        `$mq9.AI.INBOX.${masterId}.normal`,
        jc.encode({ from: workerId, task_id: task.task_id, result }),
      );
    }
  };
  return loop();
}
const workers = await Promise.all([1, 2, 3].map(() => connect({ servers })));
const loops = workers.map((worker, index) => work(worker, `worker-${index}`));
for (const worker of workers) await worker.flush();

const tasks = 9;
const results = [];
const sub = nc.subscribe(`$mq9.AI.INBOX.${masterId}.*`);
// Master broadcasts tasks
for (let number = 0; number < tasks; number += 1) {
  await nc.publish(
    "$mq9.AI.BROADCAST.task.available",
    jc.encode({ from: masterId, task_id: `t-00${number}`, data: {} }),
  );
}
for await (const msg of sub) {
  results.push(jc.decode(msg.data).task_id);
  if (new Set(results).size < tasks) continue;
  // Every worker has said all it has to say; whatever is still on its way comes before the end.
  for (const worker of workers) await worker.flush();
  sub.drain();
}
console.log(JSON.stringify({ results: results.length, distinct: new Set(results).size }));
for (const worker of workers) await worker.close();
await Promise.all(loops);
await nc.close();
