import { Mq9Error } from "@mq9/protocol";
import { expect, it } from "vitest";
import { cliErrorOf } from "./errors.ts";

it.each<[message: string, hint: string]>([
  ["message 7 of mailbox jobs: no message of it has that number", "mq9 peek jobs"],
  ["message 7 of mailbox jobs: group clerks does not hold it", "mq9 receipt jobs 7"],
  ["group g of mailbox jobs has fetched nothing yet", "mq9 fetch jobs --group g"],
  ["something else", "mq9 receipt"],
])("what is not out with a group is told with what to type: %s", (message, hint) => {
  const error = cliErrorOf(new Mq9Error("not_delivered", message));
  expect(error).toMatchObject({ exit: "notFound", reason: "not_delivered", message });
  expect(error?.hint).toContain(hint);
});

it("names the flag where the SDK names its option", () => {
  const text =
    "the broker does not let this user hear answers (x): give the inboxPrefix that its rights name";
  expect(cliErrorOf(new Mq9Error("forbidden", text))).toMatchObject({
    exit: "noConnection",
    message: "the broker does not let this user hear answers (x)",
    hint: expect.stringContaining("--inbox-prefix"),
  });
});
