# Competing workers: a broadcast task goes to exactly one member of the queue group.
import asyncio, json, sys
import nats
from barrier import barrier

WORKERS = 3
TASKS = 9

async def main():
    nc = await nats.connect(sys.argv[1])
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    master_id = json.loads(resp.data)["mail_id"]

    # Workers subscribe with shared queue group
    workers = [await nats.connect(sys.argv[1]) for _ in range(WORKERS)]
    for number, worker in enumerate(workers):
        async def work(msg, worker=worker, number=number):
            task = json.loads(msg.data)
            await worker.publish(f"$mq9.AI.INBOX.{master_id}.normal", json.dumps({
                "from": f"worker-{number}", "task_id": task["task_id"], "result": "done"
            }).encode())
        await worker.subscribe("$mq9.AI.BROADCAST.task.available", queue="task-workers", cb=work)
        await barrier(worker)

    # Master broadcasts tasks and collects results in its own mailbox
    done = asyncio.Event()
    results = []

    async def collect(msg):
        results.append(json.loads(msg.data)["task_id"])
        if len(set(results)) == TASKS:
            done.set()

    sub = await nc.subscribe(f"$mq9.AI.INBOX.{master_id}.*", cb=collect)
    for number in range(TASKS):
        await nc.publish("$mq9.AI.BROADCAST.task.available",
            json.dumps({"from": master_id, "task_id": f"t-{number:03}", "data": {}}).encode())

    await done.wait()
    for worker in workers:
        await barrier(worker)
    await sub.drain()
    print(json.dumps({"results": len(results), "distinct": len(set(results))}))
    for connection in [*workers, nc]:
        await connection.close()

asyncio.run(main())
