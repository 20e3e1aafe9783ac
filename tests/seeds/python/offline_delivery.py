# Cloud to offline edge device: commands wait, urgent ones leave first, QUERY is the safety net.
import asyncio, json, sys
import nats

async def main():
    edge = await nats.connect(sys.argv[1])
    resp = await edge.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    mailbox = json.loads(resp.data)
    edge_id, edge_token = mailbox["mail_id"], mailbox["token"]
    await edge.close()

    # Cloud: send commands — edge may be offline for hours
    cloud = await nats.connect(sys.argv[1])
    await cloud.publish(f"$mq9.AI.INBOX.{edge_id}.normal",
        b'{"command":"update_config","interval":30}')
    await cloud.publish(f"$mq9.AI.INBOX.{edge_id}.urgent",
        b'{"command":"emergency_stop","reason":"temperature_critical"}')
    await cloud.close()

    # Edge: on reconnect, subscribe (urgent first) then query fallback
    edge = await nats.connect(sys.argv[1])

    async def unread():
        resp = await edge.request(f"$mq9.AI.MAILBOX.QUERY.{edge_id}",
            json.dumps({"token": edge_token}).encode())
        return json.loads(resp.data)["unread"]

    before = await unread()
    commands = asyncio.Queue()

    async def handler(msg):
        await commands.put((msg.subject.split(".")[-1], json.loads(msg.data)["command"]))

    await edge.subscribe(f"$mq9.AI.INBOX.{edge_id}.urgent", cb=handler)
    await edge.subscribe(f"$mq9.AI.INBOX.{edge_id}.normal", cb=handler)
    order = [await commands.get(), await commands.get()]
    print(json.dumps({"unread_before": before, "order": order, "unread_after": await unread()}))
    await edge.close()

asyncio.run(main())
