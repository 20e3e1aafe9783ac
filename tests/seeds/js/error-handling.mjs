// The guide's error table: what a client sees when something is wrong.
import { connect, createMailbox, JSONCodec, servers } from "./client.mjs";

const jc = JSONCodec();
const nc = await connect({ servers });
const problems = [];
void (async () => {
  for await (const status of nc.status()) {
    if (status.type === "error") problems.push(String(status.data ?? status.error));
  }
})();
const query = async (id, token) =>
  jc.decode((await nc.request(`$mq9.AI.MAILBOX.QUERY.${id}`, jc.encode({ token }))).data);

// MAILBOX.CREATE fails
const create = await createMailbox(nc, { type: "standard", ttl: "soon" });

// MAILBOX.QUERY with wrong token
const mailbox = await createMailbox(nc);
const wrong = await query(mailbox.mail_id, "tok-wrong");
const right = await query(mailbox.mail_id, mailbox.token);

// TTL expires before Agent reconnects: mailbox and all messages deleted
const short = await createMailbox(nc, { type: "standard", ttl: 1 });
nc.publish(`$mq9.AI.INBOX.${short.mail_id}.normal`, jc.encode({}));
let gone = await query(short.mail_id, short.token);
for (let i = 0; i < 100 && !gone.error; i += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  gone = await query(short.mail_id, short.token);
}

// Send to expired mail_id: message dropped silently
const late = [];
const sub = nc.subscribe(`$mq9.AI.INBOX.${short.mail_id}.*`, {
  callback: (_error, msg) => late.push(msg),
});
nc.publish(`$mq9.AI.INBOX.${short.mail_id}.normal`, jc.encode({}));
await nc.flush();
await sub.drain();

// Message exceeds size limit
let oversize = "accepted";
try {
  nc.publish(`$mq9.AI.INBOX.${mailbox.mail_id}.normal`, new Uint8Array(nc.info.max_payload + 1));
} catch {
  oversize = "rejected";
}

console.log(
  JSON.stringify({
    create: Boolean(create.error),
    wrong_token: Boolean(wrong.error),
    right_token: right.unread,
    expired: Boolean(gone.error),
    sent_to_expired: late.length,
    oversize,
    connected: !nc.isClosed(),
    problems,
  }),
);
await nc.close();
