// Point to point: a task goes to a known mail_id, the answer comes back to the sender's.
import { connect, JSONCodec, servers } from "./client.mjs";

const nc = await connect({ servers });
const jc = JSONCodec();
const resp = await nc.request("$mq9.AI.MAILBOX.CREATE", jc.encode({ type: "standard", ttl: 3600 }));
const { mail_id } = jc.decode(resp.data);
const target = jc.decode(
  (await nc.request("$mq9.AI.MAILBOX.CREATE", jc.encode({ type: "standard", ttl: 3600 }))).data,
).mail_id;

await nc.publish(
  `$mq9.AI.INBOX.${target}.normal`,
  jc.encode({
    from: mail_id,
    type: "task",
    correlation_id: "req-001",
    reply_to: `$mq9.AI.INBOX.${mail_id}.normal`,
    payload: { data: "..." },
  }),
);

const tasks = [];
for await (const msg of nc.subscribe(`$mq9.AI.INBOX.${target}.*`)) {
  const data = jc.decode(msg.data);
  tasks.push([data.from === mail_id, data.correlation_id, data.payload]);
  await nc.publish(
    data.reply_to,
    jc.encode({
      from: target,
      type: "result",
      correlation_id: data.correlation_id,
      payload: { status: "done" },
    }),
  );
  break;
}

let answer;
for await (const msg of nc.subscribe(`$mq9.AI.INBOX.${mail_id}.*`)) {
  const data = jc.decode(msg.data);
  answer = [data.from === target, data.correlation_id, data.payload];
  break;
}
console.log(JSON.stringify({ tasks, answer }));
await nc.close();
