# python examples/python/two_agents.py
# Agent A sends A2A tasks to agent B, which is not running, and goes on with other work. B starts later,
# does the urgent one first, and sends its results to A's mailbox.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def ask(nc, subject, body):
    reply = json.loads((await nc.request(f"$mq9.AI.{subject}", json.dumps(body).encode())).data)
    if reply.get("error"):
        raise RuntimeError(reply["error"])
    return reply

async def agent_a():
    nc = await nats.connect(URL)
    await ask(nc, "MAILBOX.CREATE", {"ttl": 86400, "public": True, "name": "agent-b-inbox"})
    result_mailbox = (await ask(nc, "MAILBOX.CREATE", {"ttl": 3600}))["mail_id"]
    routine = {"task_id": "task-001", "type": "report", "reply_to": result_mailbox}
    urgent = {"task_id": "task-002", "type": "incident", "reply_to": result_mailbox}
    await ask(nc, "MAILBOX.MSG.agent-b-inbox", routine)
    await ask(nc, "MAILBOX.MSG.agent-b-inbox.critical", urgent)
    print("Agent A: tasks sent, continuing with other work")
    await nc.close()
    return result_mailbox

async def agent_b():
    nc = await nats.connect(URL)
    tasks = await nc.subscribe("$mq9.AI.MAILBOX.MSG.agent-b-inbox.*")
    for _ in range(2):
        msg = await tasks.next_msg()
        task = json.loads(msg.data)
        print(f"Agent B: received {task['task_id']} ({msg.headers['mq9-priority']})")
        task["result"] = f"{task['type']} done"
        await ask(nc, f"MAILBOX.MSG.{task['reply_to']}", task)
    await nc.close()

async def collect(result_mailbox):
    nc = await nats.connect(URL)
    results = await nc.subscribe(f"$mq9.AI.MAILBOX.MSG.{result_mailbox}.*")
    for _ in range(2):
        result = json.loads((await results.next_msg()).data)
        print(f"Agent A: {result['task_id']}: {result['result']}")
    await ask(nc, "MAILBOX.DROP.agent-b-inbox", {})  # this is all there is
    await nc.close()

async def main():
    mailbox = await agent_a()
    await agent_b()
    await collect(mailbox)

asyncio.run(main())

# Agent A: tasks sent, continuing with other work
# Agent B: received task-002 (critical)
# Agent B: received task-001 (normal)
# Agent A: task-002: incident done
# Agent A: task-001: report done
