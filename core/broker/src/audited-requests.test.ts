import { defaultDialectOptions, openRequest } from "@mq9/dialects";
import { Mq9Error } from "@mq9/protocol";
import { expect, test } from "vitest";
import type { AuditActor, AuditFact } from "./audit.ts";
import { audited } from "./audited-requests.ts";

const by: AuditActor = { account: "A", user: "ann", client: 7, address: "127.0.0.1", name: "" };
const caller = { clientName: "", generation: undefined };

test("a request tells what it did only once it succeeded, and answers as before", () => {
  const told: AuditFact[] = [];
  const opened = openRequest(
    { verb: "drop", mailbox: "orders" },
    Buffer.from("{}"),
    caller,
    defaultDialectOptions,
  );
  if (opened.op !== "drop") throw new Error(`unexpected ${opened.op}`);
  const exchange = audited(opened, by, (fact) => told.push(fact));
  if (exchange.op !== "drop") throw new Error(`unexpected ${exchange.op}`);
  const error = new Mq9Error("not_found", "no such mailbox");
  expect(exchange.fail(error)).toEqual(opened.fail(error));
  expect(told).toEqual([]);
  expect(exchange.succeed()).toEqual(opened.succeed());
  expect(told).toEqual([{ kind: "mailbox.dropped", by, mailbox: "orders" }]);
});

test("a request that changes nothing is left as it is", () => {
  const opened = openRequest(
    { verb: "info", mailbox: "orders" },
    Buffer.from("{}"),
    caller,
    defaultDialectOptions,
  );
  if (opened.op === "refused") throw new Error("refused");
  expect(audited(opened, by, () => {})).toBe(opened);
});
