// npx tsx examples/request-survives.ts
// Both sides of a request die: the parent after it asked, the child in the middle of its work. Started
// again, the parent asks under the same request id: nothing is done twice, and the answer is there.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, type Mailbox } from "@mq9/sdk";

const [role, workId = "", answersId = ""] = process.argv.slice(2);
const question = { report: "third quarter" };

async function ask(work: Mailbox): Promise<string> {
  const requestId = "report-q3"; // from the parent's own state: the same after a restart
  const answer = await work.request(question, { requestId, replyTo: answersId, timeoutMs: 30_000 });
  return answer.text();
}

async function child(): Promise<void> {
  const mq9 = await connect();
  mq9.mailbox(workId).reply((request) => {
    if (request.deliveryCount === 1) process.kill(process.pid, "SIGKILL");
    return `done at attempt ${request.deliveryCount}`;
  });
}

async function demo(): Promise<void> {
  const mq9 = await connect();
  const work = await mq9.createMailbox({ ttlSeconds: 3600 });
  const answers = await mq9.createMailbox({ ttlSeconds: 3600 });
  const start = (name: string) =>
    fork(fileURLToPath(import.meta.url), [name, work.name, answers.name]);

  const parent = start("parent");
  for await (const _ of work) break; // the question is stored
  parent.kill("SIGKILL");
  console.log("the parent was killed after it asked");
  await once(start("child"), "exit");
  console.log("the child was killed in the middle of its work");

  const second = start("child");
  const again = start("parent");
  console.log(`the parent asks again: ${String((await once(again, "message"))[0])}`);
  console.log(`questions stored in all: ${(await work.info()).nextId}`);
  second.kill();
  again.kill();
  await mq9.close();
}

if (role === undefined) await demo();
else if (role === "child") await child();
else await connect().then(async (mq9) => process.send?.(await ask(mq9.mailbox(workId))));

// the parent was killed after it asked
// the child was killed in the middle of its work
// the parent asks again: done at attempt 2
// questions stored in all: 1
