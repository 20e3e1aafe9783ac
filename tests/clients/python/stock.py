# What a program on plain nats-py does all day, one result for each scenario. With `reconnect` as
# second argument: waits for the broker to go and come back.
import asyncio, json, sys
import nats
from nats.errors import MaxPayloadError, NoRespondersError, SlowConsumerError

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


def counter():
    got = []

    async def count(msg):
        got.append(msg)

    return got, count


async def wildcards(nc, other):
    one, count_one = counter()
    all_, count_all = counter()
    await nc.subscribe("stock.py.wild.*.x", cb=count_one)
    await nc.subscribe("stock.py.wild.>", cb=count_all)
    await settle(nc)
    for rest in ["a.x", "a.y", "b", "a.b.x"]:
        await other.publish(f"stock.py.wild.{rest}")
    await settle(other)
    await settle(nc)
    return [len(one), len(all_)]


async def header_values(nc, other):
    """This client has one value of each name."""
    sub = await nc.subscribe("stock.py.values")
    await settle(nc)
    headers = {"Many": "two", "Unicode": "grüße ✓", "Odd": 'a:b;c="d",'}
    await other.publish("stock.py.values", b"", headers=headers)
    read = (await sub.next_msg()).headers
    return [[read["Many"]], read["Unicode"], read["Odd"]]


async def unicode_subject(nc, other):
    sub = await nc.subscribe("stock.py.grüße.*")
    await settle(nc)
    await other.publish("stock.py.grüße.📬", "✓".encode())
    msg = await sub.next_msg()
    return [msg.subject.replace("stock.py.", ""), msg.data.decode()]


async def auto_unsubscribe(nc, other):
    got, count = counter()
    sub = await nc.subscribe("stock.py.auto", cb=count)
    await sub.unsubscribe(limit=3)
    await settle(nc)
    for _ in range(5):
        await other.publish("stock.py.auto")
    await settle(other)
    await settle(nc)
    return {"received": len(got), "ended": sub.delivered == 3}


async def drain_subscription(nc, other):
    got, count = counter()
    sub = await nc.subscribe("stock.py.drain.one", cb=count)
    await settle(nc)
    for _ in range(50):
        await other.publish("stock.py.drain.one")
    await settle(other)
    await sub.drain()
    await other.publish("stock.py.drain.one")
    await settle(other)
    await settle(nc)
    return {"received": len(got), "ended": sub._closed, "connected": nc.is_connected}


async def round_trip(nc, other):
    before = nc.stats["out_msgs"]
    await nc.publish("stock.py.stats", b"x")
    await settle(nc)
    return {"measured": await nc.rtt() >= 0, "counted": nc.stats["out_msgs"] - before}


async def slow_reader(nc, other):
    told = asyncio.Event()

    async def on_error(error):
        if isinstance(error, SlowConsumerError):
            told.set()

    slow = await connect(error_cb=on_error)
    held = asyncio.Event()

    async def wait(msg):
        await held.wait()

    await slow.subscribe("stock.py.slow", cb=wait, pending_msgs_limit=10)
    await settle(slow)
    for _ in range(100):
        await other.publish("stock.py.slow")
    await settle(other)
    await asyncio.wait_for(told.wait(), 5)
    held.set()
    result = {"told": told.is_set(), "connected": slow.is_connected}
    await slow.close()
    return result


async def permission_publish(nc, other):
    problem = asyncio.get_running_loop().create_future()

    async def on_error(error):
        problem.set_result(str(error).lower())

    curious = await connect(error_cb=on_error)
    await curious.publish("_GR_.reserved", b"x")
    text = await asyncio.wait_for(problem, 5)
    await settle(curious)
    named = 'permissions violation for publish to "_gr_.reserved"' in text
    result = {"operation": "publish" if named else text, "subject": "_GR_.reserved", "connected": curious.is_connected}
    await curious.close()
    return result


async def mailbox(nc, other):
    created = await nc.request("$mq9.AI.MAILBOX.CREATE", b'{"ttl":60}', timeout=5)
    mail_id = json.loads(created.data)["mail_id"]
    for word in ["first", "second"]:
        await nc.publish(f"$mq9.AI.MAILBOX.MSG.{mail_id}", word.encode())
    await settle(nc)
    later = await other.subscribe(f"$mq9.AI.MAILBOX.MSG.{mail_id}.*")
    return [(await later.next_msg(timeout=5)).data.decode() for _ in range(2)]


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


async def lame_duck():
    back, seen = asyncio.Event(), []

    async def on_reconnect():
        back.set()

    async def on_lame_duck():
        seen.append("lame duck")

    nc = await connect(reconnect_time_wait=0.1, max_reconnect_attempts=-1,
                       reconnected_cb=on_reconnect, lame_duck_mode_cb=on_lame_duck)
    sub = await nc.subscribe("stock.py.lame")
    await settle(nc)
    print("ready", flush=True)
    await back.wait()
    await settle(nc)
    await nc.publish("stock.py.lame", b"subscribed again")
    print(json.dumps(seen[:1] + [(await sub.next_msg(timeout=10)).data.decode()]))
    await nc.close()


async def main():
    if sys.argv[2:] == ["reconnect"]:
        return await reconnect()
    if sys.argv[2:] == ["lame_duck"]:
        return await lame_duck()
    scenarios = [
        publish_subscribe, request_reply, queue_group, headers, request_many, drain,
        no_responders, large_payload, max_payload, permission,
        wildcards, header_values, unicode_subject, auto_unsubscribe, drain_subscription, round_trip,
        slow_reader, permission_publish, mailbox,
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
