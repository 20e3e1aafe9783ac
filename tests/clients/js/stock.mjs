// What a program on a plain JavaScript client does all day, one result for each scenario. The
// second argument names the library; a third, `reconnect` or `lame_duck`, waits for the broker to go
// and come back, without or with a word.
const [, , servers, library, mode] = process.argv;
const { connect, headers: createHeaders } = await import(library);
const text = new TextDecoder();

const isNoResponders = (error) =>
  error.code === "503" || error.isNoResponders?.() === true || error.name === "NoRespondersError";

async function take(sub, count) {
  const taken = [];
  for await (const msg of sub) {
    taken.push(msg);
    if (taken.length === count) break;
  }
  return taken;
}

const scenarios = {
  async publish_subscribe(nc, other) {
    const sub = nc.subscribe("stock.js.plain.*");
    await nc.flush();
    for (const word of ["one", "two", "three"]) other.publish(`stock.js.plain.${word}`, word);
    return (await take(sub, 3)).map((msg) => text.decode(msg.data));
  },

  async request_reply(nc, other) {
    nc.subscribe("stock.js.service", {
      callback: (_error, msg) => msg.respond(`answer to ${text.decode(msg.data)}`),
    });
    await nc.flush();
    return text.decode((await other.request("stock.js.service", "question")).data);
  },

  async queue_group(nc, other) {
    const got = [0, 0];
    const subs = [0, 1].map((member) =>
      nc.subscribe("stock.js.queue", {
        queue: "workers",
        callback: () => {
          got[member] += 1;
        },
      }),
    );
    await nc.flush();
    for (let i = 0; i < 40; i += 1) other.publish("stock.js.queue", "job");
    await other.flush();
    for (const sub of subs) await sub.drain();
    return { total: got[0] + got[1], members: got.filter((count) => count > 0).length };
  },

  async headers(nc, other) {
    const sub = nc.subscribe("stock.js.headers");
    await nc.flush();
    const headers = createHeaders();
    headers.set("key", "value");
    headers.set("Other-Key", "with: colon");
    other.publish("stock.js.headers", "body", { headers });
    const [msg] = await take(sub, 1);
    return [msg.headers.get("key"), msg.headers.get("Other-Key"), text.decode(msg.data)];
  },

  async request_many(nc, other) {
    nc.subscribe("stock.js.many", {
      callback: (_error, msg) => {
        for (const answer of ["0", "1", "2"]) msg.respond(answer);
      },
    });
    await nc.flush();
    const options = { strategy: "count", maxMessages: 3, maxWait: 5000 };
    return (await take(await other.requestMany("stock.js.many", "", options), 3)).map((msg) =>
      text.decode(msg.data),
    );
  },

  async drain(_nc, other) {
    const leaving = await connect({ servers });
    let received = 0;
    leaving.subscribe("stock.js.drain", {
      callback: () => {
        received += 1;
      },
    });
    await leaving.flush();
    for (let i = 0; i < 100; i += 1) other.publish("stock.js.drain", "last words");
    await other.flush();
    await leaving.drain();
    return { received, closed: leaving.isClosed() };
  },

  async no_responders(nc) {
    try {
      await nc.request("stock.js.nobody", "", { timeout: 5000 });
    } catch (error) {
      return isNoResponders(error);
    }
    return "answered";
  },

  async large_payload(nc, other) {
    const payload = new Uint8Array(nc.info.max_payload).map((_, index) => index);
    const sub = nc.subscribe("stock.js.large");
    await nc.flush();
    other.publish("stock.js.large", payload);
    const [msg] = await take(sub, 1);
    return { size: msg.data.length, intact: Buffer.from(msg.data).equals(payload) };
  },

  async max_payload(nc) {
    try {
      nc.publish("stock.js.large", new Uint8Array(nc.info.max_payload + 1));
    } catch {
      await nc.flush();
      return { refused: true, connected: !nc.isClosed() };
    }
    return "accepted";
  },

  async wildcards(nc, other) {
    const got = [0, 0];
    nc.subscribe("stock.js.wild.*.x", {
      callback: () => {
        got[0] += 1;
      },
    });
    nc.subscribe("stock.js.wild.>", {
      callback: () => {
        got[1] += 1;
      },
    });
    await nc.flush();
    for (const rest of ["a.x", "a.y", "b", "a.b.x"]) other.publish(`stock.js.wild.${rest}`);
    await other.flush();
    await nc.flush();
    return got;
  },

  async header_values(nc, other) {
    const sub = nc.subscribe("stock.js.values");
    await nc.flush();
    const headers = createHeaders();
    for (const value of ["one", "two", "two"]) headers.append("Many", value);
    headers.set("Unicode", "grüße ✓");
    headers.set("Odd", 'a:b;c="d",');
    other.publish("stock.js.values", "", { headers });
    const [msg] = await take(sub, 1);
    const { headers: read } = msg;
    return [read.values("Many"), read.get("Unicode"), read.get("Odd")];
  },

  async unicode_subject(nc, other) {
    const sub = nc.subscribe("stock.js.grüße.*");
    await nc.flush();
    other.publish("stock.js.grüße.📬", "✓");
    const [msg] = await take(sub, 1);
    return [msg.subject.replace("stock.js.", ""), text.decode(msg.data)];
  },

  async auto_unsubscribe(nc, other) {
    let received = 0;
    const sub = nc.subscribe("stock.js.auto", {
      max: 3,
      callback: () => {
        received += 1;
      },
    });
    await nc.flush();
    for (let i = 0; i < 5; i += 1) other.publish("stock.js.auto");
    await other.flush();
    await nc.flush();
    return { received, ended: sub.isClosed() };
  },

  async drain_subscription(nc, other) {
    let received = 0;
    const sub = nc.subscribe("stock.js.drain.one", {
      callback: () => {
        received += 1;
      },
    });
    await nc.flush();
    for (let i = 0; i < 50; i += 1) other.publish("stock.js.drain.one");
    await other.flush();
    await sub.drain();
    other.publish("stock.js.drain.one");
    await other.flush();
    await nc.flush();
    return { received, ended: sub.isClosed(), connected: !nc.isClosed() };
  },

  async round_trip(nc) {
    const before = nc.stats().outMsgs;
    nc.publish("stock.js.stats", "x");
    await nc.flush();
    return { measured: (await nc.rtt()) >= 0, counted: nc.stats().outMsgs - before };
  },

  async slow_reader(nc, other) {
    if (library === "nats") return "has no such event";
    const told = new Promise((resolve) => {
      void (async () => {
        for await (const status of nc.status()) if (/slow/i.test(status.type)) resolve(true);
      })();
    });
    const sub = nc.subscribe("stock.js.slow", { slow: 10 });
    await nc.flush();
    for (let i = 0; i < 100; i += 1) other.publish("stock.js.slow");
    await other.flush();
    await nc.flush();
    // It is told when the reader takes the first one at the latest.
    await take(sub, 1);
    return { told: await told, connected: !nc.isClosed() };
  },

  async permission_publish(nc) {
    const told = new Promise((resolve) => {
      void (async () => {
        for await (const status of nc.status()) {
          const { operation, subject } = status.permissionContext ?? status.error ?? {};
          if (operation !== undefined) resolve({ operation, subject });
        }
      })();
    });
    nc.publish("_GR_.reserved", "x");
    await nc.flush();
    return { ...(await told), connected: !nc.isClosed() };
  },

  async mailbox(nc, other) {
    const created = await nc.request("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', { timeout: 5000 });
    const { mail_id } = JSON.parse(text.decode(created.data));
    for (const word of ["first", "second"]) nc.publish(`$mq9.AI.MAILBOX.MSG.${mail_id}`, word);
    await nc.flush();
    const later = other.subscribe(`$mq9.AI.MAILBOX.MSG.${mail_id}.*`);
    return (await take(later, 2)).map((msg) => text.decode(msg.data));
  },

  async permission(nc) {
    const message = await new Promise((resolve) => {
      nc.subscribe("$mq9.AI.MAILBOX.MSG.*", { callback: (error) => resolve(error.message) });
    });
    await nc.flush();
    const expected = 'permissions violation for subscription to "$mq9.ai.mailbox.msg.*"';
    return { refused: message.toLowerCase().includes(expected), connected: !nc.isClosed() };
  },
};

async function reconnect() {
  const nc = await connect({ servers, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  const sub = nc.subscribe("stock.js.reconnect");
  await nc.flush();
  console.log("ready");
  for await (const status of nc.status()) {
    if (status.type === "reconnect") break;
  }
  await nc.flush();
  nc.publish("stock.js.reconnect", "still subscribed");
  const [msg] = await take(sub, 1);
  console.log(JSON.stringify(text.decode(msg.data)));
  await nc.close();
}

async function lameDuck() {
  const nc = await connect({ servers, reconnectTimeWait: 100, maxReconnectAttempts: -1 });
  const sub = nc.subscribe("stock.js.lame");
  await nc.flush();
  const seen = [];
  console.log("ready");
  for await (const status of nc.status()) {
    if (status.type === "ldm") seen.push("lame duck");
    if (status.type === "reconnect") break;
  }
  nc.publish("stock.js.lame", "subscribed again");
  const [msg] = await take(sub, 1);
  console.log(JSON.stringify([...new Set(seen), text.decode(msg.data)]));
  await nc.close();
}

async function all() {
  const results = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    const nc = await connect({ servers });
    const other = await connect({ servers });
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, "timed out").unref());
    try {
      results[name] = await Promise.race([scenario(nc, other), late]);
    } catch (error) {
      results[name] = String(error);
    }
    await nc.close();
    await other.close();
  }
  console.log(JSON.stringify(results));
}

const modes = { reconnect, lame_duck: lameDuck };
await (modes[mode] ?? all)();
