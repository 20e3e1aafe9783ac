# Request-reply: a child agent reports results to its parent, matched by correlation_id.
import asyncio, json, sys
import nats

async def create_mailbox(nc):
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    return json.loads(resp.data)["mail_id"]

async def main():
    parent, worker = await nats.connect(sys.argv[1]), await nats.connect(sys.argv[1])
    parent_id, worker_id = await create_mailbox(parent), await create_mailbox(worker)

    # Parent sends tasks
    for number in range(1, 4):
        await parent.publish(f"$mq9.AI.INBOX.{worker_id}.normal", json.dumps({
            "from": parent_id,
            "type": "work",
            "correlation_id": f"job-00{number}",
            "reply_to": f"$mq9.AI.INBOX.{parent_id}.normal",
            "payload": { "data": [number, number] }
        }).encode())

    # Parent collects results — non-blocking
    results = {}
    complete = asyncio.Event()

    async def collect(msg):
        d = json.loads(msg.data)
        results[d["correlation_id"]] = d["payload"]
        if len(results) == 3:
            complete.set()

    await parent.subscribe(f"$mq9.AI.INBOX.{parent_id}.*", cb=collect)

    # The child answers the last job first
    jobs = []

    async def work(msg):
        jobs.append(json.loads(msg.data))
        if len(jobs) == 3:
            for job in reversed(jobs):
                await worker.publish(job["reply_to"], json.dumps({
                    "from": worker_id,
                    "correlation_id": job["correlation_id"],
                    "payload": sum(job["payload"]["data"])
                }).encode())

    await worker.subscribe(f"$mq9.AI.INBOX.{worker_id}.*", cb=work)
    await complete.wait()
    print(json.dumps({"results": results, "order": list(results)}))
    await parent.close()
    await worker.close()

asyncio.run(main())
