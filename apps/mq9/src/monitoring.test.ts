// What settings make of the ports of monitoring.
import { get } from "node:http";
import { type Broker, createBroker, resolveOptions, silentLog } from "@mq9/broker";
import { createMonitoringEdge, type MonitoringEdge } from "@mq9/monitoring";
import { MemoryStore } from "@mq9/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseConfig } from "./config/file.ts";
import { combineLayers } from "./config/layers.ts";
import { monitoringOptions } from "./monitoring.ts";

let broker: Broker;
let edge: MonitoringEdge | undefined;
beforeEach(async () => {
  const deps = { store: new MemoryStore(), log: silentLog, version: "test" };
  const disk = { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 };
  broker = createBroker(resolveOptions({ port: 0, disk }), deps);
  await broker.start();
});
afterEach(async () => {
  await edge?.close();
  await broker.stop();
});

async function start(file: string, text: string): Promise<void> {
  const { settings } = combineLayers([parseConfig(text, file)]);
  const options = monitoringOptions(broker, settings, silentLog);
  edge = options && (await createMonitoringEdge(options));
}

interface Told {
  readonly status: number | undefined;
  readonly allowed: string | undefined;
}

/** What a health check hears that gives this host, or comes from a page of this origin. */
function ask(host: string, origin?: string): Promise<Told> {
  const headers = { Host: host, ...(origin === undefined ? {} : { Origin: origin }) };
  const to = { port: edge?.address?.port, host: "127.0.0.1", path: "/healthz", headers };
  return new Promise((resolve) => {
    get({ ...to, agent: false }, (answer) => {
      answer.resume();
      const allowed = answer.headers["access-control-allow-origin"];
      resolve({ status: answer.statusCode, allowed });
    });
  });
}

test("metrics are served by themselves", async () => {
  await start("a.yaml", "metrics_port: -1");
  expect(edge?.address).toBeUndefined();
  const answer = await fetch(`http://127.0.0.1:${edge?.metricsAddress?.port}/metrics`);
  expect(await answer.text()).toContain("mq9_ready 1");
});

test.each([
  ["a.conf", 'http_port: -1\nmq9 { http_allowed_hosts: [mq9.internal, "other"] }'],
  ["a.conf", 'http_port: -1\nmq9 { http_allowed_hosts: "mq9.internal, other" }'],
  ["a.yaml", "http_port: -1\nhttp_allowed_hosts: [mq9.internal, other]"],
])("hosts that are named in %s may be asked for", async (file, text) => {
  await start(file, text);
  expect((await ask("mq9.internal:8222")).status).toBe(200);
  expect((await ask("other")).status).toBe(200);
  expect((await ask("evil.example")).status).toBe(403);
});

test("origins that are named may read, and no others", async () => {
  await start("a.yaml", "http_port: -1\nhttp_allowed_origins: https://dash.example");
  expect((await ask("localhost", "https://dash.example")).allowed).toBe("https://dash.example");
  expect((await ask("localhost", "https://evil.example")).allowed).toBeUndefined();
});

test("an empty one among them is a mistake", () => {
  expect(() => parseConfig("http_allowed_hosts: [a, '']", "a.yaml")).toThrow(/texts is empty/);
});

test("without a port nothing is", async () => {
  await start("a.yaml", "");
  expect(edge).toBeUndefined();
});
