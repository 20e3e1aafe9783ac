# Status tracking: a mailbox of type latest holds the newest state; one subscription sees all.
import asyncio, json, sys, uuid
import nats
from barrier import barrier

async def main():
    # nats-py from 2.16 on takes `m-status-*` for a mistake unless told otherwise.
    nc = await nats.connect(sys.argv[1], skip_subject_validation=True)
    worker = f"worker-{uuid.uuid4()}"

    # Worker: latest-type mailbox, state updates overwrite previous
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "latest", "ttl": 7200}).encode())
    status_id = json.loads(resp.data)["mail_id"]

    async def report(status, load):
        await nc.publish(f"$mq9.AI.INBOX.{status_id}.normal",
            json.dumps({"from": worker, "status": status, "load": load}).encode())

    await report("starting", 0.1)
    await report("processing", 0.7)
    await barrier(nc)

    # Orchestrator: one subscription covers all workers
    states = asyncio.Queue()

    async def on_state(msg):
        state = json.loads(msg.data)
        if state["from"] == worker:
            await states.put(state)

    await nc.subscribe("$mq9.AI.INBOX.m-status-*.normal", cb=on_state)
    seen = [await states.get()]
    await report("idle", 0)
    seen.append(await states.get())
    print(json.dumps({
        "prefix": status_id[:9],
        "seen": [[s["status"], s["load"]] for s in seen],
        "more": states.qsize(),
    }))
    await nc.close()

asyncio.run(main())
