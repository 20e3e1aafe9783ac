# The guide's core operations in one program: create, send, subscribe, broadcast, query.
# Printed differently only where it can not run: `Client().connect()` returns nothing.
import asyncio, json, sys
from nats.aio.client import Client
from barrier import barrier

async def main():
    nc = Client()
    await nc.connect(sys.argv[1])
    resp = await nc.request(
        "$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode()
    )
    mailbox = json.loads(resp.data)
    mail_id = mailbox["mail_id"]
    token = mailbox["token"]

    resp = await nc.request(
        "$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode()
    )
    target_mail_id = json.loads(resp.data)["mail_id"]

    # Broadcast: other agents subscribe
    heard = asyncio.Queue()

    async def handler(msg):
        await heard.put(json.loads(msg.data))

    await nc.subscribe("$mq9.AI.BROADCAST.pipeline.*", cb=handler)

    # Send a message
    await nc.publish(
        f"$mq9.AI.INBOX.{target_mail_id}.normal",
        json.dumps({
            "from": mail_id,
            "type": "task",
            "correlation_id": "req-001",
            "reply_to": f"$mq9.AI.INBOX.{mail_id}.normal",
            "payload": { "data": "..." }
        }).encode()
    )

    # Subscribe and receive: the target answers, the sender is not listening yet
    answered = asyncio.Event()

    async def on_message(msg):
        data = json.loads(msg.data)
        print(f"From {data['from']}: {data['payload']}")
        if data.get("reply_to"):
            await nc.publish(data["reply_to"], json.dumps({
                "from": target_mail_id,
                "type": "result",
                "correlation_id": data["correlation_id"],
                "payload": { "status": "done" }
            }).encode())
        answered.set()

    await nc.subscribe(f"$mq9.AI.INBOX.{target_mail_id}.*", cb=on_message)
    await answered.wait()
    await barrier(nc)

    await nc.publish(
        "$mq9.AI.BROADCAST.pipeline.complete",
        json.dumps({ "from": mail_id, "stage": "preprocessing", "ok": True }).encode()
    )
    stage = await heard.get()

    # Query for missed messages
    resp = await nc.request(
        f"$mq9.AI.MAILBOX.QUERY.{mail_id}",
        json.dumps({"token": token}).encode()
    )
    result = json.loads(resp.data)
    print(f"Unread: {result['unread']}")
    print(json.dumps({"from": mail_id, "stage": stage["stage"], "unread": result["unread"],
                      "messages": len(result["messages"])}))
    await nc.close()

asyncio.run(main())
