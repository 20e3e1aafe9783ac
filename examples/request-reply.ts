// npx tsx examples/request-reply.ts
// A parent asks three things at once; each answer finds its question, in whatever order they come. The
// child starts later than the questions: they wait in its mailbox.
import { connect } from "@mq9/sdk";

const parent = await connect();
const work = await parent.createMailbox({ ttlSeconds: 3600 });
const answers = [1, 2, 3].map(async (number) => {
  const answer = await work.request({ number }, { timeoutMs: 30_000 });
  return `parent: ${number} doubled is ${answer.json<{ doubled: number }>().doubled}`;
});

const child = await connect();
const replying = child.mailbox(work.name).reply((request) => {
  return { doubled: request.json<{ number: number }>().number * 2 };
});

console.log((await Promise.all(answers)).join("\n"));
await replying.stop();
await child.close();
await parent.close();

// parent: 1 doubled is 2
// parent: 2 doubled is 4
// parent: 3 doubled is 6
