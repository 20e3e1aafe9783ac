# The 30-second demo, word for word but for the server's address.
import asyncio, json
import sys
import nats

async def main():
    nc = await nats.connect(sys.argv[1])

    # Agent A creates a mailbox
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    agent_a = json.loads(resp.data)
    print(f"Agent A mailbox: {agent_a['mail_id']}")

    # Agent B creates a mailbox
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    agent_b = json.loads(resp.data)
    print(f"Agent B mailbox: {agent_b['mail_id']}")

    received = asyncio.Event()

    # Agent B subscribes to its inbox
    async def on_message(msg):
        data = json.loads(msg.data)
        print(f"Agent B received: {data['payload']}")
        # Reply to Agent A
        if data.get("reply_to"):
            await nc.publish(data["reply_to"],
                json.dumps({"from": agent_b["mail_id"],
                            "type": "result",
                            "correlation_id": data["correlation_id"],
                            "payload": "task complete"}).encode())
        received.set()

    await nc.subscribe(f"$mq9.AI.INBOX.{agent_b['mail_id']}.*", cb=on_message)

    # Agent A sends a task to Agent B
    await nc.publish(f"$mq9.AI.INBOX.{agent_b['mail_id']}.normal",
        json.dumps({"from": agent_a["mail_id"],
                    "type": "task",
                    "correlation_id": "demo-001",
                    "reply_to": f"$mq9.AI.INBOX.{agent_a['mail_id']}.normal",
                    "payload": "analyze this"}).encode())
    print("Agent A sent task")

    await received.wait()
    await nc.close()

asyncio.run(main())
