# agent_a.py of the A2A article. Replaced: the server's address, the language model, and the ten
# seconds of other work by waiting for a line on standard input.
import asyncio
import json
import sys
from langchain_mq9 import Mq9Toolkit, CreateMailboxTool
from scripted_agent import AgentType, ChatOpenAI, initialize_agent
SERVER = sys.argv[1]

async def main():
    toolkit = Mq9Toolkit(server=SERVER)
    tools = toolkit.get_tools()
    llm = ChatOpenAI(model="gpt-4o-mini")
    agent_a = initialize_agent(
        tools, llm,
        agent=AgentType.OPENAI_FUNCTIONS,
        verbose=True,
    )
    # Step 2: Agent A creates its result Mailbox
    result_mailbox = await CreateMailboxTool(server=SERVER)._arun(ttl=3600)
    print(f"Agent A: result Mailbox ready → {result_mailbox}", flush=True)
    # Step 3: Serialize an A2A Task and send it to Agent B's Mailbox
    a2a_task = {
        "task_id": "task-001",
        "type": "data_analysis",
        "payload": "dataset_v1: [record_1, record_2, record_3]",
        "reply_to": result_mailbox  # tells Agent B where to send the result
    }
    agent_a.invoke({
        "input": "Send a normal-priority message to the Mailbox with mail_id agent-b-inbox: " + json.dumps(a2a_task)
    })
    print("Agent A: task sent, continuing with other work...", flush=True)
    print("(Whether Agent B is online right now doesn't matter — the message is persisted)")
    # Do other work in the meantime...
    sys.stdin.readline()
    # Step 6: Retrieve the result asynchronously and deserialize it
    agent_a.invoke({
        "input": f"Read messages from the Mailbox with mail_id {result_mailbox}, parse with json.loads, and output the analysis result"
    })

asyncio.run(main())
