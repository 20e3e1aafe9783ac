// Delayed messages, row by row.

import { asciiBytes } from "@mq9/store/testing";
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("a delayed message is nowhere until its instant, then it has the next number", () =>
  runScript(`
    create     a
    subscribe  r a
    send       a normal x delay=5000        -> @5000.0
    send       a normal y                   -> 0
    query      a                            -> 0:y (0 unread)
    inspect    a                            -> 1 (1 bytes) +1 scheduled next 1
    clock      4999ms
    tick
    got        r                            -> 0:y
    scheduled  a                            -> @5000.0:x:+1ms
    clock      1ms
    scheduled  a                            ->
    tick
    got        r                            -> 1:x
    query      a                            -> 0:y 1:x (0 unread)
    inspect    a                            -> 2 (2 bytes) next 2
  `));

test("the clock is asked to look again at the instant", () =>
  runScript(`
    create  a ttl=0
    send    a normal x delay=2500           -> @2500.0
    tick                                    -> +2500ms
    clock   2500ms
    tick                                    -> idle
    query   a                               -> 0:x (1 unread)
  `));

test("what is due together comes by time, over pages and priorities, and takes its rank then", () =>
  runScript(
    `
    create  a
    send    a low      u delay=3000         -> @3000.0
    send    a normal   x delay=2000         -> @2000.0
    send    a critical y delay=3000         -> @3000.1
    send    a normal   z delay=2000         -> @2000.1
    send    a normal   v delay=1000         -> @1000.0
    clock   3000ms
    tick
    query   a                               -> 4:y 0:v 1:x 2:z 3:u (5 unread)
    `,
    { pageMessages: 2 },
  ));

test("delays are bounded, and shorter than the message lives", () =>
  runScript(
    `
    create  a
    send    a normal x delay=0              -> invalid
    send    a normal x delay=1.5            -> invalid
    send    a normal x delay=-1             -> invalid
    send    a normal x delay=60001          -> invalid
    send    a normal x delay=60000          -> @60000.0
    send    a normal x delay=10000 ttl=10   -> invalid
    send    a normal x delay=9999 ttl=10    -> @9999.0
    send    b normal x delay=1              -> not_found
    send    $SYSTEM.PUBLIC normal x delay=1 -> forbidden
    `,
    { delayMsMax: 60_000 },
  ));

test("its life counts from when it was accepted, and one that ended unseen is dropped", () =>
  runScript(`
    create   a
    send     a normal x delay=9000 ttl=10   -> @9000.0
    send     a normal y delay=9000 ttl=10   -> @9000.1
    cancel   a @9000.1
    clock    9000ms
    tick
    query    a                              -> 0:x (1 unread)
    clock    999ms
    query    a                              -> 0:x (1 unread)
    clock    1ms
    query    a                              -> (0 unread)
    send     a normal z delay=1000 ttl=2    -> @11000.0
    clock    2000ms
    tick
    query    a                              -> (0 unread)
    inspect  a                              -> 1 (1 bytes) next 1
    clock    720s
    tick
    inspect  a                              -> 0 (0 bytes) next 1
  `));

test.each(["crash", "restart", "reopen"])("what was accepted is there after a %s", (how) =>
  runScript(`
    create     a
    send       a urgent x delay=5000 key=k tags=t ttl=20 -> @5000.0
    ${how}
    scheduled  a                            -> @5000.0:x:+5s
    inspect    a                            -> 0 (0 bytes) +1 scheduled next 0
    send       a urgent y delay=5000        -> @5000.1
    clock      5000ms
    ${how}
    tick
    query      a                            -> 0:x 1:y (2 unread)
    query      a tags=t key=k               -> 0:x (1 unread)
    ${how}
    tick
    query      a                            -> 0:x 1:y (2 unread)
    scheduled  a                            ->
    inspect    a                            -> 2 (2 bytes) next 2
  `),
);

