# A client of generation 2 that behaves as the published Python one does, clause by clause, over
# nats-py. Takes one call per line of JSON on standard input, answers each on standard output.
import asyncio, base64, enum, itertools, json, sys
import nats

SPACE = "$mq9.AI."
LIMIT = 5.0  # seconds for one request


class Priority(str, enum.Enum):
    normal = "normal"
    urgent = "urgent"
    critical = "critical"


class BrokerError(Exception):
    pass


def say(**line):
    print(json.dumps(line), flush=True)


def present(**fields):
    return {name: value for name, value in fields.items() if value is not None}


def checked(data):
    reply = json.loads(data)
    if reply.get("error"):
        raise BrokerError(reply["error"])
    return reply


def rows(reply):
    """Strict as the published client: a missing number, an unknown priority or bad base64 raises."""
    return [
        {
            "msgId": row["msg_id"],
            "payload": base64.b64decode(row["payload"]),
            "priority": Priority(row.get("priority", "normal")).value,
            "createTime": row["create_time"],
        }
        for row in reply.get("messages") or []
    ]


def portable(row):
    return {**row, "payload": base64.b64encode(row["payload"]).decode()}


class Client:
    def __init__(self, nc):
        self.nc = nc
        self.loops = {}
        self.verdicts = {}
        self.handles = itertools.count(1)

    async def ask(self, subject, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return checked((await self.nc.request(SPACE + subject, data, timeout=LIMIT)).data)

    async def ask_with_headers(self, subject, data, headers):
        """An inbox for this one reply: SUB, HPUB and UNSUB on the wire."""
        inbox = self.nc.new_inbox()
        reply = asyncio.get_running_loop().create_future()

        async def take(msg):
            if not reply.done():
                reply.set_result(msg.data)

        sub = await self.nc.subscribe(inbox, cb=take)
        try:
            await self.nc.publish(SPACE + subject, data, reply=inbox, headers=headers)
            return checked(await asyncio.wait_for(reply, LIMIT))
        finally:
            await sub.unsubscribe()

    async def create(self, name=None, ttl=0):
        body = {"ttl": ttl, **present(name=name)}
        return (await self.ask("MAILBOX.CREATE", body))["mail_address"]

    async def send(self, address, payload, priority="normal", key=None, delay=None, ttl=None, tags=None):
        numbers = {"mq9-delay": delay, "mq9-ttl": ttl}
        headers = {} if priority == "normal" else {"mq9-priority": priority}
        headers |= {} if key is None else {"mq9-key": key}
        headers |= {name: str(value) for name, value in numbers.items() if value is not None}
        headers |= {"mq9-tags": ",".join(tags)} if tags else {}
        data = base64.b64decode(payload)
        subject = f"MSG.SEND.{address}"
        if headers:
            return (await self.ask_with_headers(subject, data, headers))["msg_id"]
        return (await self.ask(subject, data))["msg_id"]

    async def take(self, address, groupName=None, deliver="latest", fromTime=None, fromId=None,
                   forceDeliver=False, numMsgs=100, maxWaitMs=500):
        body = {
            "deliver": deliver,
            "force_deliver": forceDeliver,
            "config": {"num_msgs": numMsgs, "max_wait_ms": maxWaitMs},
            **present(group_name=groupName, from_time=fromTime, from_id=fromId),
        }
        return rows(await self.ask(f"MSG.FETCH.{address}", body))

    async def fetch(self, **args):
        return [portable(row) for row in await self.take(**args)]

    async def ack(self, address, groupName, msgId):
        body = {"group_name": groupName, "mail_address": address, "msg_id": msgId}
        await self.ask(f"MSG.ACK.{address}", body)

    async def query(self, address, key=None, limit=None, since=None):
        body = present(key=key, limit=limit, since=since)
        return [portable(row) for row in rows(await self.ask(f"MSG.QUERY.{address}", body))]

    async def remove(self, address, msgId):
        await self.ask(f"MSG.DELETE.{address}.{msgId}", b'""')

    async def register(self, body):
        await self.ask("AGENT.REGISTER", body)

    async def unregister(self, mailbox):
        await self.ask("AGENT.UNREGISTER", {"mailbox": mailbox})

    async def report(self, body):
        await self.ask("AGENT.REPORT", body)

    async def discover(self, text=None, semantic=None, limit=20, page=1):
        body = {"limit": limit, "page": page, **present(text=text, semantic=semantic)}
        return (await self.ask("AGENT.DISCOVER", body)).get("agents") or []

    async def handle(self, consumer, row):
        handle = next(self.handles)
        verdict = self.verdicts[handle] = asyncio.get_running_loop().create_future()
        say(consumer=consumer, handle=handle, message=portable(row))
        if not await verdict:
            raise RuntimeError("the handler failed")

    async def loop(self, consumer, address, groupName=None, deliver="latest", numMsgs=10,
                   maxWaitMs=500, autoAck=True):
        while True:
            try:
                batch = await self.take(address, groupName, deliver, numMsgs=numMsgs, maxWaitMs=maxWaitMs)
            except Exception as error:
                print(f"fetch failed: {error}", file=sys.stderr)
                await asyncio.sleep(1)
                continue
            for row in batch:
                try:
                    await self.handle(consumer, row)
                    if autoAck and groupName is not None:
                        await self.ack(address, groupName, row["msgId"])
                except Exception as error:
                    print(f"message {row['msgId']}: {error}", file=sys.stderr)

    async def call(self, id, call, args):
        try:
            if call == "consume":
                self.loops[id] = asyncio.ensure_future(self.loop(id, **args))
                result = None
            elif call == "stop":
                task = self.loops.pop(args["consumer"])
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                result = None
            else:
                result = await getattr(self, call)(**args)
            say(id=id, result=result)
        except Exception as error:
            say(id=id, error=f"{error}" or type(error).__name__)


async def main():
    nc = await nats.connect(sys.argv[1], max_reconnect_attempts=5, reconnect_time_wait=2)
    client = Client(nc)
    reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    print("ready", flush=True)
    calls = set()
    while line := await reader.readline():
        message = json.loads(line)
        if "handled" in message:
            client.verdicts.pop(message["handled"]).set_result(message["ok"])
            continue
        task = asyncio.ensure_future(client.call(**message))
        calls.add(task)
        task.add_done_callback(calls.discard)
    for task in client.loops.values():
        task.cancel()
    await nc.drain()

asyncio.run(main())
