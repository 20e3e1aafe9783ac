// Contexts as a person keeps them: files, secrets, the one that is used, those of the nats command line.
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type ProgramResult, type TempDir, tempDir } from "@mq9/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mq9 } from "./support.ts";

let dir: TempDir;

beforeEach(async () => {
  dir = await tempDir("mq9-context");
});

afterEach(async () => {
  await dir.remove();
});

function context(...args: string[]): Promise<ProgramResult> {
  return mq9(["context", ...args], { env: { XDG_CONFIG_HOME: dir.path }, cwd: dir.path });
}

const file = () => path.join(dir.path, "mq9/context/work.json");

describe("mq9 context", () => {
  it("keeps a connection in a file of the owner's alone, and masks its secrets", async () => {
    const secret = ["--password", "hunter2", "--user", "ann", "--tls-ca", "ca.pem"];
    const made = await context("create", "work", "--url", "nats://bob:pw@h:1,tls://i", ...secret);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file(), "utf8"))).toEqual({
      url: "nats://bob:pw@h:1,tls://i",
      user: "ann",
      password: "hunter2",
      tlsCa: path.join(dir.path, "ca.pem"),
    });
    for (const args of [["show", "work"], ["show", "work", "--json"], ["ls"], ["ls", "--json"]]) {
      const shown = await context(...args);
      expect(shown.code).toBe(0);
      expect(shown.stdout).toContain("nats://bob:********@h:1,tls://i");
      expect(shown.stdout).not.toMatch(/hunter2|pw@/);
    }
  });

  it("is used once selected, until it is removed", async () => {
    await context("create", "work", "--url", "nats://h:1", "--select");
    await context("create", "lab", "--url", "nats://h:2", "--token", "t");
    expect((await context("show")).stdout).toContain("nats://h:1");
    expect((await context("select", "lab")).code).toBe(0);
    expect((await context("ls")).stdout).toMatch(/lab \* .*h:2 .*token/);
    expect((await context("rm", "lab")).code).toBe(0);
    expect((await context("show")).code).toBe(3);
    expect((await context("select", "--none", "--json")).stdout).toContain('{"selected":null}');
  });

  it("takes an address without a scheme for nats://, and keeps its password masked", async () => {
    expect((await context("create", "work", "--url", "bob:pw@h:1, i")).code).toBe(0);
    const kept = JSON.parse(await readFile(file(), "utf8"));
    expect(kept).toEqual({ url: "nats://bob:pw@h:1,nats://i" });
    expect((await context("show", "work")).stdout).not.toContain("pw@");
    const wrong = await context("create", "web", "--url", "http://h");
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain("For instance nats://host:4222");
  });

  it("replaces nothing unasked, and says what to type instead", async () => {
    await context("create", "work", "--url", "nats://h:1");
    const again = await context("create", "work", "--url", "nats://h:2");
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("--force");
    expect(await readFile(file(), "utf8")).toContain("h:1");
    expect((await context("create", "work", "--url", "nats://h:2", "--force")).code).toBe(0);
    const near = await context("show", "wrok");
    expect(near).toMatchObject({ code: 3, stdout: "" });
    expect(near.stderr).toContain("Did you mean work?");
  });

  it.each([
    [["create", "../evil", "--url", "nats://h"], "can not be the name"],
    [["create", "a", "--url", "http://h"], "no address of a broker"],
    [["create", "a"], "needs an address"],
    [["create", "a", "--url", "nats://h", "--password", "x"], "a password needs --user"],
    [["select"], "which one?"],
  ])("refuses %j", async (args, says) => {
    const result = await context(...args);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(says);
  });

  it("shows those of the nats command line, and leaves them alone", async () => {
    const folder = path.join(dir.path, "nats/context");
    await mkdir(folder, { recursive: true });
    const theirs = JSON.stringify({ url: "nats://n:4", user: "u", password: "secret" });
    await writeFile(path.join(folder, "ngs.json"), theirs);
    await writeFile(path.join(folder, "odd.json"), "[]");
    const listed = JSON.parse((await context("ls", "--json")).stdout) as object;
    expect(listed).toMatchObject({
      contexts: [
        { name: "ngs", of: "nats", url: "nats://n:4", as: "u", selected: false },
        { name: "odd", of: "nats", problem: expect.stringContaining("no JSON object") },
      ],
    });
    expect((await context("show", "ngs")).stdout).not.toContain("secret");
    const removed = await context("rm", "ngs");
    expect(removed.code).toBe(1);
    expect(removed.stderr).toContain("nats context rm ngs");
  });
});
