// AGENT.REGISTER, UNREGISTER and REPORT: who is meant, whatever shape the body has, and the replies.
import { type AgentReference, Mq9Error } from "@mq9/protocol";
import { decodeBody, encodeJson, field, invalidBody, type JsonObject, textField } from "../json.ts";
import { errorReply } from "../replies.ts";
import { factsOf, mailboxOf, mailboxWithin, nameWithin } from "./card.ts";
import type { AgentExchange } from "./exchange.ts";
import { visible } from "./shown.ts";

type Opened<Op extends AgentExchange["op"]> = Extract<AgentExchange, { op: Op }> & {
  readonly fail: (error: Mq9Error) => Uint8Array;
};

/** @throws {Mq9Error} `invalid` */
export function openRegister(bytes: Uint8Array): Opened<"register"> {
  const body = decodeBody(bytes, "AGENT.REGISTER");
  const given = textField(body, "mailbox", "AGENT.REGISTER");
  textField(body, "name", "AGENT.REGISTER");
  const mailbox = mailboxWithin(body);
  if (given !== undefined && given.trim() !== "" && mailboxOf(given) === undefined) {
    throw invalidBody("AGENT.REGISTER", "mailbox is no name of a mailbox");
  }
  const name = agentName(nameWithin(body) ?? mailbox ?? "");
  return {
    op: "register",
    operation: { name, mailbox, body: bytes, facts: factsOf(body) },
    succeed: ({ agent, created }) =>
      encodeJson({
        error: "",
        name: agent.name,
        mailbox: agent.mailbox ?? "",
        created,
        state: agent.state,
      }),
    fail: errorReply,
  };
}

/** @throws {Mq9Error} `invalid` */
export function openUnregister(bytes: Uint8Array): Opened<"unregister"> {
  const body = decodeBody(bytes, "AGENT.UNREGISTER");
  return {
    op: "unregister",
    operation: referenceIn(body),
    // Published clients unregister when they end, and must not fail at that.
    succeed: ({ found }) => encodeJson({ error: "", found }),
    fail: errorReply,
  };
}

/** @throws {Mq9Error} `invalid` */
export function openReport(bytes: Uint8Array): Opened<"report"> {
  const body = decodeBody(bytes, "AGENT.REPORT");
  return {
    op: "report",
    operation: { ...referenceIn(body), body: bytes },
    succeed: (agent) => encodeJson({ error: "", name: agent.name, state: agent.state }),
    fail: errorReply,
  };
}

const nameMax = 128;

/** @throws {Mq9Error} `invalid` */
function agentName(text: string): string {
  const name = text.trim();
  if (name === "") throw new Mq9Error("invalid", "agent name must not be empty");
  if (name.length > nameMax) {
    throw new Mq9Error("invalid", `agent name is longer than ${nameMax} characters`);
  }
  if (visible(name) !== name || /[\t\n\r]/.test(name)) {
    throw new Mq9Error("invalid", "agent name must not hold hidden characters");
  }
  return name;
}

/** Who is meant: by name where there is one, or else by mailbox. */
function referenceIn(body: JsonObject): AgentReference {
  const name = nameWithin(body)?.trim();
  if (name !== undefined) return { name };
  const mailbox = mailboxWithin(body) ?? given(body);
  if (mailbox !== undefined) return { mailbox };
  throw new Mq9Error("invalid", "agent name must not be empty");
}

/** A mailbox nobody can have is a mailbox nobody is registered for. */
function given(body: JsonObject): string | undefined {
  const mailbox = field(body, "mailbox");
  return typeof mailbox === "string" && mailbox !== "" ? mailbox : undefined;
}
