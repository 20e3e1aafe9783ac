# Stands in for langchain-mq9 1.0.1: the tools the articles call, one connection for each call.
import asyncio
from robustmq.mq9 import Client, Priority


class Tool:
    name = ""

    def __init__(self, server):
        self.server = server


class CreateMailboxTool(Tool):
    name = "create_mailbox"

    async def _arun(self, ttl=3600):
        async with Client(self.server) as client:
            return (await client.create(ttl=ttl)).mail_id


class CreatePublicMailboxTool(Tool):
    name = "create_public_mailbox"

    async def _arun(self, name, ttl=86400, desc=""):
        async with Client(self.server) as client:
            mailbox = await client.create(ttl=ttl, public=True, name=name, desc=desc)
        return f"created {mailbox.mail_id}"


class SendMessageTool(Tool):
    name = "send_message"

    async def _arun(self, mail_id, content, priority="normal"):
        async with Client(self.server) as client:
            await client.send(mail_id, content.encode(), priority=Priority(priority))
        return f"sent to {mail_id}"


class GetMessagesTool(Tool):
    name = "get_messages"

    async def _arun(self, mail_id, limit=10):
        received = []

        async def handler(msg):
            received.append(f"priority={msg.priority.value} content={msg.payload.decode()}")

        async with Client(self.server) as client:
            sub = await client.subscribe(mail_id, handler)
            await asyncio.sleep(0.5)
            await sub.unsubscribe()
        return "\n".join(received[:limit])


class Mq9Toolkit:
    def __init__(self, server):
        kinds = [CreateMailboxTool, CreatePublicMailboxTool, SendMessageTool, GetMessagesTool]
        self.tools = [kind(server) for kind in kinds]

    def get_tools(self):
        return self.tools
