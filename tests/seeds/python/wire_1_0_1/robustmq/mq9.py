# Stands in for robustmq.mq9 1.0.1, which the registry does not have: puts the same subjects and
# bodies on the wire. Its Message also has `data`, `desc` and `mail_id` as the articles use them.
import base64, json
from enum import Enum
from types import SimpleNamespace
import nats

PREFIX = "$mq9.AI.MAILBOX"


class Priority(str, Enum):
    CRITICAL = "critical"
    URGENT = "urgent"
    NORMAL = "normal"


class Message(SimpleNamespace):
    """payload and data: bytes. desc and mail_id: of the announced mailbox on $SYSTEM.PUBLIC."""


def subject_of(mail_id, priority):
    return f"{PREFIX}.MSG.{mail_id}" + ("" if priority == "normal" else f".{priority}")


def decode(mail_id, raw):
    """The broker wraps mail for clients of this name, so that binary bodies and msg_id arrive."""
    suffix = raw.subject.removeprefix(f"{PREFIX}.MSG.{mail_id}").lstrip(".")
    priority = suffix if suffix in list(Priority) else "normal"
    body, msg_id = raw.data, ""
    try:
        envelope = json.loads(body)
        if isinstance(envelope, dict) and "msg_id" in envelope:
            body, msg_id = base64.b64decode(envelope["payload"]), envelope["msg_id"]
    except ValueError:
        pass
    message = Message(msg_id=msg_id, mail_id=mail_id, priority=Priority(priority), payload=body, data=body)
    if mail_id == "$SYSTEM.PUBLIC":
        announced = json.loads(body)
        message.mail_id, message.desc = announced["mail_id"], announced["desc"]
    return message


class Client:
    def __init__(self, server):
        self.server = server

    async def __aenter__(self):
        self.nc = await nats.connect(self.server, name="robustmq-mq9-python")
        return self

    async def __aexit__(self, *_):
        await self.nc.drain()

    async def request(self, subject, body):
        reply = await self.nc.request(f"{PREFIX}.{subject}", json.dumps(body).encode(), timeout=5)
        answer = json.loads(reply.data)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    async def create(self, *, ttl, public=False, name="", desc=""):
        body = {"ttl": ttl}
        if public:
            body.update({"public": True, "name": name}, **({"desc": desc} if desc else {}))
        return SimpleNamespace(mail_id=(await self.request("CREATE", body))["mail_id"])

    async def send(self, mail_id, payload, *, priority=Priority.NORMAL):
        await self.nc.publish(subject_of(mail_id, Priority(priority).value), payload)

    async def subscribe(self, mail_id, callback, *, priority="*", queue_group=""):
        async def handler(raw):
            await callback(decode(mail_id, raw))

        return await self.nc.subscribe(subject_of(mail_id, priority), queue=queue_group, cb=handler)

    async def list(self, mail_id):
        return [
            SimpleNamespace(msg_id=m["msg_id"], priority=Priority(m["priority"]), ts=m.get("ts", 0))
            for m in (await self.request(f"LIST.{mail_id}", {}))["messages"]
        ]

    async def delete(self, mail_id, msg_id):
        await self.request(f"DELETE.{mail_id}.{msg_id}", {})
