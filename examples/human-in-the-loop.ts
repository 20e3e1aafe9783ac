// echo yes | npx tsx examples/human-in-the-loop.ts
// An agent must not spend money by itself: it asks, and goes on when a person has answered, in seconds
// or in days. The person's side is an ordinary client too, here at a terminal prompt.
import { createInterface } from "node:readline";
import { connect } from "@mq9/sdk";

interface Approval {
  readonly what: string;
  readonly costUsd: number;
}

const agent = await connect();
const approvals = await agent.createMailbox({ ttlSeconds: 86_400 });

/** What the person runs. */
async function human(): Promise<void> {
  const terminal = createInterface({ input: process.stdin });
  const lines = terminal[Symbol.asyncIterator]();
  const mq9 = await connect();
  for await (const message of mq9.mailbox(approvals.name)) {
    const { what, costUsd } = message.json<Approval>();
    console.log(`human: ${what} for $${costUsd}? [yes/no]`);
    const said = await lines.next();
    await message.reply({ approved: said.value?.trim() === "yes" });
    break;
  }
  terminal.close();
  await mq9.close();
}

const request: Approval = { what: "call the external fraud API", costUsd: 50 };
const answering = human();
const answer = await approvals.request(request, { timeoutMs: 86_400_000 });
await answering;
const { approved } = answer.json<{ approved: boolean }>();
console.log(approved ? "agent: calling it" : "agent: looking for another way");
await agent.close();

// human: call the external fraud API for $50? [yes/no]
// agent: calling it
