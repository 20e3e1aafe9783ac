# The guide's error table: what a client sees when something is wrong.
import asyncio, json, sys
import nats
from nats.errors import MaxPayloadError
from barrier import barrier

async def main():
    problems = []

    async def on_error(error):
        problems.append(str(error))

    nc = await nats.connect(sys.argv[1], error_cb=on_error)

    async def ask(subject, body):
        return json.loads((await nc.request(f"$mq9.AI.MAILBOX.{subject}", body)).data)

    # MAILBOX.CREATE fails
    create = await ask("CREATE", b'{"type": "standard", "ttl": "soon"}')

    # MAILBOX.QUERY with wrong token
    mailbox = await ask("CREATE", b'{"type":"standard","ttl":3600}')
    wrong = await ask(f"QUERY.{mailbox['mail_id']}", b'{"token":"tok-wrong"}')
    right = await ask(f"QUERY.{mailbox['mail_id']}",
        json.dumps({"token": mailbox["token"]}).encode())

    # TTL expires before Agent reconnects: mailbox and all messages deleted
    short = await ask("CREATE", b'{"type":"standard","ttl":1}')
    token = json.dumps({"token": short["token"]}).encode()
    await nc.publish(f"$mq9.AI.INBOX.{short['mail_id']}.normal", b"{}")
    gone = await ask(f"QUERY.{short['mail_id']}", token)
    for _ in range(100):
        if gone.get("error"):
            break
        await asyncio.sleep(0.1)
        gone = await ask(f"QUERY.{short['mail_id']}", token)

    # Send to expired mail_id: message dropped silently
    late = []

    async def on_late(msg):
        late.append(msg.data)

    sub = await nc.subscribe(f"$mq9.AI.INBOX.{short['mail_id']}.*", cb=on_late)
    await nc.publish(f"$mq9.AI.INBOX.{short['mail_id']}.normal", b"{}")
    await barrier(nc)
    await sub.drain()

    # Message exceeds size limit
    try:
        await nc.publish(f"$mq9.AI.INBOX.{mailbox['mail_id']}.normal", b"x" * (nc.max_payload + 1))
        oversize = "accepted"
    except MaxPayloadError:
        oversize = "rejected"

    print(json.dumps({
        "create": bool(create.get("error")),
        "wrong_token": bool(wrong.get("error")),
        "right_token": right["unread"],
        "expired": bool(gone.get("error")),
        "sent_to_expired": len(late),
        "oversize": oversize,
        "connected": nc.is_connected,
        "problems": problems,
    }))
    await nc.close()

asyncio.run(main())
