// What a program on a plain JavaScript client does all day, one result for each scenario. The
// second argument names the library; a third, `reconnect`, waits for the broker to go and come back.
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

await (mode === "reconnect" ? reconnect() : all());
