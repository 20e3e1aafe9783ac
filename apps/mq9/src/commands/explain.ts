// `mq9 explain`: why mail did not arrive, and what to do next. Reads only: nothing is taken, leased or
// marked by it.
import { type CommandSpec, defineCommand } from "../cli/command.ts";
import type { ConnectionFlags } from "../cli/connection.ts";
import { misuse } from "../cli/exit-codes.ts";
import { findingJson, renderFindings, worst } from "../cli/findings.ts";
import type { ExplainJson } from "../cli/schemas/findings.ts";
import { oneLine } from "../cli/text.ts";

export const explainCommands: readonly CommandSpec[] = [
  defineCommand({
    path: "explain",
    summary: "say why mail did not arrive, and what to do next",
    description: `Says where a message is, why it did not arrive, and what to do next; or the same
of a mailbox, or of an agent. Reads only: nothing is taken, leased or marked.`,
    args: [["<what>", "a mailbox, <mailbox>/<number> for a message, agent:<name>"]],
    examples: [
      ["Why is nobody working on it", "mq9 explain jobs"],
      ["What became of message 17", "mq9 explain jobs/17"],
      ["Does that agent hear me", "mq9 explain agent:clerk"],
    ],
    output: "one",
    exits: ["notFound"],
    exitNotes: { notFound: "there is no such mailbox, message or agent; the text says why" },
    run: async ({ args: [what = ""], options, out, connect }) => {
      const subject = subjectOf(what);
      const { mailboxToken: text } = options as ConnectionFlags;
      const token = text === undefined ? undefined : { mailbox: subject.name, text };
      const { mq9 } = await connect({ token });
      const explained = await explain(mq9, subject);
      const findings = explained.findings.map(findingJson);
      const value: ExplainJson = {
        ...subject,
        found: explained.found,
        worst: worst(findings),
        findings,
      };
      await out.result(
        value,
        () => `${out.colors.bold(oneLine(what))}\n${renderFindings(findings, out)}`,
      );
      return explained.found ? "done" : "notFound";
    },
  }),
];

type Subject = Pick<ExplainJson, "kind" | "name" | "msg_id">;

function subjectOf(what: string): Subject {
  const agent = /^agent:(.+)$/.exec(what)?.[1];
  if (agent !== undefined) return { kind: "agent", name: agent };
  const [, mailbox, number] = /^([^/#]+)[/#](\d{1,15})$/.exec(what) ?? [];
  if (mailbox !== undefined) return { kind: "message", name: mailbox, msg_id: Number(number) };
  if (what === "" || /[/#:\s]/.test(what)) {
    throw misuse(
      `${oneLine(what) || "nothing"} is no mailbox, message or agent`,
      "Type: mq9 explain jobs    mq9 explain jobs/17    mq9 explain agent:clerk",
    );
  }
  return { kind: "mailbox", name: what };
}

async function explain(
  mq9: Awaited<ReturnType<Parameters<CommandSpec["run"]>[0]["connect"]>>["mq9"],
  subject: Subject,
): Promise<Pick<ExplainJson, "findings" | "found">> {
  if (subject.kind === "agent") {
    const { explainAgent } = await import("../explain/agent.ts");
    return await explainAgent(mq9, subject.name);
  }
  const { explainMailbox, inspectMailbox } = await import("../explain/mailbox.ts");
  const mailbox = await inspectMailbox(mq9, subject.name);
  if (!("detail" in mailbox)) return mailbox;
  if (subject.msg_id === undefined) {
    return { findings: await explainMailbox(mq9, mailbox.detail), found: true };
  }
  const { explainMessage } = await import("../explain/message.ts");
  return await explainMessage(mq9, mailbox.detail, subject.msg_id);
}
