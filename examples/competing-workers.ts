// npx tsx examples/competing-workers.ts
// Workers are processes of their own that share a mailbox: each task goes to one of them. The first is
// killed in the middle of a task; its lease ends with its connection, and the other does the task again.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { connect } from "@mq9/sdk";

const [role, tasksId = "", resultsId = ""] = process.argv.slice(2);

async function work(name: string): Promise<void> {
  const mq9 = await connect();
  mq9.mailbox(tasksId).consume(
    async (message) => {
      if (name === "fragile" && message.text() === "task 3") process.kill(process.pid, "SIGKILL");
      await mq9.send(resultsId, `${message.text()}: ${name} worker`);
      await message.ack(); // on disk before the next begins; without it soon after
    },
    { group: "workers" },
  );
}

async function lead(): Promise<void> {
  const mq9 = await connect();
  const tasks = await mq9.createMailbox({ ttlSeconds: 3600 });
  const results = await mq9.createMailbox({ ttlSeconds: 3600 });
  for (let number = 1; number <= 4; number += 1) await tasks.send(`task ${number}`);

  const start = (name: string) =>
    fork(fileURLToPath(import.meta.url), [name, tasks.name, results.name]);
  const fragile = start("fragile");
  await new Promise((resolve) => fragile.once("exit", resolve));
  console.log("lead: a worker was killed");
  const sturdy = start("sturdy");

  let left = 4;
  for await (const result of results) {
    console.log(result.text());
    left -= 1;
    if (left === 0) break;
  }
  sturdy.kill();
  await mq9.close();
}

await (role === undefined ? lead() : work(role));

// lead: a worker was killed
// task 1: fragile worker
// task 2: fragile worker
// task 3: sturdy worker
// task 4: sturdy worker