test("a commit that failed scheduled nothing, and one that made a page visible is done again", () =>
  runScript(`
    create     a
    plant      commit fail
    send       a normal x delay=5000        -> unknown
    reopen
    scheduled  a                            ->
    inspect    a                            -> 0 (0 bytes) next 0
    send       a normal y delay=5000        -> @5000.0
    plant      commit apply-then-fail
    send       a normal z delay=5000        -> unknown
    reopen
    scheduled  a                            -> @5000.0:y:+5s @5000.1:z:+5s
    clock      5000ms
    plant      commit fail
    tick                                    -> storage_failed
    reopen
    tick
    query      a                            -> 0:y 1:z (2 unread)
    inspect    a                            -> 2 (2 bytes) next 2
  `));

test("a keyed message replaces when it becomes visible, and is replaced only then", () =>
  runScript(`
    create   a
    send     a normal x key=k               -> 0
    send     a normal y key=k delay=1000    -> @1000.0
    send     a normal z key=k delay=2000    -> @2000.0
    query    a                              -> 0:x (1 unread)
    restart
    clock    2000ms
    tick
    query    a                              -> 2:z (1 unread)
    inspect  a                              -> 1 (1 bytes) next 3
    send     a normal w key=k               -> 3
    query    a                              -> 3:w (1 unread)
    create   l latest
    send     l low    x                     -> 0
    send     l normal y delay=10            -> @10.0
    clock    10ms
    tick
    query    l                              -> 1:y (1 unread)
  `));

test("lists by time a page at a time, and cancels what is not visible yet", () =>
  runScript(`
    create     a
    send       a normal x delay=3000        -> @3000.0
    send       a normal y delay=1000        -> @1000.0
    send       a normal z delay=2000        -> @2000.0
    scheduled  a                            -> @1000.0:y:+1s @2000.0:z:+2s @3000.0:x:+3s
    scheduled  a limit=2                    -> @1000.0:y:+1s @2000.0:z:+2s
    scheduled  a after=@2000.0              -> @3000.0:x:+3s
    cancel     a @2000.0
    cancel     a @2000.0                    -> message_not_found
    cancel     a @7.0                       -> message_not_found
    cancel     b @1000.0                    -> not_found
    scheduled  b                            -> not_found
    clock      1000ms
    cancel     a @1000.0                    -> message_not_found
    crash
    tick
    query      a                            -> 0:y (1 unread)
    cancel     a @1000.0                    -> message_not_found
    scheduled  a                            -> @3000.0:x:+2s
  `));

test("goes with its mailbox: dropped, ended, or made again; a renewal keeps it", () =>
  runScript(`
    create     a ttl=10
    send       a normal x delay=20000       -> @20000.0
    clock      9s
    renew      a 100
    clock      11s
    tick
    query      a                            -> 0:x (1 unread)
    send       a normal y delay=200000      -> @220000.0
    clock      200s
    tick
    scheduled  a                            -> expired
    create     a
    scheduled  a                            ->
    inspect    a                            -> 0 (0 bytes) next 1
    send       a normal z delay=1000        -> @1000.0
    drop       a
    clock      1000ms
    tick
    query      a                            -> not_found
    create     a
    query      a                            -> (0 unread)
  `));

test("more than fit into one millisecond move to the next, over a restart too", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const send = (count: number) =>
    rig.outcome(
      Promise.all(
        Array.from({ length: count }, (_, i) =>
          rig.account.send({
            mailbox: "a",
            label: "normal",
            payload: asciiBytes(String(i)),
            delayMs: 1000,
          }),
        ),
      ),
    );
  const ids = (results: Awaited<ReturnType<typeof send>>) =>
    typeof results === "string" ? [] : results.map((result) => result.scheduledId);
  const later = await rig.outcome(
    rig.account.send({ mailbox: "a", label: "normal", payload: asciiBytes("z"), delayMs: 1001 }),
  );
  expect(later).toMatchObject({ scheduledId: 1001 * 256 });
  const first = ids(await send(200));
  await rig.crash();
  const second = ids(await send(100));
  const all = [...first, ...second];
  expect(all.slice(0, 256)).toEqual(Array.from({ length: 256 }, (_, i) => 1000 * 256 + i));
  expect(all.slice(256)).toEqual(Array.from({ length: 44 }, (_, i) => 1001 * 256 + 1 + i));
});
