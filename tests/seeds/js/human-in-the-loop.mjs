// Human-in-the-loop approval: the human's client speaks the same protocol as the agent.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const nc = await connect({ servers });
const { mail_id: agentMailID } = await createMailbox(nc);
const { mail_id: humanMailID } = await createMailbox(nc);
const showApprovalUI = async (req) => req.content.includes("$50");

// Agent sends approval request
await nc.publish(
  `$mq9.AI.INBOX.${humanMailID}.urgent`,
  jc.encode({
    from: agentMailID,
    type: "approval_request",
    correlation_id: "approval-001",
    content: "Call external fraud API — estimated cost $50",
    reply_to: `$mq9.AI.INBOX.${agentMailID}.normal`,
  }),
);

// Human's client — same protocol, no special tooling
let asked;
for await (const msg of nc.subscribe(`$mq9.AI.INBOX.${humanMailID}.*`)) {
  const req = jc.decode(msg.data);
  const approved = await showApprovalUI(req);
  await nc.publish(
    req.reply_to,
    jc.encode({
      from: humanMailID,
      type: "approval_response",
      correlation_id: req.correlation_id,
      approved,
    }),
  );
  asked = [req.type, req.content];
  break;
}

let answered;
for await (const msg of nc.subscribe(`$mq9.AI.INBOX.${agentMailID}.*`)) {
  const res = jc.decode(msg.data);
  answered = [res.type, res.correlation_id, res.approved, res.from === humanMailID];
  break;
}
console.log(JSON.stringify({ asked, answered }));
await nc.close();
