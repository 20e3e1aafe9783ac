# Human-in-the-loop approval: the human's client speaks the same protocol as the agent.
import asyncio, json, sys
import nats

async def create_mailbox(nc):
    resp = await nc.request("$mq9.AI.MAILBOX.CREATE",
        json.dumps({"type": "standard", "ttl": 3600}).encode())
    return json.loads(resp.data)["mail_id"]

async def main():
    agent = await nats.connect(sys.argv[1])
    human = await nats.connect(sys.argv[1])
    agent_id, human_id = await create_mailbox(agent), await create_mailbox(human)

    # Agent sends approval request
    await agent.publish(f"$mq9.AI.INBOX.{human_id}.urgent", json.dumps({
        "from": agent_id,
        "type": "approval_request",
        "correlation_id": "approval-001",
        "content": "Call external fraud API — estimated cost $50",
        "reply_to": f"$mq9.AI.INBOX.{agent_id}.normal"
    }).encode())

    # Human's client — same protocol, no special tooling
    request = asyncio.get_running_loop().create_future()

    async def show_approval(msg):
        req = json.loads(msg.data)
        request.set_result(req)
        await human.publish(req["reply_to"], json.dumps({
            "from": human_id,
            "type": "approval_response",
            "correlation_id": req["correlation_id"],
            "approved": True
        }).encode())

    await human.subscribe(f"$mq9.AI.INBOX.{human_id}.*", cb=show_approval)

    response = asyncio.get_running_loop().create_future()

    async def on_response(msg):
        response.set_result(json.loads(msg.data))

    await agent.subscribe(f"$mq9.AI.INBOX.{agent_id}.*", cb=on_response)
    req, res = await request, await response
    print(json.dumps({
        "asked": [req["type"], req["content"]],
        "answered": [res["type"], res["correlation_id"], res["approved"], res["from"] == human_id],
    }))
    await agent.close()
    await human.close()

asyncio.run(main())
