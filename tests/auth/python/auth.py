# Comes in with passwords and tokens with plain nats-py, and tells what happened. Argument: URL.
import asyncio, json, sys
import nats

URL = sys.argv[1]


async def outcome(act=None, **options):
    errors = []

    async def heard(error):
        errors.append(str(error))

    try:
        nc = await nats.connect(
            URL, allow_reconnect=False, error_cb=heard, connect_timeout=5, **options
        )
    except Exception as error:
        text = f"{error} {errors}".lower()
        return "refused" if "authorization" in text else text
    try:
        return await act(nc, errors) if act else "in"
    finally:
        await nc.close()


async def permissions(nc, errors):
    await nc.subscribe("closed.a")
    await nc.flush()

    async def answer(msg):
        await msg.respond(b"yes")

    await nc.subscribe("open.a", cb=answer)
    reply = await nc.request("open.a", b"?", timeout=5)
    return ["permissions violation" in " ".join(errors).lower(), len(reply.data)]


async def main():
    print(
        json.dumps(
            {
                "password": await outcome(user="alice", password="secret"),
                "wrong": await outcome(user="alice", password="wrong"),
                "hash": await outcome(user="hashed", password="secret"),
                "nobody": await outcome(),
                "permissions": await outcome(permissions, user="bound", password="secret"),
            }
        )
    )


asyncio.run(main())
