# python examples/python/point_to_point.py
# A task goes to a known mailbox, whose owner is away; the result comes back to the sender's mailbox.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def create_mailbox(nc):
    reply = await nc.request("$mq9.AI.MAILBOX.CREATE", b'{"type":"standard","ttl":3600}')
    return json.loads(reply.data)["mail_id"]

async def send(nc, subject, body):
    # As a request: it is answered when the message is on disk.
    await nc.request(subject, json.dumps(body).encode())

async def main():
    planner = await nats.connect(URL)
    planner_id, analyst_id = await create_mailbox(planner), await create_mailbox(planner)
    await send(planner, f"$mq9.AI.INBOX.{analyst_id}.normal", {
        "from": planner_id,
        "type": "task",
        "correlation_id": "req-001",
        "reply_to": f"$mq9.AI.INBOX.{planner_id}.normal",
        "payload": "analyze this",
    })
    print("planner: task sent, the analyst is away")

    # The analyst starts later; its mail is there.
    analyst = await nats.connect(URL)
    tasks = await analyst.subscribe(f"$mq9.AI.INBOX.{analyst_id}.*")
    task = json.loads((await tasks.next_msg()).data)
    print(f"analyst: got {task['correlation_id']}: {task['payload']}")
    await send(analyst, task["reply_to"], {
        "from": analyst_id,
        "type": "result",
        "correlation_id": task["correlation_id"],
        "payload": "analyzed",
    })
    await analyst.close()

    results = await planner.subscribe(f"$mq9.AI.INBOX.{planner_id}.*")
    result = json.loads((await results.next_msg()).data)
    print(f"planner: result of {result['correlation_id']}: {result['payload']}")
    await planner.close()

asyncio.run(main())

# planner: task sent, the analyst is away
# analyst: got req-001: analyze this
# planner: result of req-001: analyzed
