# python examples/python/discovery.py
# Registering is making a public mailbox whose description is the agent's A2A card. $SYSTEM.PUBLIC tells
# whoever subscribes: those that registered before, and then live. No HTTP server, no registry.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

CARD = {
    "name": "DataAnalysisAgent",
    "url": "https://agent-b.internal",
    "version": "1.0.0",
    "skills": [{"id": "analyze", "name": "Analyze Data"}],
}

async def ask(nc, subject, body):
    reply = json.loads((await nc.request(f"$mq9.AI.{subject}", json.dumps(body).encode())).data)
    if reply.get("error"):
        raise RuntimeError(reply["error"])
    return reply

async def main():
    agent = await nats.connect(URL)
    await ask(agent, "MAILBOX.CREATE", {
        "ttl": 86400, "public": True, "name": "data-analysis-agent", "desc": json.dumps(CARD),
    })
    print("Agent registered, mq9 address: data-analysis-agent")

    # Another agent, later: it learns the address from the directory and sends a task to it.
    other = await nats.connect(URL)
    directory = await other.subscribe("$mq9.AI.MAILBOX.MSG.$SYSTEM.PUBLIC.*")
    entry = {}
    while not entry.get("desc", "").startswith("{"):  # not every public mailbox is an agent's
        entry = json.loads((await directory.next_msg()).data)
    card = json.loads(entry["desc"])
    print(f"Discovered agent: {card['name']}")
    print(f"  mq9 address: {entry['mail_id']}")
    print(f"  Skills: {[skill['name'] for skill in card['skills']]}")
    print(f"  HTTP address: {card['url']}")
    await ask(other, f"MAILBOX.MSG.{entry['mail_id']}", {"task_id": "task-007"})

    tasks = await agent.subscribe("$mq9.AI.MAILBOX.MSG.data-analysis-agent.*")
    print(f"Received {json.loads((await tasks.next_msg()).data)['task_id']}")
    await ask(agent, "MAILBOX.DROP.data-analysis-agent", {})
    await other.close()
    await agent.close()

asyncio.run(main())

# Agent registered, mq9 address: data-analysis-agent
# Discovered agent: DataAnalysisAgent
#   mq9 address: data-analysis-agent
#   Skills: ['Analyze Data']
#   HTTP address: https://agent-b.internal
# Received task-007
