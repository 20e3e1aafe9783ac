// INFO, RENEW, DROP and LIST, row by row.
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("info tells a mailbox that never was from one that ended", () =>
  runScript(`
    info    a                           -> not_found
    create  a ttl=5
    info    a                           -> a standard ends +5s
    clock   +5s
    info    a                           -> expired
    restart
    info    a                           -> expired
    create  a
    drop    a
    info    a                           -> not_found
  `));

test("renew counts from now, may shorten, may make it last for ever, and raises nobody from the dead", () =>
  runScript(`
    create  a ttl=60
    clock   +50s
    renew   a 60                        -> a standard ends +60s
    clock   +59999ms
    info    a                           -> a standard ends +1ms
    renew   a 10                        -> a standard ends +10s
    clock   +10s
    renew   a 10                        -> expired
    create  a
    renew   a 0                         -> a standard ends never
    restart
    info    a                           -> a standard ends never
    renew   a -1                        -> invalid
    renew   a 1.5                       -> invalid
    renew   a 31536001                  -> invalid
    drop    a
    renew   a 10                        -> not_found
    renew   b 10                        -> not_found
  `));

test("a renewed mailbox outlives its first end, also when that was due already", () =>
  runScript(`
    create  a ttl=60
    send    a normal x                  -> 0
    clock   +30s
    renew   a 60
    clock   +40s
    tick
    query   a                           -> 0:x (1 unread)
    restart
    clock   +19999ms
    query   a                           -> 0:x (1 unread)
    clock   +1ms
    query   a                           -> expired
  `));

test("a renewal at the instant of a sweep does not take the sweep away, in memory or after a restart", async () => {
  for (const restarts of [false, true]) {
    const rig = await Rig.open({ graceMs: 0 });
    rig.nowMs = 1_700_000_040_000; // a whole minute, as sweeps are due
    await rig.create("a", { ttlSeconds: 120 });
    await rig.send("a", "x", { ttlSeconds: 90 });
    if (restarts) await rig.restart();
    await rig.outcome(rig.account.renew("a", 0));
    rig.nowMs += 120_000;
    await rig.outcome(rig.mailboxes.tick());
    expect(await rig.store.message(1, 0)).toBeUndefined();
  }
});

test("drop ends a mailbox at once, and only once", () =>
  runScript(`
    create     a
    subscribe  r a
    send       a normal x               -> 0
    drop       a
    drop       a                        -> not_found
    send       a normal x               -> not_found
    query      a                        -> not_found
    remove     a 0                      -> not_found
    got        r                        -> 0:x
    crash
    info       a                        -> not_found
    list                                ->
  `));

test("list pages through the living mailboxes by name, without the directory", () =>
  runScript(`
    create  b
    create  a public
    create  d ttl=5
    create  c
    create  e
    drop    c
    list                                -> a b d e
    list    limit=2                     -> a b
    list    after=b limit=2             -> d e
    list    after=e                     ->
    list    limit=0                     ->
    clock   +5s
    list                                -> a b e
  `));

test("list reads on until it has enough, over more than one page of ended mailboxes", async () => {
  const rig = await Rig.open();
  const names = Array.from({ length: 600 }, (_, i) => `m${String(i).padStart(3, "0")}`);
  await Promise.all(names.map((name, i) => rig.create(name, { ttlSeconds: i < 590 ? 1 : 60 })));
  rig.nowMs += 1000;
  const found = await rig.account.list({ after: "", limit: 3 });
  expect(found.map((info) => info.name)).toEqual(["m590", "m591", "m592"]);
});
