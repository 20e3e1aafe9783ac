// The client itself is killed in the middle of its work: what it had taken goes to others, and what it was
// sending can be sent again by its successor without being stored twice.
import { connect } from "@mq9/sdk";
import { repositoryRoot, startChild } from "@mq9/testkit";
import { expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

/** A program on the published files of the SDK, in a process of its own. */
function program(lines: string): ReturnType<typeof startChild> {
  const code = `import { connect } from "@mq9/sdk";\nconst mq9 = await connect();\n${lines}`;
  return startChild(process.execPath, ["--input-type=module", "-e", code], {
    cwd: repositoryRoot,
    env: { ...process.env, MQ9_URL: broker().url },
  });
}

it("what a killed worker held is handed to the next", async () => {
  await using mq9 = await connect(broker().url);
  const box = await mq9.createMailbox({ name: "jobs" });
  await box.send("job");
  const worker = program(
    `const [job] = await mq9.mailbox("jobs").fetch({ group: "w" }); console.log("got", job.text());`,
  );
  await worker.waitFor(/got job/);
  expect(await box.fetch({ group: "w", waitMs: 0 })).toEqual([]);
  worker.process.kill("SIGKILL");
  await worker.ended;
  const [job] = await box.fetch({ group: "w", waitMs: 10_000 });
  expect(job).toMatchObject({ msgId: 0, deliveryCount: 2 });
  await job?.ack();
});

it("a killed sender's successor sends the same ids, and each is stored once", async () => {
  await using mq9 = await connect(broker().url);
  const box = await mq9.createMailbox({ name: "ledger" });
  const sending = `for (let i = 0; i < 2000; i += 1) {
    await mq9.send("ledger", "entry " + i, { dedupId: "entry-" + i });
    if (i % 100 === 0) console.log("at", i);
  }
  console.log("done"); await mq9.close();`;
  for (const mark of [/at 300\b/, /at 700\b/]) {
    const sender = program(sending);
    await sender.waitFor(mark);
    sender.process.kill("SIGKILL");
    await sender.ended;
  }
  const last = program(sending);
  expect((await last.ended).code).toBe(0);
  const entries: string[] = [];
  for await (const message of box.list()) entries.push(message.text());
  expect(entries.toReversed()).toEqual(Array.from({ length: 2000 }, (_, i) => `entry ${i}`));
});
