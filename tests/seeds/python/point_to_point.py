# Point to point: a task goes to a known mail_id, the answer comes back to the sender's.
import asyncio, json, sys
import nats

async def create_mailbox(nc):
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    return json.loads(resp.data)["mail_id"]

async def main():
    nc = await nats.connect(sys.argv[1])
    mail_id = await create_mailbox(nc)
    target_mail_id = await create_mailbox(nc)

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

    tasks = []

    async def on_message(msg):
        data = json.loads(msg.data)
        tasks.append(data)
        if data.get("reply_to"):
            await nc.publish(data["reply_to"], json.dumps({
                "from": target_mail_id,
                "type": "result",
                "correlation_id": data["correlation_id"],
                "payload": { "status": "done" }
            }).encode())

    await nc.subscribe(f"$mq9.AI.INBOX.{target_mail_id}.*", cb=on_message)

    answer = asyncio.get_running_loop().create_future()

    async def on_answer(msg):
        answer.set_result(json.loads(msg.data))

    await nc.subscribe(f"$mq9.AI.INBOX.{mail_id}.*", cb=on_answer)
    result = await answer
    print(json.dumps({
        "tasks": [[d["from"] == mail_id, d["correlation_id"], d["payload"]] for d in tasks],
        "answer": [result["from"] == target_mail_id, result["correlation_id"], result["payload"]],
    }))
    await nc.close()

asyncio.run(main())
