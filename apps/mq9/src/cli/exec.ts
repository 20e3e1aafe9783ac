// A worker made of a shell command: run for each message, which is settled by how it ends. Called by
// `mq9 fetch --exec`. The body goes to its input and never onto a command line.
import { spawn } from "node:child_process";
import type { FetchResult, MailMessage, PullApi } from "@mq9/protocol";
import { messageJson } from "./message-view.ts";
import type { Output } from "./output.ts";
import type { TakenJson } from "./schemas/mail.ts";

/** How a command says that nobody can handle the message: EX_DATAERR of sysexits. */
const exitRejected = 65;
/** How long one look for mail waits, when it follows. */
const waitMs = 30_000;

export interface Work {
  readonly api: Pick<PullApi, "ack" | "nack" | "extend">;
  readonly mailbox: string;
  readonly group: string;
  readonly take: (limit: number, waitMs: number, mode: "held") => Promise<FetchResult>;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly exec: string;
  readonly follow?: true;
  readonly limit: number;
  readonly wait: number;
  readonly lease: number;
  readonly concurrency: number;
}

/** @returns how the whole ends: an error when a command failed, and it was not to go on */
export async function work(job: Work): Promise<"done" | "error" | "timeout"> {
  const { out, follow, limit, concurrency, signal } = job;
  const running = new Set<Promise<void>>();
  let begun = 0;
  let failed = 0;
  while (!signal.aborted && (follow === true || begun < limit)) {
    const room = Math.min(
      concurrency - running.size,
      follow === true ? concurrency : limit - begun,
    );
    const wait = follow === true ? waitMs : begun === 0 ? job.wait : 0;
    const messages = await takeUnlessAway(job, room, wait);
    if (messages.length === 0 && follow !== true) break;
    for (const message of messages) {
      begun += 1;
      const run = handle(job, message).then((ok) => {
        if (!ok) failed += 1;
        running.delete(run);
      });
      run.catch(() => {}); // heard where it is waited for
      running.add(run);
    }
    if (running.size >= concurrency) await Promise.race(running);
  }
  await Promise.all(running);
  await out.endItems("messages");
  if (begun === 0 && follow !== true) {
    out.note(`nothing for group ${job.group} in ${job.mailbox}`);
    return "timeout";
  }
  return failed > 0 && follow !== true ? "error" : "done";
}

/** A worker that goes on lives through a broker that is away. */
async function takeUnlessAway(
  job: Work,
  limit: number,
  wait: number,
): Promise<readonly MailMessage[]> {
  try {
    return await takeUnlessStopped(job, limit, wait);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (job.follow !== true || typeof code !== "string" || !passing.has(code)) throw error;
    job.out.note(`${message}; going on`);
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    return [];
  }
}

/** What is over when the broker is back. */
const passing: ReadonlySet<string> = new Set([
  "unreachable",
  "timeout",
  "draining",
  "storage_failed",
]);
const awayMs = 1_000;

/** What is taken while the command is being stopped goes back. */
async function takeUnlessStopped(
  { take, api, mailbox, group, signal }: Work,
  limit: number,
  wait: number,
): Promise<readonly MailMessage[]> {
  let stop: () => void = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener("abort", stop);
  });
  const taken = take(limit, wait, "held");
  const result = await Promise.race([taken, stopped]).finally(() => {
    signal.removeEventListener("abort", stop);
  });
  if (result !== undefined) return result.messages;
  taken.then(
    ({ messages }) => {
      for (const { msgId, deliveryCount } of messages) {
        // best effort: the lease ends with the connection
        api.nack({ mailbox, group, msgId, deliveryCount, unseen: true }).catch(() => {});
      }
    },
    () => {},
  );
  return [];
}

async function handle(job: Work, message: MailMessage): Promise<boolean> {
  const { api, mailbox, group, lease, out } = job;
  const { msgId, deliveryCount } = message;
  const which = { mailbox, group, msgId, deliveryCount };
  const keep = setInterval(
    () => {
      // best effort: the next one comes before the lease is over
      api.extend({ ...which, leaseMs: lease }).catch(() => {});
    },
    Math.max(500, lease / 3),
  );
  let exitCode: number;
  try {
    exitCode = await run(job, message);
  } finally {
    clearInterval(keep);
  }
  const outcome: TakenJson["outcome"] =
    exitCode === 0 ? "acked" : exitCode === exitRejected ? "rejected" : "returned";
  const reason = `the command ended with ${exitCode}`;
  try {
    if (outcome === "acked") await api.ack({ mailbox, group, msgId, mode: "one" });
    else await api.nack({ ...which, poison: outcome === "rejected" || undefined, reason });
  } catch (error) {
    // The work is done and the broker does not know it: told, for it may be done twice.
    out.warn(`message ${msgId}: ${reason}, but that was not settled: ${(error as Error).message}`);
    return false;
  }
  if (outcome !== "acked") {
    const where = outcome === "rejected" ? `went to ${mailbox}.dlq` : "goes back to the group";
    out.warn(`message ${msgId}: ${reason}; it ${where}`);
  }
  // People see what the command prints.
  await out.item({ ...messageJson(message), outcome, exit_code: exitCode }, () => "");
  return exitCode === 0;
}

/** @returns the exit code of the command; 127 when it could not be run, 128 when a signal ended it */
function run({ exec, out, mailbox }: Work, message: MailMessage): Promise<number> {
  const { from, key, tags, reply_to } = messageJson(message);
  return new Promise((resolve) => {
    const child = spawn(exec, {
      shell: true,
      // Under --json standard output is for JSON alone.
      stdio: ["pipe", out.form === "text" ? "inherit" : process.stderr, "inherit"],
      env: {
        ...process.env,
        MQ9_MAILBOX: mailbox,
        MQ9_MSG_ID: String(message.msgId),
        MQ9_PRIORITY: message.label,
        MQ9_FROM: from ?? "",
        MQ9_KEY: key ?? "",
        MQ9_TAGS: tags?.join(",") ?? "",
        MQ9_REPLY_TO: reply_to ?? "",
        MQ9_DELIVERY: String(message.deliveryCount ?? 1),
      },
    });
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 128));
    child.stdin?.on("error", () => {}); // a command that reads nothing is no error
    child.stdin?.end(message.payload);
  });
}
