// Commands that run for long: what they survive, and how they end.
import { startChild, tempDir } from "@mq9/testkit";
import { expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { cleanEnvironment, executable, fitting, mq9, words } from "./mq9.ts";

const broker = useBroker();

function start(line: string, more: readonly string[] = []) {
  const env = cleanEnvironment({ MQ9_URL: broker().url });
  return startChild(process.execPath, [executable, ...words(line), ...more], { env });
}

async function ok(line: string): Promise<string> {
  const { code, stdout, stderr } = await mq9(words(line), { env: { MQ9_URL: broker().url } });
  expect(code, `${line}\n${stdout}${stderr}`).toBe(0);
  return stdout.trimEnd();
}

async function stateOf(mailbox: string, id: number): Promise<string | undefined> {
  const text = await ok(`receipt ${mailbox} ${id} --json`);
  const { groups } = fitting<{ groups: { state: string }[] }>("receipt", text);
  return groups[0]?.state;
}

it("a worker that is asked to stop finishes what it has, settles it, and ends with 0", async () => {
  await using folder = await tempDir("cli-worker");
  await ok("mailbox create jobs");
  await ok("send jobs one");
  await ok("send jobs two");
  const command = `echo begun; while [ ! -e ${folder.path}/go ]; do sleep 0.05; done; echo done`;
  const worker = start("fetch jobs --follow --exec", [command]);
  await worker.waitFor(/begun/);
  worker.process.kill("SIGTERM");
  await mq9(["--version"]); // time in which it could end too early
  expect(worker.process.exitCode).toBeNull();
  startChild("touch", [`${folder.path}/go`]);
  expect((await worker.ended).code).toBe(0);
  expect(worker.stdout).toBe("begun\ndone\n");
  expect(await stateOf("jobs", 0)).toBe("acked");
  expect(await ok("fetch jobs --ack --raw")).toBe("two");
});

it("what a killed worker had goes to others at once", async () => {
  await ok("mailbox create crash");
  await ok("send crash job");
  const worker = start("fetch crash --lease 10m --exec", ["echo begun; sleep 3"]);
  await worker.waitFor(/begun/);
  const gone = new Promise((resolve) => worker.process.once("exit", resolve));
  worker.process.kill("SIGKILL");
  await gone;
  const again = await ok("fetch crash --wait 5s --ack --jsonl");
  expect(fitting("fetch.line", again)).toMatchObject({ body: "job", delivery_count: 2 });
});

it("a worker and a tail go on when the broker is killed and comes back", async () => {
  await ok("mailbox create durable");
  const worker = start("fetch durable --follow --exec", ["cat; echo"]);
  const tail = start("tail durable --jsonl");
  await ok("send durable before");
  await Promise.all([worker.waitFor(/before/), tail.waitFor(/before/)]);
  await broker().kill();
  await broker().restart();
  await ok("send durable after");
  await Promise.all([worker.waitFor(/after/), tail.waitFor(/after/)]);
  await until(async () => ((await stateOf("durable", 1)) === "acked" ? true : undefined));
  for (const child of [worker, tail]) child.process.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  expect((await tail.ended).code).toBe(0);
  expect(worker.stdout).toBe("before\nafter\n");
  const lines = tail.stdout.trimEnd().split("\n");
  expect(lines.map((line) => fitting("tail.line", line)["body"])).toEqual(["before", "after"]);
});

it("a reader that has enough ends what writes to it", async () => {
  await ok("mailbox create pipe");
  for (const body of ["one", "two", "three"]) await ok(`send pipe ${body}`);
  const env = cleanEnvironment({ MQ9_URL: broker().url });
  const line = `set -o pipefail; '${process.execPath}' '${executable}' tail pipe --raw | head -n 1`;
  const reader = startChild("bash", ["-c", line], { env });
  await reader.waitFor(/one/);
  await ok("send pipe four"); // the pipe is noticed with the next write
  expect(await reader.ended).toMatchObject({ code: 0 });
  expect(reader.stderr).toBe("");
});
