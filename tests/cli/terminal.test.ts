// What a person sees: commands in a real terminal of 80 columns by 24 rows, colours and all. The screens
// are read back as text, so that a line that wraps or a table that breaks shows.
import { randomUUID } from "node:crypto";
import { findPeer, runProgram } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { cleanEnvironment, executable, mq9 } from "./mq9.ts";

const tmux = findPeer("tmux");
const broker = useBroker();
const socket = `mq9-test-${randomUUID()}`;
const columns = 80;

async function inTmux(...args: readonly string[]): Promise<string> {
  const result = await runProgram(tmux.path ?? "tmux", ["-L", socket, ...args], {
    env: cleanEnvironment({ TERM: "xterm-256color", LANG: "C.UTF-8", LC_ALL: "C.UTF-8" }),
  });
  return result.stdout;
}

describe.skipIf(tmux.path === undefined)(
  `in a terminal${tmux.path === undefined ? ` (${tmux.reason})` : ""}`,
  () => {
    beforeAll(async () => {
      const size = ["-x", String(columns), "-y", "24"];
      const env = ["-e", `MQ9_URL=${broker().url}`, "-e", "PS1=> "];
      await inTmux(
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        ...size,
        ...env,
        "bash --norc --noprofile",
      );
      await inTmux(
        "send-keys",
        "-t",
        "0",
        `mq9() { ${process.execPath} ${executable} "$@"; }`,
        "Enter",
      );
      for (const line of [
        ["mailbox", "create", "inbox", "--ttl", "7d"],
        [
          "mailbox",
          "create",
          "a-mailbox.with-a-very-long-name.that-fills-most-of-a-line.of-a-terminal",
        ],
        [
          "mailbox",
          "create",
          "reviews",
          "--public",
          "--desc",
          "code reviews, answered within an hour by whoever has time, and longer than a line",
        ],
        [
          "send",
          "inbox",
          "review this, please: it is longer than a terminal is wide, because people write long sentences",
        ],
        ["send", "inbox", "\u001b[2J\u001b]0;owned\u0007 hidden", "-p", "critical"],
        [
          "send",
          "inbox",
          "日本語のメッセージは幅が二倍です。日本語のメッセージは幅が二倍です。日本語のメッセージ",
        ],
        ["send", "inbox", "later", "--delay", "1h"],
        [
          "agent",
          "register",
          "translator",
          "-m",
          "inbox",
          "-d",
          "French to English and back, with notes on what can not be said in the other language",
          "--skill",
          "translate,summarize",
        ],
      ]) {
        const { code, stderr } = await mq9(line, { env: { MQ9_URL: broker().url } });
        expect(code, stderr).toBe(0);
      }
    });

    afterAll(async () => {
      await inTmux("kill-server").catch(() => {});
    });

    /** Types a line into a clean screen and reads the screen once the prompt is back. */
    async function screen(line: string, colours = false): Promise<string[]> {
      const mark = `end-${randomUUID().slice(0, 8)}`;
      await inTmux("send-keys", "-t", "0", `clear; ${line}; echo ${mark} $?`, "Enter");
      const text = await until(async () => {
        const shown = await inTmux("capture-pane", "-p", "-t", "0", ...(colours ? ["-e"] : []));
        return new RegExp(`^${mark} \\d+`, "m").test(shown) ? shown : undefined;
      });
      const lines = text.split("\n").map((each) => each.trimEnd());
      return lines.slice(
        0,
        lines.findIndex((each) => each.startsWith(mark)),
      );
    }

    it("fits tables into 80 columns, and cuts what is too long", async () => {
      const shown = await screen("mq9 mailbox ls");
      expect(shown[0]).toMatch(/^NAME +KIND +ENDS +DESCRIPTION$/);
      expect(shown).toHaveLength(4);
      expect(shown[1]).toMatch(/^a-mailbox\.with-a-very-\S*… +standard +never$/);
      expect(shown[3]).toMatch(/^reviews +standard, public +never +code reviews.*…$/);
      const agents = await screen("mq9 agent ls");
      expect(agents[1]).toMatch(
        /^translator +active +\S+ +inbox +translate, summa\S* +French to.*…$/,
      );
    });

    it("shows what others wrote, and obeys none of it", async () => {
      const shown = await screen("mq9 peek inbox");
      expect(shown).toHaveLength(4);
      expect(shown[0]).toMatch(/^ID +PRIORITY +AGE +BODY$/);
      expect(shown[1]).toMatch(/^ 0 +normal +\S+ +review this, please.*…$/);
      expect(shown[2]).toMatch(/^ 1 +critical +\S+ +␛\[2J␛\]0;owned␇ hidden$/);
      expect(shown[3]).toMatch(/^ 2 +normal +\S+ +日本語.*…$/);
      const one = await screen("mq9 peek inbox 1");
      expect(one.join("\n")).toContain("␛[2J␛]0;owned␇ hidden");
    });

    it("colours on terminals, and never with NO_COLOR", async () => {
      const coloured = (await screen("mq9 mailbox ls", true)).join("\n");
      expect(coloured).toContain("\u001b[1mNAME");
      const plain = (await screen("NO_COLOR=1 mq9 mailbox ls", true)).join("\n");
      expect(plain).not.toContain("\u001b[1m");
      const error = (await screen("mq9 mailbox info nobox", true)).join("\n");
      expect(error).toContain("\u001b[31merror:");
    });

    it("says what to type next", async () => {
      expect(await screen("mq9 fetch inbox --group g")).toEqual([
        expect.stringMatching(/^#1 {2}critical {2}\S+$/),
        "␛[2J␛]0;owned␇ hidden",
        "yours for 30s; when done: mq9 ack inbox 1 --group g",
      ]);
      expect(await screen("mq9 mailbox create fresh")).toEqual(["created; never ends", "fresh"]);
      expect(await screen("mq9 send nobody hi")).toEqual([
        "error: mailbox nobody does not exist",
        "Create it with: mq9 mailbox create nobody",
      ]);
    });

    it.each<[line: string, first: RegExp]>([
      ["mq9 mailbox info inbox", /^inbox$/],
      ["mq9 mailbox ls --long", /^NAME +MESSAGES +SIZE +ENDS +DESCRIPTION$/],
      ["mq9 mailbox renew inbox --ttl 2h", /^inbox ends in 2h$/],
      ["mq9 mailbox grant inbox send -q", /^mq9t-[0-9a-f]{32}$/],
      ["mq9 mailbox grants inbox", /^TOKEN +RIGHTS +ENDS +BY$/],
      ["mq9 peek inbox --full -n 1", /^#2 {2}normal {2}\S+$/],
      ["mq9 peek inbox --scheduled", /^SCHEDULED +VISIBLE AT +BODY$/],
      ["mq9 receipt inbox 1", /^message 1 is stored; somebody has read it$/],
      ["mq9 fetch inbox --group h --ack", /^#1 {2}critical {2}\S+$/],
      ["mq9 fetch inbox --group h", /^#0 {2}normal {2}\S+$/],
      ["mq9 extend inbox 0 --group h", /^\d{4}-\d\d-\d\dT\S+Z$/],
      [
        "mq9 nack inbox 0 --group h --poison --reason 'a long reason: nothing anybody could do'",
        /^0 went to inbox\.dlq$/,
      ],
      ["mq9 dlq ls inbox", /^ID +WAS +GROUP +AGE +WHY +BODY$/],
      ["mq9 dlq show inbox 0", /^#0 {2}normal {2}\S+$/],
      ["mq9 dlq retry inbox 0", /^put back 1 letter$/],
      ["mq9 dlq purge inbox --yes", /^removed 0 letters$/],
      ["mq9 drain inbox --group h", /^#0 {2}normal {2}\S+/],
      ["mq9 ack inbox 0 --group h", /^nothing to do: group h had settled that before$/],
      ["mq9 watch inbox -n 1", /^\d\d:\d\d:\d\d {2}inbox {2}3 messages, /],
      ["mq9 agent find french", /^NAME +STATE +SEEN +MAILBOX +SKILLS +DESCRIPTION$/],
      ["mq9 agent watch -n 1", /^is there {2}translator at inbox$/],
      ["mq9 wait inbox --group new --timeout 2s", /mq9 fetch inbox/],
      ["mq9 explain inbox", /^inbox$/],
      ["mq9 explain inbox/0", /^inbox\/0$/],
      ["mq9 explain agent:translator", /^agent:translator$/],
      ["mq9 doctor", /^ok {4}Node \d+/],
      ["mq9 top --once", /^nats:\S+ {2}\d\d:\d\d:\d\d {2}\d+ mailbox/],
      ["mq9 bench send --time 100ms --warmup 10ms", /^LOAD +A SECOND +P50 MS +P99 MS/],
      ["mq9 context ls", /^No contexts\. Make one with:/],
      ["mq9 export inbox -q | cut -c 1-60", /^\{"line":"begin","export":1,/],
      ["mq9 completion bash | head -1", /^# Completion of mq9 for bash/],
      ["mq9 schema doctor | head -3 | tail -1", /"title": "mq9 doctor --json"/],
      ["mq9 nkey", /^SU[A-Z2-7]{56}$/],
    ])("%s", async (line, first) => {
      const shown = await screen(line);
      expect(shown[0]).toMatch(first);
      expect(shown.join("\n")).not.toContain("error:");
    });

    it("asks before it destroys, and takes no for an answer", async () => {
      await inTmux("send-keys", "-t", "0", "clear; mq9 mailbox drop inbox", "Enter");
      await until(async () => {
        const shown = await inTmux("capture-pane", "-p", "-t", "0");
        return shown.includes("drop inbox with 3 messages? [y/N]") ? shown : undefined;
      });
      await inTmux("send-keys", "-t", "0", "n", "Enter");
      await until(async () => {
        const shown = await inTmux("capture-pane", "-p", "-t", "0");
        return shown.includes("error: inbox was not dropped") ? shown : undefined;
      });
      expect(
        (await mq9(["mailbox", "info", "inbox"], { env: { MQ9_URL: broker().url } })).code,
      ).toBe(0);
    });

    it("ends a tail with Ctrl-C, quietly and with 0", async () => {
      await inTmux("send-keys", "-t", "0", "clear; mq9 tail inbox; echo ended $?", "Enter");
      await until(async () => {
        const shown = await inTmux("capture-pane", "-p", "-t", "0");
        return shown.includes("日本語") ? shown : undefined;
      });
      await inTmux("send-keys", "-t", "0", "C-c", "");
      const shown = await until(async () => {
        const text = await inTmux("capture-pane", "-p", "-t", "0");
        return /ended \d+$/m.test(text) ? text : undefined;
      });
      expect(shown).toMatch(/^\^Cended 0$/m);
    });

    it("keeps help within the screen", async () => {
      const { stdout } = await mq9(["mailbox", "create", "--help"]);
      expect(stdout.split("\n").length).toBeLessThanOrEqual(40);
      const shown = await screen("mq9 mailbox create --help | head -20");
      for (const line of shown) expect(line.length).toBeLessThanOrEqual(columns);
      expect(shown[0]).toBe("Usage: mq9 mailbox create [options] [name]");
    });
  },
);
