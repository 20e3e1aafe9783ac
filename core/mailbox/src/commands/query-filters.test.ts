// QUERY with conditions, row by row.

import { asciiBytes } from "@mq9/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("by key: the one message of the key, that other conditions leave", () =>
  runScript(`
    create     a
    send       a normal x key=k tags=t  -> 0
    send       a normal y               -> 1
    send       a low    z key=l         -> 2
    query      a key=k                  -> 0:x (1 unread)
    query      a key=m                  -> (0 unread)
    send       a urgent w key=k tags=u  -> 3
    query      a key=k                  -> 3:w (1 unread)
    query      a key=k tags=t           -> (0 unread)
    query      a key=k tags=u           -> 3:w (1 unread)
    query      a key=k before=3         -> (0 unread)
    query      a key=k limit=0          -> more (1 unread)
    query      a key=k newest           -> 3:w (1 unread)
    mark
    query      a key=k since            -> 3:w (1 unread)
    clock      1ms
    mark
    query      a key=k since            -> (0 unread)
    restart
    query      a key=k                  -> 3:w (1 unread)
    remove     a 3
    query      a key=k                  -> (0 unread)
    send       a normal v key=k ttl=1   -> 4
    clock      1s
    query      a key=k                  -> (0 unread)
    query      b key=k                  -> not_found
    subscribe  r a
    query      a key=l                  -> 2:z (0 unread)
    query      a key=l unread           -> (0 unread)
  `));

test("by tags: all of them or any, and messages without a tag never", () =>
  runScript(`
    create  a
    send    a normal x tags=t           -> 0
    send    a urgent y tags=u,t         -> 1
    send    a normal z                  -> 2
    send    a normal w tags=u           -> 3
    query   a tags=t                    -> 1:y 0:x (2 unread)
    query   a tags=t,u                  -> 1:y (1 unread)
    query   a tags=t,u any              -> 1:y 0:x 3:w (3 unread)
    query   a tags=none                 -> (0 unread)
    query   a tags=none,t any           -> 1:y 0:x (2 unread)
    restart
    query   a tags=t newest             -> 0:x 1:y (2 unread)
    query   a tags=u limit=1            -> 1:y more (2 unread)
  `));

test("since an instant: what was accepted then or later", () =>
  runScript(
    `
    create  a
    send    a normal x                  -> 0
    clock   1s
    send    a urgent y                  -> 1
    clock   1s
    mark
    send    a normal z                  -> 2
    send    a normal u                  -> 3
    clock   1ms
    send    a urgent v                  -> 4
    query   a since                     -> 4:v 2:z 3:u (3 unread)
    query   a since newest limit=2      -> 3:u 4:v more (3 unread)
    query   a since before=4            -> 2:z 3:u (2 unread)
    remove  a 2
    query   a since                     -> 4:v 3:u (2 unread)
    clock   1ms
    mark
    query   a since                     -> (0 unread)
    query   a since newest              -> (0 unread)
    `,
    { pageMessages: 1 },
  ));

test("the newest: the highest numbers of all priorities, ascending, then the page before", () =>
  runScript(
    `
    create     a
    send       a low      x             -> 0
    send       a critical y             -> 1
    send       a normal   z             -> 2
    send       a low      u             -> 3
    send       a critical v             -> 4
    query      a newest                 -> 0:x 1:y 2:z 3:u 4:v (5 unread)
    query      a newest limit=2         -> 3:u 4:v more (5 unread)
    query      a newest limit=2 before=3 -> 1:y 2:z more (3 unread)
    query      a newest limit=2 before=1 -> 0:x (1 unread)
    query      a newest before=0        -> (0 unread)
    query      a newest limit=0         -> more (5 unread)
    query      a newest uncounted       -> 0:x 1:y 2:z 3:u 4:v (0 unread)
    subscribe  r a room=3
    query      a newest unread          -> 0:x 3:u (2 unread)
    query      a before=2               -> 1:y 0:x (1 unread)
    `,
    { pageMessages: 2 },
  ));

test("the newest of what has ended or was removed is not there", () =>
  runScript(`
    create  a
    send    a normal x                  -> 0
    send    a normal y ttl=1            -> 1
    send    a normal z                  -> 2
    remove  a 2
    clock   999ms
    query   a newest limit=1            -> 1:y more (2 unread)
    clock   1ms
    query   a newest limit=1            -> 0:x (1 unread)
  `));

