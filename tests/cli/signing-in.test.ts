// Who a command is, where the broker has users: each way to say it, what is refused and how, and tokens
// that one user hands to another.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAuthority, startBroker } from "@mq9/testkit";
import { afterAll, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { fitting, mq9, type Ran, words } from "./mq9.ts";

const folder = mkdtempSync(path.join(tmpdir(), "mq9-users-"));
const config = path.join(folder, "server.conf");
writeFileSync(
  config,
  'accounts { A { send_to: granted, users = [ { user: ann, password: "a/n:n" }, { user: bob, password: bobs }, { user: eve, password: eves, profile: agent } ] } }\n',
);
writeFileSync(path.join(folder, "password"), "a/n:n\n");
mkdirSync(path.join(folder, "mq9/context"), { recursive: true });
chmodSync(folder, 0o700);

const broker = useBroker({ args: ["--config", config] });

afterAll(() => rmSync(folder, { recursive: true }));

async function run(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const url = broker().url;
  return await mq9(words(line.replaceAll("@URL", url.replace("nats://", ""))), {
    env: { MQ9_URL: url, XDG_CONFIG_HOME: folder, ...env },
  });
}

it("signs in by flags, a file, the environment, the address or a context", async () => {
  writeFileSync(
    path.join(folder, "mq9/context/ann.json"),
    JSON.stringify({ url: broker().url, user: "ann", password: "a/n:n" }),
  );
  const made = await run("mailbox create box --user ann --password a/n:n --json");
  expect(made.code, made.stderr).toBe(0);
  for (const [line, env] of [
    [`mailbox info box --user ann --password @${path.join(folder, "password")}`, {}],
    ["mailbox info box", { MQ9_USER: "ann", MQ9_PASSWORD: "a/n:n" }],
    ["mailbox info box --url nats://ann:a%2Fn%3An@@URL", {}],
    ["mailbox info box --context ann", {}],
    ["mailbox info box", { MQ9_CONTEXT: "ann" }],
  ] as const) {
    const { code, stderr } = await run(line, env);
    expect(code, `${line}\n${stderr}`).toBe(0);
  }
});

it("says that it was not let in, and shows no password", async () => {
  for (const line of [
    "mailbox ls",
    "mailbox ls --user ann --password wrong-secret",
    "mailbox ls --url nats://ann:wrong-secret@@URL",
    "mailbox ls --token wrong-secret --json",
  ]) {
    const { code, stdout, stderr } = await run(line);
    expect(code, line).toBe(5);
    expect(stdout).toBe("");
    expect(stderr).toContain("mq9 help connection");
    expect(stderr).not.toContain("wrong-secret");
    if (!line.endsWith("--json")) continue;
    expect(fitting("error", stderr)).toMatchObject({ error: { reason: "unauthorized" } });
  }
});

it("hears answers where the rights of an agent let it", async () => {
  const eve = "--user eve --password eves";
  const deaf = await run(`mailbox create of-eve ${eve}`);
  expect(deaf.code).toBe(5);
  expect(deaf.stderr).toContain("--inbox-prefix _INBOX_<user>    or MQ9_INBOX_PREFIX");
  const examined = await run(`doctor ${eve} --json`);
  expect(examined.code).toBe(1);
  expect(fitting("doctor", examined.stdout)).toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ code: "no_inbox" })]),
  });
  const made = await run(`mailbox create of-eve ${eve} --inbox-prefix _INBOX_eve`);
  expect(made.code, made.stderr).toBe(0);
  expect((await run(`peek of-eve ${eve}`, { MQ9_INBOX_PREFIX: "_INBOX_eve" })).code).toBe(0);
  writeFileSync(
    path.join(folder, "mq9/context/eve.json"),
    JSON.stringify({
      url: broker().url,
      user: "eve",
      password: "eves",
      inboxPrefix: "_INBOX_eve",
    }),
  );
  expect((await run("mailbox info of-eve --context eve")).code).toBe(0);
});

it("takes the seed out of what `mq9 nkey` writes, and names a file without one", async () => {
  const keys = path.join(folder, "agent.keys");
  writeFileSync(keys, (await run("nkey")).stdout);
  const refused = await run(`mailbox ls --nkey ${keys}`);
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain("mq9 help connection");
  const none = await run(`mailbox ls --nkey ${path.join(folder, "password")}`);
  expect(none).toMatchObject({ code: 2 });
  expect(none.stderr).toContain(
    "holds no seed of a key pair\nA seed is a line that begins with SU",
  );
});

it("names the flag where a certificate is missing", async () => {
  const authority = await createAuthority(folder);
  const server = await authority.issue("server", { subject: "/CN=b", altNames: "IP:127.0.0.1" });
  const tls = ["--tls", "--tlscert", server.certFile, "--tlskey", server.keyFile];
  await using encrypted = await startBroker({ args: tls });
  const url = encrypted.url.replace("nats:", "tls:");
  const untrusting = await run(`mailbox ls --url ${url}`);
  expect(untrusting.code).toBe(5);
  expect(untrusting.stderr).toMatch(
    /signed by nobody known here\nName the certificate of its authority: --tls-ca <file>\n$/,
  );
  expect((await run(`mailbox ls --url ${url} --tls-ca ${authority.certFile}`)).code).toBe(0);
});

it("hands rights on a mailbox to another user by a token", async () => {
  const ann = "--user ann --password a/n:n";
  const bob = "--user bob --password bobs";
  expect((await run(`send box hello ${bob}`)).code).toBe(3);
  const token = (await run(`mailbox grant box send query ${ann}`)).stdout.trim();
  expect((await run(`send box hello ${bob} --mailbox-token ${token}`)).stdout).toBe("0\n");
  const seen = await run(`peek box 0 ${bob} --mailbox-token ${token} --jsonl`);
  expect(fitting("peek.line", seen.stdout)).toMatchObject({ body: "hello", from: "bob" });
  expect((await run(`fetch box ${bob} --mailbox-token ${token}`)).code).toBe(3);
});
