# python examples/python/competing_workers.py
# Workers share a queue group of one mailbox: each task goes to one of them. The first dies in the middle
# of its third task; what it had not acknowledged goes to the second, and nothing is done twice.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def ask(nc, what, body, headers=None):
    reply = json.loads((await nc.request(f"$mq9.AI.{what}", body, headers=headers)).data)
    if reply.get("error"):
        raise RuntimeError(reply["error"])
    return reply

async def main():
    master = await nats.connect(URL)
    tasks = (await ask(master, "MAILBOX.CREATE", b'{"ttl":3600}'))["mail_id"]
    for number in range(1, 7):
        await ask(master, f"MSG.SEND.{tasks}", f"task {number}".encode())

    done, dead = [], asyncio.Event()

    async def worker_1(message):
        if message.data == b"task 3":
            dead.set()
        if not dead.is_set():
            await message.respond(b"+ACK")
            done.append(f"{message.data.decode()}: worker 1")

    async def worker_2(message):
        attempt = message.headers["mq9-delivery-count"]
        await message.respond(b"+ACK")
        done.append(f"{message.data.decode()}: worker 2, attempt {attempt}")

    first, second = await nats.connect(URL), await nats.connect(URL)
    await first.subscribe(f"$mq9.AI.MSG.PUSH.{tasks}", queue="workers", cb=worker_1)
    await dead.wait()
    await second.subscribe(f"$mq9.AI.MSG.PUSH.{tasks}", queue="workers", cb=worker_2)
    await first.close()  # as good as a crash: its leases end with its connection

    while len(done) < 6:
        await asyncio.sleep(0.05)
    for line in sorted(done):
        print(line)
    await second.close()
    await master.close()

asyncio.run(main())

# task 1: worker 1
# task 2: worker 1
# task 3: worker 2, attempt 2
# task 4: worker 2, attempt 2
# task 5: worker 2, attempt 2
# task 6: worker 2, attempt 2
