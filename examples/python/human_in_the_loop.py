# echo yes | python examples/python/human_in_the_loop.py
# An agent must not spend money by itself: it asks, and goes on when a person has answered. The person's
# side is an ordinary client too, here at a terminal prompt.
import asyncio, json, os
import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")

async def create_mailbox(nc):
    reply = await nc.request("$mq9.AI.MAILBOX.CREATE", b'{"type":"standard","ttl":3600}')
    return json.loads(reply.data)["mail_id"]

async def answer(human_id):
    nc = await nats.connect(URL)
    inbox = await nc.subscribe(f"$mq9.AI.INBOX.{human_id}.*")
    request = json.loads((await inbox.next_msg()).data)
    print(f"human: {request['content']}")
    print("human: approve? [yes/no]")
    said = await asyncio.to_thread(input)
    await nc.request(request["reply_to"], json.dumps({
        "from": human_id,
        "type": "approval_response",
        "correlation_id": request["correlation_id"],
        "approved": said.strip() == "yes",
    }).encode())
    await nc.close()

async def main():
    agent = await nats.connect(URL)
    agent_id, human_id = await create_mailbox(agent), await create_mailbox(agent)
    await agent.request(f"$mq9.AI.INBOX.{human_id}.urgent", json.dumps({
        "from": agent_id,
        "type": "approval_request",
        "correlation_id": "approval-001",
        "content": "Call external fraud API, estimated cost $50",
        "reply_to": f"$mq9.AI.INBOX.{agent_id}.normal",
    }).encode())
    print("agent: asked; waiting takes nothing, the answer may come in hours")

    await answer(human_id)
    inbox = await agent.subscribe(f"$mq9.AI.INBOX.{agent_id}.*")
    response = json.loads((await inbox.next_msg()).data)
    print(f"agent: {response['correlation_id']} approved: {response['approved']}")
    await agent.close()

asyncio.run(main())

# agent: asked; waiting takes nothing, the answer may come in hours
# human: Call external fraud API, estimated cost $50
# human: approve? [yes/no]
# agent: approval-001 approved: True
