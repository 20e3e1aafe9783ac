// Cloud to offline edge device: commands wait, urgent ones leave first, QUERY is the safety net.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
let edge = await connect({ servers });
const { mail_id: edgeId, token } = await createMailbox(edge);
await edge.close();

// Cloud: send commands — edge may be offline for hours
const cloud = await connect({ servers });
cloud.publish(
  `$mq9.AI.INBOX.${edgeId}.normal`,
  jc.encode({ command: "update_config", interval: 30 }),
);
cloud.publish(
  `$mq9.AI.INBOX.${edgeId}.urgent`,
  jc.encode({ command: "emergency_stop", reason: "temperature_critical" }),
);
await cloud.drain();

// Edge: on reconnect, subscribe (urgent first) then query fallback
edge = await connect({ servers });
const unread = async () => {
  const resp = await edge.request(`$mq9.AI.MAILBOX.QUERY.${edgeId}`, jc.encode({ token }));
  return jc.decode(resp.data).unread;
};
const before = await unread();
const order = [];
await new Promise((resolve) => {
  const callback = (_error, msg) => {
    order.push([msg.subject.split(".").at(-1), jc.decode(msg.data).command]);
    if (order.length === 2) resolve();
  };
  edge.subscribe(`$mq9.AI.INBOX.${edgeId}.urgent`, { callback });
  edge.subscribe(`$mq9.AI.INBOX.${edgeId}.normal`, { callback });
});
console.log(JSON.stringify({ unread_before: before, order, unread_after: await unread() }));
await edge.close();
