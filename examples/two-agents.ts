// npx tsx examples/two-agents.ts
// Agent A sends A2A tasks to agent B, which is not running, and goes on with other work. B starts later,
// does the urgent one first, and sends its results to A's mailbox.
import { connect } from "@mq9/sdk";

interface Task {
  readonly task_id: string;
  readonly type: string;
  readonly reply_to: string;
}

async function agentA(): Promise<string> {
  const client = await connect();
  const inbox = { name: "agent-b-inbox", public: true, desc: "Agent B task queue" };
  await client.createMailbox({ ...inbox, ttlSeconds: 86_400 });
  const { name: resultMailbox } = await client.createMailbox({ ttlSeconds: 3600 });
  const routine: Task = { task_id: "task-001", type: "report", reply_to: resultMailbox };
  const urgent: Task = { task_id: "task-002", type: "incident", reply_to: resultMailbox };
  await client.send("agent-b-inbox", routine);
  await client.send("agent-b-inbox", urgent, { priority: "critical" });
  console.log("Agent A: tasks sent, continuing with other work");
  await client.close();
  return resultMailbox;
}

async function agentB(): Promise<void> {
  const client = await connect();
  let left = 2;
  for await (const msg of client.mailbox("agent-b-inbox")) {
    const task = JSON.parse(new TextDecoder().decode(msg.data)) as Task; // or msg.json<Task>()
    console.log(`Agent B: received ${task.task_id} (${msg.priority})`);
    await client.send(task.reply_to, { task_id: task.task_id, result: `${task.type} done` });
    left -= 1;
    if (left === 0) break;
  }
  await client.close();
}

async function collect(resultMailbox: string): Promise<void> {
  const client = await connect();
  for (const msg of await client.mailbox(resultMailbox).fetch({ from: "earliest" })) {
    const { task_id, result } = msg.json<{ task_id: string; result: string }>();
    console.log(`Agent A: ${task_id}: ${result}`);
  }
  await client.mailbox("agent-b-inbox").drop(); // this is all there is
  await client.close();
}

const resultMailbox = await agentA();
await agentB();
await collect(resultMailbox);

// Agent A: tasks sent, continuing with other work
// Agent B: received task-002 (critical)
// Agent B: received task-001 (normal)
// Agent A: task-002: incident done
// Agent A: task-001: report done
