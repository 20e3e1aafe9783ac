"""What a program on nats-py does over an encrypted connection or a WebSocket: a round trip through a
subscription of its own. Arguments: address, then ca, cert, key and first as far as wanted."""

import asyncio
import json
import ssl
import sys

import nats


async def main() -> None:
    given = dict(argument.partition("=")[::2] for argument in sys.argv[2:])
    options: dict = {}
    if "ca" in given:
        context = ssl.create_default_context(cafile=given["ca"])
        if "cert" in given:
            context.load_cert_chain(given["cert"], given["key"])
        options["tls"] = context
        options["tls_hostname"] = "localhost"
    if "first" in given:
        options["tls_handshake_first"] = True
    nc = await nats.connect(sys.argv[1], allow_reconnect=False, connect_timeout=5, **options)
    sub = await nc.subscribe("encrypted.python")
    body = b"0123456789" * 30_000
    await nc.publish("encrypted.python", body)
    msg = await sub.next_msg(10)
    print(json.dumps({"echo": msg.data == body, "encrypted": "tls" in options}))
    await nc.drain()


asyncio.run(main())
