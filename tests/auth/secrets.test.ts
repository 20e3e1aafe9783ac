// Canaries: every secret that a configuration holds or a client says is looked for in everything the
// broker shows: its log, its audit, its options, its monitoring, its errors.
import { inspect } from "node:util";
import { hashPassword } from "@mq9/auth";
import {
  type AuditEvent,
  createBroker,
  type Log,
  type LogFields,
  OptionsError,
  resolveOptions,
} from "@mq9/broker";
import { createMonitoringEdge } from "@mq9/monitoring";
import { MemoryStore } from "@mq9/store";
import { connectRaw } from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { linesOf, talk } from "./doors.ts";

/** A log that keeps everything, at every level. */
function keepingLog(kept: string[], component = ""): Log {
  const keep = (msg: string, fields?: LogFields): void => {
    kept.push(inspect([component, msg, fields], { depth: 9, showHidden: true }));
  };
  const child = (name: string): Log => keepingLog(kept, name);
  return { debug: keep, info: keep, warn: keep, error: keep, child };
}

test("no secret shows anywhere", async () => {
  const hash = await hashPassword("canary-hashed");
  const seed = nkeys.createUser();
  const options = resolveOptions({
    port: 0,
    shutdown: { graceMs: 0, spreadMs: 0 },
    disk: { softMarkBytes: 0, hardMarkBytes: 0, reserveBytes: 0 },
    auth: {
      token: "canary-token",
      accounts: [
        {
          name: "A",
          users: [
            { user: "alice", password: "canary-plain" },
            { user: "bob", password: hash },
            { nkey: seed.getPublicKey() },
          ],
        },
      ],
    },
  });
  const shown: string[] = [];
  const events: AuditEvent[] = [];
  await using broker = createBroker(options, {
    store: new MemoryStore(),
    log: keepingLog(shown),
    version: "test",
    audit: (event) => void events.push(event),
  });
  const { port } = await broker.start();
  const edge = await createMonitoringEdge({ broker, host: "127.0.0.1", port: 0 });
  await using inside = await connectRaw(port, { user: "alice", pass: "canary-plain" });
  expect(await linesOf(inside, "SUB a 1")).toEqual([]);
  expect(await talk(port, { user: "bob", pass: "canary-hashed" })).toEqual(["+OK"]);
  expect(await talk(port, { auth_token: "canary-token" })).toEqual(["+OK"]);
  for (const said of [
    { user: "alice", pass: "canary-wrong" },
    { user: "nobody", pass: "canary-wrong" },
    { auth_token: "canary-wrong" },
    { nkey: seed.getPublicKey(), sig: "canary-sig" },
    { jwt: "canary.jwt.x", sig: "canary-sig" },
    { user: { pass: "canary-shape" } },
  ]) {
    shown.push((await talk(port, said)).join());
  }
  for (const path of [
    "varz",
    "connz?auth=1&subs=detail&state=any",
    "subsz?subs=1",
    "accountz",
    "accstatz",
    "healthz",
  ]) {
    const at = edge.address;
    shown.push(await (await fetch(`http://${at?.host}:${at?.port}/${path}`)).text());
  }
  for (const password of ["$2a$canary", ""]) {
    try {
      broker.reload({ auth: { users: [{ user: "alice", password }, { nkey: "SUCANARY" }] } });
    } catch (error) {
      expect(error).toBeInstanceOf(OptionsError);
      shown.push(inspect(error, { depth: 9, showHidden: true }));
    }
  }
  await edge.close();
  for (const thing of [options, broker, events]) {
    shown.push(inspect(thing, { depth: 12, showHidden: true }), JSON.stringify(thing) ?? "");
  }
  const all = shown.join("\n");
  expect(all).toContain("alice"); // what is looked at does hold what happened
  expect(all.match(/.{0,80}canary.{0,80}/gi) ?? []).toEqual([]);
  expect(all).not.toContain(hash);
});
