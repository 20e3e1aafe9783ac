import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { findPeer, repositoryRoot, runProgram } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { eventually, type Rig, sample, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const encode = (body: object): string => JSON.stringify(body);

describe("what happens to mail is counted", () => {
  test("from a send to its acknowledgement", async () => {
    const client = await rig.client();
    const ask = async (subject: string, body: object | string): Promise<unknown> =>
      (await client.request(subject, typeof body === "string" ? body : encode(body))).json<
        Record<string, unknown>
      >();
    await ask("$mq9.AI.MAILBOX.CREATE", { name: "counted", ttl: 600 });
    const before = await rig.metrics();
    const grown = async (name: string): Promise<number> =>
      (sample(await rig.metrics(), name) ?? 0) - (sample(before, name) ?? 0);
    for (let at = 0; at < 3; at += 1) await ask("$mq9.AI.MSG.SEND.counted", `message ${at}`);
    await ask("$mq9.AI.MSG.SEND.nowhere", "lost");
    expect(await grown("mq9_sends_accepted_total")).toBe(3);
    expect(await grown('mq9_sends_refused_total{code="not_found"}')).toBe(1);
    expect(await grown("mq9_send_duration_seconds_count")).toBe(3);
    expect(await grown('mq9_stored_messages{account="$G"}')).toBe(3);
    expect(await grown('mq9_stored_bytes{account="$G"}')).toBe(27);

    const fetched = (await ask("$mq9.AI.MSG.FETCH.counted", {
      group_name: "workers",
      deliver: "earliest",
      config: { num_msgs: 2 },
    })) as { messages: { msg_id: number }[] };
    expect(fetched.messages).toHaveLength(2);
    expect(await grown("mq9_deliveries_total")).toBe(2);
    expect(await grown("mq9_queue_wait_seconds_count")).toBe(2);
    expect(await grown("mq9_leases")).toBe(2);
    expect(await grown("mq9_fetch_wait_seconds_count")).toBe(1);
    await ask("$mq9.AI.MSG.ACK.counted", {
      group_name: "workers",
      mail_address: "counted",
      msg_id: fetched.messages[1]?.msg_id,
    });
    expect(await grown("mq9_acks_total")).toBe(2); // the last of a batch stands for all of it
    expect(await grown("mq9_lease_hold_seconds_count")).toBe(2);
    expect(await grown("mq9_leases")).toBe(0);
    expect(await grown("mq9_commit_duration_seconds_count")).toBeGreaterThanOrEqual(4);
    await client.close();
  });

  test("what its consumer left behind is free again and counted as repeated", async () => {
    const worker = await rig.client();
    await worker.request("$mq9.AI.MAILBOX.CREATE", encode({ name: "again", ttl: 600 }));
    await worker.request("$mq9.AI.MSG.SEND.again", "work");
    const fetch = encode({ group_name: "g", deliver: "earliest", config: { num_msgs: 1 } });
    await worker.request("$mq9.AI.MSG.FETCH.again", fetch);
    expect(sample(await rig.metrics(), "mq9_leases")).toBe(1);
    const before = sample(await rig.metrics(), "mq9_redeliveries_total") ?? 0;
    await worker.close();
    await eventually(async () => sample(await rig.metrics(), "mq9_leases") === 0);
    const other = await rig.client();
    await other.request("$mq9.AI.MSG.FETCH.again", fetch);
    expect(sample(await rig.metrics(), "mq9_redeliveries_total")).toBe(before + 1);
    await other.close();
  });

  test("a FETCH that waits", async () => {
    const client = await rig.client();
    await client.request("$mq9.AI.MAILBOX.CREATE", encode({ name: "waited", ttl: 600 }));
    const waiting = client.request(
      "$mq9.AI.MSG.FETCH.waited",
      encode({ group_name: "g", config: { num_msgs: 1, max_wait_ms: 20_000 } }),
      { timeout: 25_000 },
    );
    await eventually(async () => sample(await rig.metrics(), "mq9_waiting_fetches") === 1);
    expect((await rig.json("/varz")).mq9.waiting_fetches).toBe(1);
    await client.request("$mq9.AI.MSG.SEND.waited", "here");
    await waiting;
    await eventually(async () => sample(await rig.metrics(), "mq9_waiting_fetches") === 0);
    await client.close();
  });
});

test("ended connections are counted by reason", async () => {
  const client = await rig.client();
  await client.close();
  const name = 'mq9_connections_closed_total{reason="Client Closed"}';
  await eventually(async () => (sample(await rig.metrics(), name) ?? 0) > 0);
});

test("no label holds a name that strangers choose", async () => {
  const client = await rig.client("a-client-name");
  await client.request("$mq9.AI.MAILBOX.CREATE", encode({ name: "a-box-name", ttl: 600 }));
  const text = await rig.metrics();
  expect(text).not.toContain("a-client-name");
  expect(text).not.toContain("a-box-name");
  const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map((found) => found[1]));
  const own = new Set(["reason", "code", "account", "le", "version", "path"]);
  const ofProcess = new Set(["type", "space", "kind", "major", "minor", "patch"]);
  for (const label of labels) expect(own.has(label ?? "") || ofProcess.has(label ?? "")).toBe(true);
  await client.close();
});

