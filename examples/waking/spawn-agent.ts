// npx tsx examples/waking/spawn-agent.ts <mailbox> <command> [argument...]
// A doorman of one small process: it starts the command for each message, which gets the message on
// standard input. Exit code 0 acknowledges it; any other brings it back later, and in the end to the dead
// letters. A message that comes meanwhile waits for its turn. Ctrl-C lets a running command finish.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "@mq9/sdk";

const [mailbox = "", command = "", ...args] = process.argv.slice(2);
const mq9 = await connect();
const doorman = mq9.mailbox(mailbox).consume(
  async (message, { signal }) => {
    const agent = spawn(command, args, { stdio: ["pipe", "inherit", "inherit"], signal });
    agent.stdin.end(message.data);
    const [code] = (await once(agent, "exit")) as [number | null];
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  },
  { concurrency: 1, retries: { max: 5 } },
);
process.once("SIGINT", () => void doorman.stop());
process.once("SIGTERM", () => void doorman.stop());
console.error(`waiting for mail in ${mailbox}`);
await doorman.done;
await mq9.close();
