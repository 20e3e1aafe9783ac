// Runs in the browser: a program on the SDK over WebSocket, whose broker dies under it. Reports to the server
// it came from, which kills the broker on the way.
import { connect } from "@mq9/sdk";

const { url } = await (await fetch("/settings")).json();
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });

try {
  const mq9 = await connect({ url, agent: "page" });
  const box = await mq9.createMailbox({ name: "page", public: true, desc: "lives in a browser" });
  await box.send({ hello: "world" }, { priority: "urgent", tags: ["first"] });
  const texts = [];
  const numbers = [];
  const reading = (async () => {
    for await (const message of box) {
      texts.push(message.text());
      numbers.push(message.msgId);
      if (texts.length === 3) return;
    }
  })();
  const [first] = await box.fetch({ group: "workers" });
  await first.ack();
  const receipt = await box.receipt(first.msgId);
  const status = mq9.status();
  await report({ step: "ready", value: first.value, state: receipt.groups[0].state });
  // The broker is killed now and started again.
  while ((await status.next()).value.type !== "disconnected");
  const while_away = await box.send("while it was away");
  await box.send("after");
  await reading;
  for await (const entry of mq9.directory()) {
    await report({ step: "survived", texts, numbers, while_away, mailId: entry.mailId });
    break;
  }
  await mq9.drain();
  const failure = await connect("nats://127.0.0.1:4222").catch((error) => error);
  await report({ step: "over", code: failure.code, message: failure.message });
} catch (error) {
  await report({ step: "failed", error: `${error.code} ${error.message} ${error.stack}` });
}
