// One program of the soak: a producer, a consumer, a replier or an asker, written as anybody would write
// it with the SDK. What it does and what it is told goes line by line into its history, before and after.
// Started by run.mjs; may be killed at any moment and started again.
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { connect, Mq9Error, Reject, RemoteError } from "@mq9/sdk";
import { pause, randomFrom } from "./random.mjs";

const [role, name, url, file, seed] = process.argv.slice(2);
const life = randomUUID();
const random = randomFrom(Number(seed));
const history = fs.openSync(file, "a");
let stopping = false;

/** On disk with the system when it returns: a killed process has told what it did. */
function note(what, fields) {
  fs.writeSync(history, `${JSON.stringify({ at: Date.now(), what, name, life, ...fields })}\n`);
}

function codeOf(error) {
  return error instanceof Mq9Error ? error.code : String(error);
}

const mq9 = await connectAtLast();
process.on("SIGTERM", () => {
  stopping = true;
});
process.on("unhandledRejection", (error) => {
  note("defect", { error: error?.stack ?? String(error) });
  process.exit(70);
});

const [kind] = role.split(":");
await { producer: produce, consumer: consume, replier: answer, asker: ask }[kind]();
note("ended", {});
await mq9.close();
process.exit(0);

async function connectAtLast() {
  for (;;) {
    try {
      const isAgent = role.startsWith("asker") && role.endsWith("agent");
      return await connect({ url, name, timeoutMs: 3_000, ...(isAgent ? { agent: name } : {}) });
    } catch {
      await pause(200);
    }
  }
}

async function produce() {
  const box = mq9.mailbox("soak.jobs");
  const priorities = ["critical", "urgent", "normal", "low"];
  const send = async () => {
    const id = randomUUID();
    const priority = priorities[Math.floor(random() * priorities.length)];
    // Half bring an id of their own, half use the one that the error tells.
    let dedupId = random() < 0.5 ? id : undefined;
    note("send", { id });
    for (let tries = 0; ; tries += 1) {
      try {
        const { msgId, duplicate = false } = await box.send({ id }, { priority, dedupId });
        note("sent", { id, msgId, duplicate, tries });
        return;
      } catch (error) {
        const code = codeOf(error);
        note("failed", { id, code });
        if (code === "outcome_unknown") dedupId ??= error.dedupId;
        if (stopping || random() < 0.3) return; // given up: it may be there, or, where the code says so, not
        await pause(100);
      }
    }
  };
  const loop = async () => {
    while (!stopping) {
      await send();
      await pause(random() * 60);
    }
  };
  await Promise.all([loop(), loop(), loop()]);
}

async function consume() {
  const [, group] = role.split(":");
  const consumer = mq9.mailbox("soak.jobs").consume(
    async (message, { signal }) => {
      const { id } = message.json();
      const { msgId, deliveryCount } = message;
      note("begin", { group, id, msgId, deliveryCount });
      const chance = random();
      // Some work longer than their lease is.
      await pause(chance < 0.01 ? 2_500 : random() * 15);
      if (chance > 0.97) {
        note("threw", { group, id, msgId });
        throw new Error("deliberate");
      }
      if (chance > 0.96) {
        note("rejected", { group, id, msgId });
        throw new Reject("deliberate");
      }
      note("handled", { group, id, msgId, aborted: signal.aborted });
    },
    {
      group,
      concurrency: 8,
      leaseMs: 1_500,
      retries: { max: 900, backoffMs: () => 20 },
      onError: () => {},
    },
  );
  await untilStopped(consumer);
}

async function answer() {
  const replier = mq9.mailbox("soak.questions").reply(
    async (message) => {
      const { id } = message.json();
      const { msgId, deliveryCount } = message;
      note("asked", { id, msgId, deliveryCount });
      await pause(random() < 0.05 ? 800 : random() * 10);
      if (id.startsWith("bad-")) throw new Reject("deliberate");
      return { echo: id };
    },
    { group: "repliers", concurrency: 8, leaseMs: 1_500, onError: () => {} },
  );
  await untilStopped(replier);
}

async function untilStopped(consumer) {
  consumer.done.catch((error) => note("gave-up", { code: codeOf(error), text: String(error) }));
  while (!stopping) {
    await pause(50);
    const over = await Promise.race([
      consumer.done.then(
        () => true,
        () => true,
      ),
      pause(1),
    ]);
    if (over) return;
  }
  await consumer.stop().catch(() => {});
  note("stats", consumer.stats);
}

async function ask() {
  const box = mq9.mailbox("soak.questions");
  const one = async (id) => {
    const beganAt = Date.now();
    try {
      const message = await box.request(
        { id },
        { requestId: id, timeoutMs: 1_000 + random() * 4_000 },
      );
      note("answered", { id, echo: message.value?.echo });
      return true;
    } catch (error) {
      if (error instanceof RemoteError) {
        note("answered", { id, refused: error.remoteCode });
        return true;
      }
      note("unanswered", {
        id,
        code: codeOf(error),
        msgId: error?.msgId,
        text: String(error),
        ms: Date.now() - beganAt,
      });
      await pause(50);
      return false;
    }
  };
  // What an earlier life of this program asked and has no answer to.
  const open = openQuestions();
  const loop = async () => {
    for (;;) {
      let id = open.pop();
      if (id === undefined) {
        if (stopping) return;
        id = `${random() < 0.05 ? "bad-" : ""}${randomUUID()}`;
        note("ask", { id });
      }
      while (!(await one(id)));
      await pause(random() * 60);
    }
  };
  await Promise.all([loop(), loop(), loop()]);
}

function openQuestions() {
  const open = new Set();
  for (const line of fs.readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    const { what, id } = JSON.parse(line);
    if (what === "ask") open.add(id);
    else if (what === "answered") open.delete(id);
  }
  return [...open];
}
