# Every call of the published Python client of generation 1, with what came back.
import asyncio, json, sys
from robustmq.mq9 import Client
from robustmq.mq9.client import Mq9Error

SERVER = sys.argv[1]


class Mail:
    """A subscription whose mail can be awaited."""

    def __init__(self):
        self.queue = asyncio.Queue()

    async def handler(self, msg):
        await self.queue.put(msg)

    async def take(self, count):
        return [await asyncio.wait_for(self.queue.get(), 10) for _ in range(count)]


async def main():
    result = {}
    binary = bytes(range(256))
    async with Client(SERVER) as client, Client(SERVER) as other:
        private = await client.create(ttl=3600)
        name = f"sdk-{private.mail_id[-12:]}"
        public = [await client.create(ttl=60, public=True, name=name, desc="d") for _ in range(2)]
        result["public"] = [mailbox.mail_id == name for mailbox in public]

        # Sent before and after the subscription, as text, dict and bytes, in every priority
        await other.send(private.mail_id, "low text", priority="low")
        await other.send(private.mail_id, {"kind": "dict"}, priority="normal")
        await other.send(private.mail_id, binary, priority="high")
        # JSON of an application that has a msg_id of its own
        await other.send(private.mail_id, {"msg_id": 7, "payload": {"deep": True}})
        await other.send(private.mail_id, b"")
        for _ in range(2):  # the PING of one flush overtakes what send left in the buffer
            await other._nc.flush()
        mail = Mail()
        await client.subscribe(private.mail_id, mail.handler)
        backlog = await mail.take(5)
        await other.send(private.mail_id, b"live")
        live, = await mail.take(1)
        result["order"] = [m.priority.value for m in backlog]
        result["binary"] = backlog[0].payload == binary
        result["bodies"] = [m.payload.decode() for m in [*backlog[1:], live]]

        # Deleting what a handler received, by the ids it got
        listed = await client.list(private.mail_id)
        result["listed"] = [[m.msg_id, m.priority.value] for m in listed]
        result["same_ids"] = [m.msg_id for m in listed][:3] == [m.msg_id for m in backlog][:3]
        await client.delete(backlog[0].mail_id, backlog[0].msg_id)
        result["left"] = [m.msg_id for m in await client.list(private.mail_id)]

        # Queue group of three
        shared = Mail()
        for _ in range(3):
            await client.subscribe(name, shared.handler, queue_group="workers")
        for number in range(12):
            await other.send(name, str(number))
        result["group"] = sorted(int(m.payload) for m in await shared.take(12))
        result["extra"] = shared.queue.qsize()

        # Errors carry a number
        result["errors"] = {}
        for label, call in {
            "list": lambda: client.list("m-nobody"),
            "delete": lambda: client.delete(name, "999999"),
        }.items():
            try:
                await call()
            except Mq9Error as error:
                result["errors"][label] = [str(error), error.code]
    print(json.dumps(result))

asyncio.run(main())
