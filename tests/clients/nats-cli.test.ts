// The nats command line against the broker: plain NATS, mailboxes, and watching everything pass.
import { findPeer, runProgram, startChild, type TempDir, tempDir } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const { path: nats = "nats", reason } = findPeer("nats");

describe.skipIf(reason !== "")(`the nats command line ${reason}`, () => {
  const broker = useBroker();
  let home: TempDir;
  beforeAll(async () => {
    home = await tempDir("nats-cli");
  });
  afterAll(() => home.remove());

  const options = () => ({
    env: {
      PATH: process.env["PATH"],
      HOME: home.path,
      XDG_CONFIG_HOME: home.path,
      NATS_URL: broker().url,
    },
  });
  const start = (...args: string[]) => startChild(nats, args, options());
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(nats, args, options());
    expect(code, stdout + stderr).toBe(0);
    return stdout;
  };
  const request = async (subject: string, body: string): Promise<Record<string, unknown>> =>
    JSON.parse(await run("request", "--raw", subject, body));
  const createMailbox = async (): Promise<string> =>
    String((await request("$mq9.AI.MAILBOX.CREATE", '{"ttl":3600}'))["mail_id"]);

  it("subscribes and publishes, with headers", async () => {
    const subscriber = start("sub", "cli.plain.>", "--count", "1");
    let ended = false;
    void subscriber.ended.then(() => {
      ended = true;
    });
    // The command says that it subscribes before the broker knows, so knock until it opens.
    while (!ended) await run("pub", "cli.plain.hello", "world", "-H", "trace:abc");
    expect(subscriber.stdout).toContain("cli.plain.hello");
    expect(subscriber.stdout).toContain("trace: abc");
    expect(subscriber.stdout).toContain("world");
  });

  it("answers requests, and says when nobody does", async () => {
    const nobody = await runProgram(nats, ["request", "cli.service", "x"], options());
    expect(nobody.stdout + nobody.stderr).toMatch(/no responders/i);

    const service = start("reply", "cli.service", "reply to {{.Request}}");
    await service.waitFor(/Listening on "cli\.service"/);
    let answer = "";
    while (!answer.includes("reply")) {
      answer = (await runProgram(nats, ["request", "--raw", "cli.service", "you"], options()))
        .stdout;
    }
    service.process.kill("SIGTERM");
    expect(answer.trim()).toBe("reply to you");
  });

  it("fills a mailbox and reads it later, urgent mail first", async () => {
    const id = await createMailbox();
    await run("pub", `$mq9.AI.MAILBOX.MSG.${id}`, "normal mail");
    await run("pub", `$mq9.AI.INBOX.${id}.urgent`, "urgent mail");
    await run("pub", `$mq9.AI.MAILBOX.MSG.${id}.critical`, "critical mail");
    const mail = await run("sub", "--raw", "--count", "3", `$mq9.AI.MAILBOX.MSG.${id}.*`);
    expect(mail.trim().split(/\n+/)).toEqual(["critical mail", "urgent mail", "normal mail"]);

    const shown = await run("sub", "--count", "3", `$mq9.AI.MAILBOX.MSG.${id}.*`);
    expect(shown).toContain("mq9-msg-id: 2");
    const { messages } = await request(`$mq9.AI.MAILBOX.LIST.${id}`, "{}");
    expect(messages).toHaveLength(3);
  });

  it("moves a payload of exactly one mebibyte through a mailbox", async () => {
    const id = await createMailbox();
    const payload = "x".repeat(1_048_576);
    const publisher = startChild(nats, ["pub", `$mq9.AI.MAILBOX.MSG.${id}`, "--force-stdin"], {
      ...options(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    publisher.process.stdin?.end(payload);
    expect((await publisher.ended).code, publisher.stderr).toBe(0);
    const mail = await run("sub", "--raw", "--count", "1", `$mq9.AI.MAILBOX.MSG.${id}.*`);
    expect(mail.trim() === payload).toBe(true);
  });

  it("watches all mq9 traffic with nats sub '$mq9.AI.#'", async () => {
    const tap = start("sub", "$mq9.AI.#", "--count", "1");
    let ended = false;
    void tap.ended.then(() => {
      ended = true;
    });
    const id = await createMailbox();
    while (!ended) await run("pub", `$mq9.AI.INBOX.${id}.urgent`, "seen in passing");
    expect(tap.stdout).toMatch(/\$mq9\.AI\.(INBOX|MAILBOX)/);
  });

  it("is told that a subscription to every mailbox is refused", async () => {
    const curious = start("sub", "$mq9.AI.MAILBOX.MSG.*");
    await curious.waitFor(/permissions violation/i);
    curious.process.kill("SIGTERM");
    await curious.ended;
  });
});