test("scrapes under load are whole, and their buckets add up", async () => {
  const client = await rig.client();
  await client.request("$mq9.AI.MAILBOX.CREATE", encode({ name: "load", ttl: 600 }));
  let sending = true;
  const load = (async () => {
    while (sending) {
      const sends = Array.from({ length: 200 }, () =>
        client.request("$mq9.AI.MSG.SEND.load", "load"),
      );
      await Promise.all(sends);
    }
  })();
  let latest = 0;
  for (let at = 0; at < 20; at += 1) {
    const text = await rig.metrics();
    const buckets = [...text.matchAll(/^mq9_send_duration_seconds_bucket\{le="[^"]+"\} (\d+)$/gm)];
    const counts = buckets.map((found) => Number(found[1]));
    expect(counts.length).toBeGreaterThan(5);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    const count = sample(text, "mq9_send_duration_seconds_count") ?? -1;
    expect(counts.at(-1)).toBe(count);
    expect(count).toBeGreaterThanOrEqual(latest);
    latest = count;
  }
  sending = false;
  await load;
  await client.close();
});

const alertsFile = path.join(repositoryRoot, "ops/alerts/mq9.yaml");
const dashboardFile = path.join(repositoryRoot, "ops/grafana/mq9.json");

/** Names of metrics in expressions of PromQL. */
function metricNames(expressions: readonly string[]): Set<string> {
  const found = expressions.flatMap((text) => text.match(/\b(?:mq9|nodejs|process)_[a-z0-9_]+/g));
  return new Set(found.filter((name) => name !== null));
}

interface Rules {
  readonly groups: { readonly rules: { readonly alert: string; readonly expr: string }[] }[];
}

interface Dashboard {
  readonly panels: {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
    readonly targets?: { readonly expr: string }[];
  }[];
}

describe("dashboard and alerts", () => {
  const rules = parse(readFileSync(alertsFile, "utf8")) as Rules;
  const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as Dashboard;
  const expressions = [
    ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];

  test("name only metrics that there are", async () => {
    const text = await rig.metrics();
    const there = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    for (const name of metricNames(expressions)) expect(there).toContain(name);
  });

  test("show every metric of our own", async () => {
    const text = await rig.metrics();
    const shown = metricNames(expressions);
    for (const [, name, type] of text.matchAll(/^# TYPE (mq9_\S+) (\S+)$/gm)) {
      expect(shown).toContain(type === "histogram" ? `${name}_bucket` : name);
    }
  });

  test("are documented, each alert and each metric", async () => {
    const page = readFileSync(path.join(repositoryRoot, "docs/operating/monitoring.md"), "utf8");
    for (const group of rules.groups) {
      for (const { alert } of group.rules) expect(page).toContain(`\`${alert}\``);
    }
    for (const [, name] of (await rig.metrics()).matchAll(/^# TYPE (mq9_\S+)/gm)) {
      expect(page).toContain(`\`${name}`);
    }
  });

  test("the panels have places of their own", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of panels) {
      expect(title).not.toBe("");
      expect(x + w).toBeLessThanOrEqual(24);
      for (let row = y; row < y + h; row += 1) {
        for (let column = x; column < x + w; column += 1) {
          expect(taken).not.toContain(`${row}/${column}`);
          taken.add(`${row}/${column}`);
        }
      }
    }
  });

  test("load in Prometheus", async ({ skip }) => {
    const promtool = findPeer("promtool");
    if (promtool.path === undefined) skip(promtool.reason);
    const checked = await runProgram(promtool.path ?? "", ["check", "rules", alertsFile]);
    expect(checked).toMatchObject({ code: 0 });
  });

  test("the metrics themselves please promtool", async ({ skip }) => {
    const promtool = findPeer("promtool");
    if (promtool.path === undefined) skip(promtool.reason);
    const text = await rig.metrics();
    const own = text
      .split("\n")
      .filter((line) => /^(?:# (?:HELP|TYPE) )?mq9_/.test(line))
      .join("\n");
    const input = `${own}\n`;
    const { stderr, status } = spawnSync(promtool.path ?? "", ["check", "metrics"], { input });
    expect(stderr.toString()).toBe("");
    expect(status).toBe(0);
  });
});
