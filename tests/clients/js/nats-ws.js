// What a page on nats.ws does all day. Runs in the browser and reports to the server it came from; the
// settings say where brokers are and who it is there.
import {
  connect,
  credsAuthenticator,
  headers,
  nkeyAuthenticator,
  StringCodec,
} from "./nats-ws-library.js";

const { doors, secrets } = await (await fetch("/settings")).json();
const report = (step, result) =>
  fetch("/report", { method: "POST", body: JSON.stringify({ step, result }) });
const { encode, decode } = StringCodec();
const bytes = (text) => new TextEncoder().encode(text);

async function take(sub, count) {
  const taken = [];
  for await (const msg of sub) {
    taken.push(decode(msg.data));
    if (taken.length === count) break;
  }
  return taken;
}

async function outcome(servers, credentials) {
  try {
    const nc = await connect({ servers, reconnect: false, ...credentials });
    await nc.flush();
    await nc.close();
    return "in";
  } catch (error) {
    return /authorization/i.test(`${error.code} ${error.message}`) ? "refused" : String(error);
  }
}

/** What the connection is told next of something it may not do. */
async function told(nc) {
  for await (const status of nc.status()) {
    const { operation, subject } = status.permissionContext ?? {};
    if (operation !== undefined) return [operation, subject];
  }
}

const scenarios = {
  async request(nc, other) {
    nc.subscribe("open.service", {
      callback: (_, msg) => msg.respond(msg.data, { headers: msg.headers }),
    });
    await nc.flush();
    const sent = headers();
    sent.append("many", "one");
    sent.append("many", "two");
    const body = "x".repeat(1_000_000);
    const answer = await other.request("open.service", encode(body), { headers: sent });
    return [decode(answer.data) === body, answer.headers.values("many")];
  },
  async request_many(nc, other) {
    nc.subscribe("open.many", {
      callback: (_, msg) => {
        for (const answer of ["0", "1", "2"]) msg.respond(encode(answer));
      },
    });
    await nc.flush();
    const options = { strategy: "count", maxMessages: 3, maxWait: 5000 };
    return take(await other.requestMany("open.many", encode(""), options), 3);
  },
  async no_responders(nc) {
    return nc.request("open.nobody", encode(""), { timeout: 5000 }).catch((error) => error.code);
  },
  async queue_group(nc, other) {
    const got = [0, 0];
    const subs = [0, 1].map((member) =>
      nc.subscribe("open.queue", {
        queue: "workers",
        callback: () => {
          got[member] += 1;
        },
      }),
    );
    await nc.flush();
    for (let at = 0; at < 40; at++) other.publish("open.queue", encode("job"));
    await other.flush();
    for (const sub of subs) await sub.drain();
    return [got[0] + got[1], got.every((count) => count > 0)];
  },
  async permission_subscribe(nc) {
    const error = await new Promise((resolve) => {
      nc.subscribe("closed.a", { callback: resolve });
    });
    return [error.code, nc.isClosed()];
  },
  async permission_publish(nc) {
    const next = told(nc);
    nc.publish("closed.b", encode("x"));
    return [await next, nc.isClosed()];
  },
  async drain(nc, other) {
    let received = 0;
    nc.subscribe("open.drain", {
      callback: () => {
        received += 1;
      },
    });
    await nc.flush();
    for (let at = 0; at < 100; at++) other.publish("open.drain", encode("last words"));
    await other.flush();
    await nc.drain();
    return [received, nc.isClosed()];
  },
};

async function day(servers, credentials) {
  const results = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    const [nc, other] = await Promise.all(
      [0, 1].map(() => connect({ servers, reconnect: false, ...credentials })),
    );
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, "timed out"));
    results[name] = await Promise.race([scenario(nc, other), late]).catch(String);
    await Promise.all([nc.close(), other.close()]);
  }
  return results;
}

async function mailbox(servers, credentials) {
  const nc = await connect({ servers, ...credentials });
  const created = await nc.request("$mq9.AI.MAILBOX.CREATE", encode('{"ttl":60}'));
  const { mail_id } = JSON.parse(decode(created.data));
  for (const word of ["first", "second"]) {
    nc.publish(`$mq9.AI.MAILBOX.MSG.${mail_id}`, encode(word));
  }
  await nc.flush();
  const later = nc.subscribe(`$mq9.AI.MAILBOX.MSG.${mail_id}.*`);
  const mail = await take(later, 2);
  await nc.close();
  return mail;
}

/** Waits until the broker went and came back, and says what it noticed. */
async function comeBack(step, servers, credentials) {
  const options = { servers, reconnectTimeWait: 100, maxReconnectAttempts: -1, ...credentials };
  const nc = await connect(options);
  const sub = nc.subscribe("open.back");
  await nc.flush();
  await report(`${step}: ready`);
  const seen = [];
  for await (const status of nc.status()) {
    if (status.type === "ldm") seen.push("lame duck");
    if (status.type === "reconnect") break;
  }
  nc.publish("open.back", encode("still subscribed"));
  seen.push(...(await take(sub, 1)));
  await nc.close();
  await report(step, seen);
}

const alice = { user: "alice", pass: "secret" };
const seed = (text) => ({ authenticator: nkeyAuthenticator(bytes(text)) });
const creds = (text) => ({ authenticator: credsAuthenticator(bytes(text)) });
for (const [name, door] of Object.entries(doors)) {
  await report(name, {
    password: await outcome(door.users, alice),
    wrong: await outcome(door.users, { user: "alice", pass: "public" }),
    nobody: await outcome(door.users, {}),
    nkey: await outcome(door.users, seed(secrets.seed)),
    stranger: await outcome(door.users, seed(secrets.stranger)),
    creds: await outcome(door.operator, creds(secrets.creds)),
    strangerCreds: await outcome(door.operator, creds(secrets.strangerCreds)),
    encrypted: await outcome(door.encrypted, alice),
    day: await day(door.users, alice),
    encryptedDay: await day(door.encrypted, alice),
  });
}
await report("mailbox", await mailbox(doors.ours.users, alice));
await comeBack("killed", doors.ours.users, alice);
await comeBack("lame duck", doors.ours.users, alice);
