import { Turns } from "@mq9/mailbox";
import { expect, test } from "vitest";

test("tasks run one after the other, also after one that failed, and others come between", async () => {
  const turns = new Turns(1, () => new Promise(setImmediate));
  const seen: string[] = [];
  let running = 0;
  const task = (name: string) => async (): Promise<string> => {
    running += 1;
    expect(running).toBe(1);
    await new Promise(setImmediate);
    seen.push(name);
    running -= 1;
    if (name === "b") throw new Error("b fails");
    return name;
  };
  const all = ["a", "b", "c"].map((name) => turns.run(task(name)));
  setImmediate(() => seen.push("somebody else"));
  const ended = await Promise.allSettled(all);
  expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen.filter((name) => name.length === 1)).toEqual(["a", "b", "c"]);
  expect(seen.indexOf("somebody else")).toBeLessThan(seen.indexOf("c"));
  expect(await turns.run(task("d"))).toBe("d");
});
