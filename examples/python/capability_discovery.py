# python examples/python/capability_discovery.py
# Agents say what they can do; the orchestrator builds an index and sends work to one that can. CREATE
# stores the announcements of an hour, so that an orchestrator which starts later misses none.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
ANNOUNCEMENTS = "$mq9.AI.BROADCAST.system.capability"

async def create(nc, body):
    reply = await nc.request("$mq9.AI.MAILBOX.CREATE", json.dumps(body).encode())
    return json.loads(reply.data)["mail_id"]

async def main():
    nc = await nats.connect(URL)
    await create(nc, {"subject": ANNOUNCEMENTS, "ttl": 3600})

    inboxes = {}
    for name, capabilities in [
        ("analyst", ["data.analysis"]),
        ("trainer", ["data.analysis", "ml.training"]),
    ]:
        agent_id = await create(nc, {"type": "standard", "ttl": 3600})
        inboxes[name] = await nc.subscribe(f"$mq9.AI.INBOX.{agent_id}.*")
        announcement = {
            "from": name,
            "capabilities": capabilities,
            "reply_to": f"$mq9.AI.INBOX.{agent_id}.normal",
        }
        await nc.request(ANNOUNCEMENTS, json.dumps(announcement).encode())

    # The orchestrator comes last.
    orchestrator = await nats.connect(URL)
    index = {}
    heard = await orchestrator.subscribe(ANNOUNCEMENTS)
    for _ in inboxes:
        agent = json.loads((await heard.next_msg()).data)
        for capability in agent["capabilities"]:
            index.setdefault(capability, {})[agent["from"]] = agent["reply_to"]
    for capability, agents in index.items():
        print(f"{capability}: {', '.join(agents)}")

    for name, reply_to in index["ml.training"].items():
        await orchestrator.request(reply_to, b'{"task":"train"}')
        task = json.loads((await inboxes[name].next_msg()).data)
        print(f"{name}: got {task['task']}")
    await orchestrator.request("$mq9.AI.MAILBOX.DROP.BROADCAST.system.capability", b"")
    await orchestrator.close()
    await nc.close()

asyncio.run(main())

# data.analysis: analyst, trainer
# ml.training: trainer
# trainer: got train
