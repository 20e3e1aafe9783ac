// npx tsx examples/edge-device.ts
// An edge device loses its network in the middle of its work: here its process is stopped for some
// seconds, as good as hours. Commands wait on disk; back again, it gets the urgent ones first.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "@mq9/sdk";

const [edgeId] = process.argv.slice(2);

async function edge(): Promise<void> {
  const mq9 = await connect();
  process.send?.("edge: online");
  for (;;) {
    const inbox = mq9.mailbox(edgeId ?? "");
    const [command] = await inbox.fetch({ group: "device", limit: 1, waitMs: 10_000 });
    if (command === undefined) continue;
    // Here the device does it. Only then it says so, and only that it never gets again.
    await command.ack();
    process.send?.(`edge: ${command.text()}`);
  }
}

async function cloud(): Promise<void> {
  const mq9 = await connect();
  const commands = await mq9.createMailbox({ ttlSeconds: 86_400 });
  const hear = async () => console.log(String((await once(device, "message"))[0]));
  const file = fileURLToPath(import.meta.url);

  let device = fork(file, [commands.name]);
  await hear();
  await commands.send("measure");
  await hear();

  device.kill("SIGKILL");
  await once(device, "exit");
  console.log("edge: offline");
  await commands.send("update configuration");
  await commands.send("rotate logs", { priority: "low" });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await commands.send("emergency stop", { priority: "critical" });

  device = fork(file, [commands.name]);
  for (let lines = 4; lines > 0; lines -= 1) await hear();
  device.kill("SIGKILL");
  await mq9.close();
}

await (edgeId === undefined ? cloud() : edge());

// edge: online
// edge: measure
// edge: offline
// edge: online
// edge: emergency stop
// edge: update configuration
// edge: rotate logs
