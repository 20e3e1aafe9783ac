# agent_b.py of the A2A article. Replaced: the server's address and the language model.
import asyncio
import json
import sys
from langchain_mq9 import Mq9Toolkit, CreatePublicMailboxTool
from scripted_agent import AgentType, ChatOpenAI, initialize_agent
from robustmq.mq9 import Client, Message
SERVER = sys.argv[1]
# The published class calls it payload.
Message.data = property(lambda msg: msg.payload, lambda msg, data: None)

async def main():
    toolkit = Mq9Toolkit(server=SERVER)
    tools = toolkit.get_tools()
    llm = ChatOpenAI(model="gpt-4o-mini")
    # Step 1: Agent B creates its Mailbox
    await CreatePublicMailboxTool(server=SERVER)._arun(
        name="agent-b-inbox",
        ttl=86400,
        desc="Agent B task queue"
    )
    print("Agent B: Mailbox ready, subscribing to agent-b-inbox...", flush=True)
    agent_b = initialize_agent(
        tools, llm,
        agent=AgentType.OPENAI_FUNCTIONS,
        verbose=True,
    )
    # Step 2: Subscribe to the Mailbox; callback fires when a message arrives
    # Step 4: Deserialize and execute the A2A Task
    # Step 5: Serialize the result and send it back to the reply_to Mailbox
    async def on_message(msg):
        task = json.loads(msg.data)
        print(f"Agent B: received task {task['task_id']}", flush=True)
        agent_b.invoke({
            "input": f"Execute a {task['type']} task on data: {task['payload']}. "
            f"Serialize the result with json.dumps and send it to the Mailbox "
            f"with mail_id {task['reply_to']} at normal priority."
        })
    async with Client(SERVER) as client:
        await client.subscribe("agent-b-inbox", on_message)
        print("Agent B: subscribed, waiting for tasks...", flush=True)
        await asyncio.sleep(float("inf"))  # run indefinitely

asyncio.run(main())
