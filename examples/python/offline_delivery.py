# python examples/python/offline_delivery.py
# Commands for an edge device that is away. They wait on the broker's disk; when the device is back it
# gets the urgent ones first, whatever was sent first.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def main():
    edge = await nats.connect(URL)
    reply = await edge.request("$mq9.AI.MAILBOX.CREATE", b'{"type":"standard","ttl":86400}')
    mailbox = json.loads(reply.data)
    edge_id, token = mailbox["mail_id"], mailbox["token"]
    await edge.close()
    print("edge: offline")

    cloud = await nats.connect(URL)
    for priority, command in [
        ("normal", {"command": "update_config", "interval": 30}),
        ("notify", {"command": "rotate_logs"}),
        ("urgent", {"command": "emergency_stop", "reason": "temperature_critical"}),
    ]:
        subject = f"$mq9.AI.INBOX.{edge_id}.{priority}"
        await cloud.request(subject, json.dumps(command).encode())
        print(f"cloud: sent {command['command']} ({priority})")
    await cloud.close()

    edge = await nats.connect(URL)
    query = json.dumps({"token": token}).encode()
    reply = await edge.request(f"$mq9.AI.MAILBOX.QUERY.{edge_id}", query)
    print(f"edge: back, {json.loads(reply.data)['unread']} commands wait")
    commands = await edge.subscribe(f"$mq9.AI.INBOX.{edge_id}.*")
    for _ in range(3):
        message = await commands.next_msg()
        print(f"edge: {json.loads(message.data)['command']}")
    await edge.close()

asyncio.run(main())

# edge: offline
# cloud: sent update_config (normal)
# cloud: sent rotate_logs (notify)
# cloud: sent emergency_stop (urgent)
# edge: back, 3 commands wait
# edge: emergency_stop
# edge: update_config
# edge: rotate_logs
