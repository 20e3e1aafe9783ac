# python examples/python/request_reply.py
# A parent asks three things at once and matches the answers by correlation_id, in whatever order they
# come. Both may be away in between: questions and answers wait in mailboxes.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def create_mailbox(nc):
    reply = await nc.request("$mq9.AI.MAILBOX.CREATE", b'{"type":"standard","ttl":3600}')
    return json.loads(reply.data)["mail_id"]

async def ask(parent_id, child_id):
    nc = await nats.connect(URL)
    for number in (1, 2, 3):
        await nc.request(f"$mq9.AI.INBOX.{child_id}.normal", json.dumps({
            "from": parent_id,
            "correlation_id": f"job-{number}",
            "reply_to": f"$mq9.AI.INBOX.{parent_id}.normal",
            "payload": {"data": [number, number]},
        }).encode())
    await nc.close()
    print("parent: asked three things, and left")

async def work(child_id):
    nc = await nats.connect(URL)
    inbox = await nc.subscribe(f"$mq9.AI.INBOX.{child_id}.*")
    jobs = [json.loads((await inbox.next_msg()).data) for _ in range(3)]
    for job in reversed(jobs):
        await nc.request(job["reply_to"], json.dumps({
            "from": child_id,
            "correlation_id": job["correlation_id"],
            "payload": sum(job["payload"]["data"]),
        }).encode())
    await nc.close()
    print("child: answered the last one first, and left")

async def main():
    nc = await nats.connect(URL)
    parent_id, child_id = await create_mailbox(nc), await create_mailbox(nc)
    await ask(parent_id, child_id)
    await work(child_id)
    answers = await nc.subscribe(f"$mq9.AI.INBOX.{parent_id}.*")
    for _ in range(3):
        answer = json.loads((await answers.next_msg()).data)
        print(f"parent: {answer['correlation_id']} = {answer['payload']}")
    await nc.close()

asyncio.run(main())

# parent: asked three things, and left
# child: answered the last one first, and left
# parent: job-3 = 6
# parent: job-2 = 4
# parent: job-1 = 2
