# Stands in for the language model of the articles: reads the same prompts and makes the tool calls
# that a model makes of them. Everything below the prompt (tools, client, broker) is the real thing.
import asyncio, json, re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

AgentType = SimpleNamespace(OPENAI_FUNCTIONS="scripted")


def ChatOpenAI(model):
    return model


def initialize_agent(tools, llm, agent, verbose):
    return ScriptedAgent({tool.name: tool for tool in tools})


class ScriptedAgent:
    def __init__(self, tools):
        self.tools = tools

    def invoke(self, request):
        text = request["input"]
        if match := re.match(r"Send a (\w+)-priority message to (?:the Mailbox with mail_id )?'?([\w.-]+)'?: (.*)", text):
            priority, mail_id, content = match.groups()
            return self.call("send_message", mail_id=mail_id, content=content, priority=priority)
        if match := re.match(r"Execute a (\w+) task on data: (.*)\. Serialize .* mail_id (\S+) at normal priority", text):
            task, data, mail_id = match.groups()
            result = json.dumps({"task": task, "result": f"analysis of {data}"})
            return self.call("send_message", mail_id=mail_id, content=result, priority="normal")
        if match := re.match(r"Read messages from the Mailbox with mail_id ([\w.-]+)", text):
            return self.call("get_messages", mail_id=match.group(1))
        raise ValueError(f"no rule for: {text}")

    def call(self, name, **arguments):
        """Runs the tool on a loop of its own, since the caller's is busy with this call."""
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(asyncio.run, self.tools[name]._arun(**arguments)).result()
        print(f"{name}: {answer}", flush=True)
        return answer
