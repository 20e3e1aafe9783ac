# Capability registration and discovery over BROADCAST.system.capability.
import asyncio, json, sys
import nats
from barrier import barrier

async def create_mailbox(nc):
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    return json.loads(resp.data)["mail_id"]

async def main():
    nc = await nats.connect(sys.argv[1])

    # Orchestrator builds live index from announcements
    index = {}
    complete = asyncio.Event()

    async def on_announcement(msg):
        reg = json.loads(msg.data)
        for cap in reg["capabilities"]:
            index.setdefault(cap, []).append(reg["from"])
        if len(index.get("data.analysis", [])) == 2:
            complete.set()

    await nc.subscribe("$mq9.AI.BROADCAST.system.capability", cb=on_announcement)
    await barrier(nc)

    # Agents announce capabilities on startup
    agents = [await nats.connect(sys.argv[1]) for _ in range(2)]
    offers = [["data.analysis", "ml.training"], ["data.analysis"]]
    inbox = asyncio.Queue()
    for agent, capabilities in zip(agents, offers):
        agent_id = await create_mailbox(agent)

        async def on_task(msg, agent_id=agent_id):
            await inbox.put((agent_id, json.loads(msg.data)["task"]))

        await agent.subscribe(f"$mq9.AI.INBOX.{agent_id}.*", cb=on_task)
        await agent.publish("$mq9.AI.BROADCAST.system.capability", json.dumps({
            "from": agent_id,
            "capabilities": capabilities,
            "reply_to": f"$mq9.AI.INBOX.{agent_id}.normal"
        }).encode())
    await complete.wait()

    # Dispatch to capable Agent
    for agent_id in index["ml.training"]:
        await nc.publish(f"$mq9.AI.INBOX.{agent_id}.normal", b'{"task":"train"}')
    receiver, task = await inbox.get()
    print(json.dumps({
        "index": {cap: len(ids) for cap, ids in index.items()},
        "task": task,
        "right_agent": [receiver] == index["ml.training"],
    }))
    for connection in [*agents, nc]:
        await connection.close()

asyncio.run(main())
