# The article's priority section: a routine task, then an urgent one; the urgent one is read first.
import asyncio, json, sys
from langchain_mq9 import Mq9Toolkit, CreatePublicMailboxTool
from scripted_agent import AgentType, ChatOpenAI, initialize_agent
from robustmq.mq9 import Client
SERVER = sys.argv[1]
# The words of the client: the article's are critical and normal; 1.0.0 knows high, normal, low.
URGENT = sys.argv[2]

async def main():
    await CreatePublicMailboxTool(server=SERVER)._arun(name="agent-c-inbox", ttl=86400)
    agent_a = initialize_agent(
        Mq9Toolkit(server=SERVER).get_tools(), ChatOpenAI(model="gpt-4o-mini"),
        agent=AgentType.OPENAI_FUNCTIONS, verbose=True,
    )
    # Routine task
    agent_a.invoke({
        "input": f"Send a normal-priority message to 'agent-c-inbox': {json.dumps({'task_id': 'task-002', 'type': 'batch_report'})}"
    })
    # Urgent task — Agent B will always process this first, regardless of send order
    agent_a.invoke({
        "input": f"Send a {URGENT}-priority message to 'agent-c-inbox': {json.dumps({'task_id': 'task-003', 'type': 'incident_analysis', 'payload': 'Payment system anomaly detected'})}"
    })
    tasks = asyncio.Queue()

    async def on_message(msg):
        await tasks.put([json.loads(msg.payload)["task_id"], msg.priority.value])

    async with Client(SERVER) as client:
        await client.subscribe("agent-c-inbox", on_message)
        order = [await tasks.get(), await tasks.get()]
    async with Client(SERVER) as client:
        listed = await client.list("agent-c-inbox")
        for meta in listed:
            await client.delete("agent-c-inbox", meta.msg_id)
        left = await client.list("agent-c-inbox")
    print(json.dumps({
        "order": order,
        "listed": [[type(m.msg_id).__name__, m.priority.value, m.ts > 0] for m in listed],
        "left": len(left),
    }))

asyncio.run(main())
