// Agents that set each other off: what they send names its cause, and the broker ends chains without end.
import { connect, type Mailbox } from "@mq9/sdk";
import { expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

it("three agents that pass a message on and on stop by themselves", async () => {
  await using mq9 = await connect(broker().url);
  const boxes: Mailbox[] = [];
  for (const name of ["ann", "ben", "cid"]) boxes.push(await mq9.createMailbox({ name }));
  let handled = 0;
  const refused = new Promise<unknown>((resolve) => {
    for (const [at, box] of boxes.entries()) {
      const next = boxes[(at + 1) % boxes.length] as Mailbox;
      box.consume(async (message) => {
        handled += 1;
        await next.send("and on", { cause: message }).catch(resolve);
      });
    }
  });
  await boxes[0]?.send("begin");
  expect(await refused).toMatchObject({ code: "forbidden" });
  expect(handled).toBe(16);
});

it("an answer counts as caused by what it answers", async () => {
  await using mq9 = await connect(broker().url);
  const asked = await mq9.createMailbox({ name: "asked" });
  const answers = await mq9.createMailbox({ name: "answers" });
  await asked.send("how are you?", { replyTo: "answers", headers: { "mq9-hops": "7" } });
  const [question] = await asked.fetch();
  await question?.reply("well");
  const [answer] = await answers.fetch();
  expect(question?.headers.get("mq9-hops")).toBe("8");
  expect(answer?.headers.get("mq9-hops")).toBe("9");
});