test("a mailbox that keeps the newest applies conditions to its one message", () =>
  runScript(`
    create  a latest
    send    a normal x tags=t           -> 0
    send    a normal y tags=u           -> 1
    query   a tags=t                    -> (0 unread)
    query   a tags=u                    -> 1:y (1 unread)
    query   a before=1                  -> (0 unread)
    query   a newest                    -> 1:y (1 unread)
  `));

test("bytes bound the newest too, but for the first", () =>
  runScript(`
    create  a
    send    a normal bytes=10           -> 0
    send    a normal bytes=10           -> 1
    send    a normal bytes=30           -> 2
    query   a newest bytes=5 limit=9 uncounted before=2  -> 1:${"\0".repeat(10)} more (0 unread)
  `));

test("a search looks at so many messages and says that there may be more", () =>
  runScript(
    `
    create  a
    send    a normal x tags=t           -> 0
    send    a normal y                  -> 1
    send    a normal z                  -> 2
    send    a normal u                  -> 3
    query   a tags=t newest uncounted   -> more (0 unread)
    query   a tags=t newest uncounted before=3 -> 0:x (0 unread)
    query   a tags=t newest uncounted before=2 -> 0:x (0 unread)
    send    a normal v tags=v           -> 4
    query   a tags=v                    -> more (0 unread)
    query   a tags=t                    -> 0:x more (1 unread)
    query   a                           -> 0:x 1:y 2:z 3:u 4:v (5 unread)
    `,
    { queryScanMax: 3, pageMessages: 2 },
  ));

const labels = ["critical", "high", "normal", "low"] as const;
const sent = fc.record({
  label: fc.constantFrom(...labels),
  tags: fc.subarray(["t", "u", "v"]),
  key: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
  afterMs: fc.integer({ min: 0, max: 2 }),
});
const asked = fc.record({
  limit: fc.integer({ min: 0, max: 6 }),
  tags: fc.option(fc.subarray(["t", "u"], { minLength: 1 }), { nil: undefined }),
  tagsMode: fc.constantFrom("all" as const, "any" as const),
  key: fc.option(fc.constantFrom("k", "l", "m"), { nil: undefined }),
  since: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  beforeId: fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined }),
  order: fc.constantFrom("delivery" as const, "newest" as const),
});

test("any conditions together answer what a plain search over all messages would", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { maxLength: 15 }),
      asked,
      async (messages, { since, ...ask }) => {
        const rig = await Rig.open({ pageMessages: 2 });
        await rig.create("a");
        const startMs = rig.nowMs;
        for (const { afterMs, label, tags, key } of messages) {
          rig.nowMs += afterMs;
          const payload = asciiBytes("x");
          await rig.outcome(rig.account.send({ mailbox: "a", label, payload, tags, key }));
        }
        const query = { mailbox: "a", checkToken: false, unreadOnly: false };
        const all = await rig.account.query({ ...query, limit: 100 });
        const sinceMs = since === undefined ? undefined : startMs + since;
        const matching = all.messages.filter(
          (message) =>
            message.msgId < (ask.beforeId ?? 100) &&
            message.createdAtMs >= (sinceMs ?? 0) &&
            (ask.key === undefined || message.key === ask.key) &&
            (ask.tags === undefined ||
              (ask.tagsMode === "any"
                ? ask.tags.some((tag) => message.tags?.includes(tag))
                : ask.tags.every((tag) => message.tags?.includes(tag)))),
        );
        if (ask.order === "newest") matching.sort((a, b) => a.msgId - b.msgId);
        const wanted =
          ask.order === "newest"
            ? matching.slice(Math.max(0, matching.length - ask.limit))
            : matching.slice(0, ask.limit);
        const found = await rig.account.query({ ...query, ...ask, sinceMs });
        expect({
          ids: found.messages.map((message) => message.msgId),
          more: found.more,
          unread: found.unread,
        }).toEqual({
          ids: wanted.map((message) => message.msgId),
          more: matching.length > ask.limit,
          unread: matching.length,
        });
      },
    ),
    { numRuns: 300 },
  );
});
