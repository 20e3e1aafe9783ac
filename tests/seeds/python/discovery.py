# The discovery article: register, discover, send. Replaced: the broker's address, and the two
# seconds of waiting by waiting for the agent. `discover` runs before and after `register`.
import asyncio
import json
import sys
from barrier import barrier
from robustmq.mq9 import Client, Priority

BROKER = sys.argv[1]
found = asyncio.Event()

agent_card = {
    "name": "DataAnalysisAgent",
    "url": "https://agent-b.internal",  # HTTP address, optional
    "version": "1.0.0",
    "skills": [
        {
            "id": "analyze",
            "name": "Analyze Data",
            "description": "Analyzes data and returns an insights report"
        }
    ]
}

async def register():
    async with Client(BROKER) as client:
        # public=True: automatically registered to $SYSTEM.PUBLIC
        # name: other agents use this to send messages to you
        # desc: AgentCard JSON, readable by subscribers of $SYSTEM.PUBLIC
        await client.create(
            ttl=86400,
            public=True,
            name="data-analysis-agent",
            desc=json.dumps(agent_card)
        )
        print("Agent registered, mq9 address: data-analysis-agent")

def announcement(msg):
    """mail_id and desc; the published class has neither, there the body says both."""
    if hasattr(msg, "desc"):
        return msg.mail_id, msg.desc
    body = json.loads(msg.payload)
    return body["mail_id"], body["desc"]

async def discover_agents():
    async with Client(BROKER) as client:
        agents = {}

        async def on_agent_registered(msg):
            # mail_id is the agent's mq9 address, use it directly to send messages
            mq9_addr, desc = announcement(msg)
            if mq9_addr != "data-analysis-agent":
                return
            # desc field is the AgentCard JSON
            card = json.loads(desc)
            agents[mq9_addr] = card
            print(f"Discovered agent: {card['name']}")
            print(f"  mq9 address: {mq9_addr}")
            print(f"  Skills: {[s['name'] for s in card['skills']]}")
            if "url" in card:
                print(f"  HTTP address: {card['url']}")
            found.set()

        await client.subscribe("$SYSTEM.PUBLIC", on_agent_registered)
        await client_ready(client)
        await found.wait()
        return agents

async def client_ready(client):
    """Resolves when the subscription has reached the broker."""
    await barrier(getattr(client, "nc", None) or client._nc)
    listening.set()

async def send_task_via_mq9(sender_mail_id: str, target_mail_id: str, task: dict):
    async with Client(BROKER) as client:
        task["reply_to"] = sender_mail_id  # tell the receiver where to send the result
        await client.send(
            target_mail_id,
            json.dumps(task).encode(),
            priority=Priority.NORMAL
        )
        print("Task sent, continuing with other work")

async def main():
    global listening
    listening = asyncio.Event()
    live = asyncio.create_task(discover_agents())
    await listening.wait()
    await register()
    live = await live
    found.clear()
    agents = await discover_agents()  # agents that started before you won't be missed

    async with Client(BROKER) as client:
        sender = await client.create(ttl=60)
        [target] = agents
        await send_task_via_mq9(sender.mail_id, target, {"task_id": "task-007"})
        task = asyncio.get_running_loop().create_future()

        async def on_task(msg):
            task.set_result(json.loads(msg.payload))

        await client.subscribe(target, on_task)
        received = await task
    print(json.dumps({
        "live": live == {"data-analysis-agent": agent_card},
        "replayed": agents == {"data-analysis-agent": agent_card},
        "task": [received["task_id"], received["reply_to"] == sender.mail_id],
    }))

asyncio.run(main())
