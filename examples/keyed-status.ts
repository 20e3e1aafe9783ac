// npx tsx examples/keyed-status.ts
// One mailbox for the state of everything: a message with a key takes the place of the one that has it,
// on disk and in the same moment. Who asks later gets one row per key.
import { connect } from "@mq9/sdk";

const mq9 = await connect();
const board = await mq9.createMailbox({ ttlSeconds: 3600 });
await board.send({ status: "queued" }, { key: "build-17", tags: ["build"] });
await board.send({ status: "queued" }, { key: "deploy-3", tags: ["deploy"] });
await board.send({ status: "running" }, { key: "build-17", tags: ["build"] });
await board.send({ status: "green" }, { key: "build-17", tags: ["build"] });

for (const message of await board.query()) {
  console.log(`${message.key}: ${message.json<{ status: string }>().status}`);
}
const [build] = await board.query({ tags: ["build"] });
console.log(`of all builds: ${build?.key} is ${build?.json<{ status: string }>().status}`);
await mq9.close();

// deploy-3: queued
// build-17: green
// of all builds: build-17 is green
