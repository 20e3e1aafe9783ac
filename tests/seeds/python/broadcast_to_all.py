# Broadcast to all: publish once, every wildcard subscriber receives.
import asyncio, json, sys
import nats
from barrier import barrier

PATTERNS = ["pipeline.complete", "pipeline.*", "*.complete"]

async def main():
    nc = await nats.connect(sys.argv[1])
    agents = [await nats.connect(sys.argv[1]) for _ in PATTERNS]
    heard = asyncio.Queue()
    for agent, pattern in zip(agents, PATTERNS):
        async def handler(msg, pattern=pattern):
            await heard.put((pattern, msg.subject, json.loads(msg.data)["stage"]))
        await agent.subscribe(f"$mq9.AI.BROADCAST.{pattern}", cb=handler)
        await barrier(agent)

    await nc.publish("$mq9.AI.BROADCAST.pipeline.failed", b'{"stage":"other"}')
    await nc.publish(
        "$mq9.AI.BROADCAST.pipeline.complete",
        json.dumps({ "from": "master", "stage": "preprocessing", "ok": True }).encode()
    )
    received = [await heard.get() for _ in range(4)]
    print(json.dumps({"received": sorted(received)}))
    for connection in [*agents, nc]:
        await connection.close()

asyncio.run(main())
