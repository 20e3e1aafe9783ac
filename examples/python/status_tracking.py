# python examples/python/status_tracking.py
# Each worker has a mailbox of type latest: a new state takes the place of the one before. Whoever
# watches needs one subscription for all workers, and may come later than their states.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def main():
    # nats-py takes `m-status-*` for a mistake unless told otherwise.
    nc = await nats.connect(URL, skip_subject_validation=True)
    mailboxes = {}
    for worker in ("worker-1", "worker-2"):
        reply = await nc.request("$mq9.AI.MAILBOX.CREATE", b'{"type":"latest","ttl":7200}')
        mailboxes[worker] = json.loads(reply.data)["mail_id"]

    async def report(worker, status, load):
        body = json.dumps({"from": worker, "status": status, "load": load})
        await nc.request(f"$mq9.AI.INBOX.{mailboxes[worker]}.normal", body.encode())

    await report("worker-1", "starting", 0.1)
    await report("worker-1", "processing", 0.7)
    await report("worker-2", "idle", 0.0)

    states = await nc.subscribe("$mq9.AI.INBOX.m-status-*.normal")
    seen = [json.loads((await states.next_msg()).data) for _ in mailboxes]
    for state in sorted(seen, key=lambda state: state["from"]):
        print(f"{state['from']}: {state['status']}, load {state['load']}")
    await report("worker-2", "processing", 0.4)
    state = json.loads((await states.next_msg()).data)
    print(f"{state['from']}: {state['status']}, load {state['load']} (live)")
    for mailbox in mailboxes.values():
        await nc.request(f"$mq9.AI.MAILBOX.DROP.{mailbox}", b"")  # the workers are gone for good
    await nc.close()

asyncio.run(main())

# worker-1: processing, load 0.7
# worker-2: idle, load 0.0
# worker-2: processing, load 0.4 (live)
