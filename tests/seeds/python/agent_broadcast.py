# The article's broadcast section: one task, every agent subscribed to the mailbox receives it.
import asyncio, json, sys
from langchain_mq9 import Mq9Toolkit, CreatePublicMailboxTool
from scripted_agent import AgentType, ChatOpenAI, initialize_agent
from robustmq.mq9 import Client
SERVER = sys.argv[1]

async def main():
    # Create a broadcast channel
    await CreatePublicMailboxTool(server=SERVER)._arun(
        name="all-agents-broadcast",
        ttl=86400
    )
    agent_a = initialize_agent(
        Mq9Toolkit(server=SERVER).get_tools(), ChatOpenAI(model="gpt-4o-mini"),
        agent=AgentType.OPENAI_FUNCTIONS, verbose=True,
    )
    heard = asyncio.Queue()

    def agent(name):
        async def on_message(msg):
            await heard.put([name, json.loads(msg.payload)["type"]])
        return on_message

    async with Client(SERVER) as first, Client(SERVER) as second, Client(SERVER) as late:
        await first.subscribe("all-agents-broadcast", agent("first"))
        await second.subscribe("all-agents-broadcast", agent("second"))
        # Send once — every agent subscribed to this Mailbox receives it
        agent_a.invoke({
            "input": f"Send a normal-priority message to 'all-agents-broadcast': {json.dumps({'type': 'config_update', 'payload': 'System config updated, please reload'})}"
        })
        received = [await heard.get(), await heard.get()]
        await late.subscribe("all-agents-broadcast", agent("late"))
        received.append(await heard.get())
    print(json.dumps({"received": sorted(received), "more": heard.qsize()}))

asyncio.run(main())
