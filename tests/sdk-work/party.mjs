// A program that asks or answers, for tests that kill it: party.mjs ask <url> <requestId> <timeoutMs>, or
// party.mjs answer <url> <how>. Tells what it does on stdout, line by line.
import fs from "node:fs";
import { connect } from "@mq9/sdk";

const [what, url, word, timeoutMs] = process.argv.slice(2);
const mq9 = await connect(url);
const box = mq9.mailbox("questions");
/** Written when it returns: the program may be killed right after. */
const tell = (text) => fs.writeSync(1, `${text}\n`);

if (what === "ask") {
  tell("asking");
  try {
    const answer = await box.request("how much?", {
      requestId: word,
      timeoutMs: Number(timeoutMs),
    });
    tell(`answer ${answer.text()}`);
  } catch (error) {
    tell(`failed ${error.code} ${error.message}`);
  }
  await mq9.close();
} else {
  box.reply(
    async (message) => {
      tell(`handling ${message.text()} ${message.deliveryCount}`);
      if (word === "hang") await new Promise(() => {});
      return `${word} by ${process.pid}`;
    },
    { group: "repliers" },
  );
  tell("ready");
}
