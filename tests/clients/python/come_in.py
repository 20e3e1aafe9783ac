"""Comes in with given credentials with nats-py and tells what it could do. Arguments: address, then
user, pass, token, seed, creds, ca, cert, key and closed as far as wanted."""

import asyncio
import json
import ssl
import sys

import nats

NAMES = {
    "user": "user",
    "pass": "password",
    "token": "token",
    "seed": "nkeys_seed",
    "creds": "user_credentials",
}


async def come_in(given: dict) -> dict:
    options: dict = {NAMES[name]: value for name, value in given.items() if name in NAMES}
    if "ca" in given:
        context = ssl.create_default_context(cafile=given["ca"])
        if "cert" in given:
            context.load_cert_chain(given["cert"], given["key"])
        options |= {"tls": context, "tls_hostname": "localhost"}
    told: asyncio.Queue = asyncio.Queue()
    nc = await nats.connect(
        sys.argv[1], allow_reconnect=False, connect_timeout=5, error_cb=told.put, **options
    )

    async def echo(msg) -> None:
        await nc.publish(msg.reply, msg.data, headers=msg.headers)

    await nc.subscribe("open.echo", cb=echo)
    body = b"0123456789" * 30_000
    answer = await nc.request("open.echo", body, timeout=5, headers={"trace": "abc"})
    results = {"echo": answer.data == body, "header": answer.headers["trace"]}
    if "closed" in given:
        await nc.subscribe(given["closed"])
        error = await asyncio.wait_for(told.get(), 5)
        results["denied"] = given["closed"] in str(error)
    await nc.drain()
    return results


async def main() -> None:
    given = dict(argument.partition("=")[::2] for argument in sys.argv[2:])
    try:
        results = await come_in(given)
    except Exception as error:  # told in the result
        text = repr(error)
        results = "refused" if "authorization" in text.lower() else text
    print(json.dumps(results))


asyncio.run(main())
