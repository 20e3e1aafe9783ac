# python examples/python/broadcast.py
# One publish reaches every agent that listens; nobody keeps a list of them. Wildcards choose what to hear.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def main():
    nc = await nats.connect(URL)
    pipeline = await nc.subscribe("$mq9.AI.BROADCAST.pipeline.*")
    complete = await nc.subscribe("$mq9.AI.BROADCAST.*.complete")
    everything = await nc.subscribe("$mq9.AI.BROADCAST.>")

    stage = {"from": "preprocessor", "stage": "preprocessing", "ok": True}
    await nc.publish("$mq9.AI.BROADCAST.pipeline.complete", json.dumps(stage).encode())
    for name, listener in [
        ("pipeline.*", pipeline), ("*.complete", complete), (">", everything)
    ]:
        message = await listener.next_msg()
        print(f"{name}: {json.loads(message.data)['stage']}")
    await nc.close()

asyncio.run(main())

# pipeline.*: preprocessing
# *.complete: preprocessing
# >: preprocessing
