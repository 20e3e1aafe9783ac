# What a program on plain nats-py does all day, one result for each scenario. With `reconnect` as
# second argument: waits for the broker to go and come back.
import asyncio, json, sys
import nats
from nats.errors import MaxPayloadError, NoRespondersError

URL = sys.argv[1]


async def connect(**options):
    return await nats.connect(URL, **options)


async def settle(nc):
    """Two flushes: the PING of one overtakes what publish and subscribe left in the buffer."""
    await nc.flush()
    await nc.flush()


async def publish_subscribe(nc, other):
    sub = await nc.subscribe("stock.py.plain.*")
    await settle(nc)
    for word in ["one", "two", "three"]:
        await other.publish(f"stock.py.plain.{word}", word.encode())
    return [(await sub.next_msg()).data.decode() for _ in range(3)]


async def request_reply(nc, other):
    async def answer(msg):
        await msg.respond(b"answer to " + msg.data)

    await nc.subscribe("stock.py.service", cb=answer)
    await settle(nc)
    return (await other.request("stock.py.service", b"question")).data.decode()


async def queue_group(nc, other):
    got = {"first": 0, "second": 0}

    def member(name):
        async def count(msg):
            got[name] += 1
        return count

    subs = [
        await nc.subscribe("stock.py.queue", queue="workers", cb=member("first")),
        await nc.subscribe("stock.py.queue", queue="workers", cb=member("second")),
    ]
    await settle(nc)
    for _ in range(40):
        await other.publish("stock.py.queue", b"job")
    await settle(other)
    for sub in subs:
        await sub.drain()
    return {"total": sum(got.values()), "members": sum(1 for n in got.values() if n)}


async def headers(nc, other):
    sub = await nc.subscribe("stock.py.headers")
    await settle(nc)
    await other.publish("stock.py.headers", b"body", headers={"key": "value", "Other-Key": "with: colon"})
    msg = await sub.next_msg()
    return [msg.headers["key"], msg.headers["Other-Key"], msg.data.decode()]


async def request_many(nc, other):
    async def answer(msg):
        for number in range(3):
            await msg.respond(str(number).encode())

    await nc.subscribe("stock.py.many", cb=answer)
    await settle(nc)
    inbox = other.new_inbox()
    sub = await other.subscribe(inbox)
    await sub.unsubscribe(limit=3)
    await other.publish("stock.py.many", b"", reply=inbox)
    return [(await sub.next_msg()).data.decode() for _ in range(3)]


async def drain(nc, other):
    leaving = await connect()
    got = []

    async def keep(msg):
        got.append(msg.data)

    await leaving.subscribe("stock.py.drain", cb=keep)
    await settle(leaving)
    for _ in range(100):
        await other.publish("stock.py.drain", b"last words")
    await settle(other)
    await leaving.drain()
    return {"received": len(got), "closed": leaving.is_closed}


async def no_responders(nc, other):
    try:
        await nc.request("stock.py.nobody", b"", timeout=5)
    except NoRespondersError:
        return True


async def large_payload(nc, other):
    payload = bytes(range(256)) * (nc.max_payload // 256)
    sub = await nc.subscribe("stock.py.large")
    await settle(nc)
    await other.publish("stock.py.large", payload)
    msg = await sub.next_msg(timeout=10)
    return {"size": len(msg.data), "intact": msg.data == payload}


async def max_payload(nc, other):
    try:
        await nc.publish("stock.py.large", bytes(nc.max_payload + 1))
    except MaxPayloadError:
        return {"refused": True, "connected": nc.is_connected}


async def permission(nc, other):
    problem = asyncio.get_running_loop().create_future()

    async def on_error(error):
        problem.set_result(str(error).lower())

    curious = await connect(error_cb=on_error)
    await curious.subscribe("$mq9.AI.MAILBOX.MSG.*")
    text = await asyncio.wait_for(problem, 5)
    await settle(curious)
    result = {
        "refused": 'permissions violation for subscription to "$mq9.ai.mailbox.msg.*"' in text,
        "connected": curious.is_connected,
    }
    await curious.close()
    return result


async def reconnect():
    back = asyncio.Event()

    async def on_reconnect():
        back.set()

    nc = await connect(reconnect_time_wait=0.1, max_reconnect_attempts=-1, reconnected_cb=on_reconnect)
    sub = await nc.subscribe("stock.py.reconnect")
    await settle(nc)
    print("ready", flush=True)
    await back.wait()
    await settle(nc)
    await nc.publish("stock.py.reconnect", b"still subscribed")
    print(json.dumps((await sub.next_msg(timeout=10)).data.decode()))
    await nc.close()


async def main():
    if sys.argv[2:] == ["reconnect"]:
        return await reconnect()
    scenarios = [
        publish_subscribe, request_reply, queue_group, headers, request_many, drain,
        no_responders, large_payload, max_payload, permission,
    ]
    results = {}
    for scenario in scenarios:
        nc, other = await connect(), await connect()
        try:
            results[scenario.__name__] = await asyncio.wait_for(scenario(nc, other), 10)
        except Exception as error:
            results[scenario.__name__] = repr(error)
        await nc.close()
        await other.close()
    print(json.dumps(results))

asyncio.run(main())
