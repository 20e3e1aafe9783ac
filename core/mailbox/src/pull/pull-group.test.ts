// Groups of pullers, row by row: leases, what ends them, what is settled, and what survives.
import { describe, test } from "vitest";
import { runScript } from "../testing/script.ts";

describe("fetching", () => {
  test("hands out by priority, then number, and never more than asked for", () =>
    runScript(`
      create  a
      send    a normal   n0             -> 0
      send    a critical c1             -> 1
      send    a urgent   u2             -> 2
      send    a normal   n3             -> 3
      fetch   a g limit=3               -> 1:c1 2:u2 0:n0 more
      fetch   a g                       -> 3:n3
      fetch   a g                       ->
    `));

  test("a message is out with one consumer, and groups know nothing of each other", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=one limit=1        -> 0:x more
      fetch   a g by=two                -> 1:y
      fetch   a g by=three              ->
      fetch   a h by=three              -> 0:x 1:y
    `));

  test("without a group nothing is recorded", () =>
    runScript(`
      create  a
      send    a normal   x              -> 0
      send    a critical y              -> 1
      fetch   a - limit=1               -> 1:y more
      fetch   a -                       -> 1:y 0:x
      fetch   a - from=latest           ->
      fetch   a - from=id/0 limit=9     -> 1:y 0:x
      fetch   a - from=id/1             -> 1:y
      fetch   a g                       -> 1:y 0:x
    `));

  test("begins where it was told, and keeps its place whatever it is told later", () =>
    runScript(`
      create  a
      send    a normal old              -> 0
      fetch   a late from=latest        ->
      fetch   a mid  from=id/1          ->
      clock   10s
      send    a normal new              -> 1
      fetch   a late from=earliest      -> 1:new
      fetch   a mid  from=earliest      -> 1:new
      fetch   a time from=time/1        -> 1:new
      fetch   a time2 from=time/0       -> 0:old 1:new
      fetch   a time3 from=time/10000   -> 1:new
      fetch   a time4 from=time/10001   ->
      restart
      send    a normal newer            -> 2
      fetch   a late from=earliest      -> 1:new~2 2:newer
    `));

  test("the place of a group that found nothing survives a crash", () =>
    runScript(`
      create  a
      send    a normal old              -> 0
      fetch   a g from=latest           ->
      crash
      send    a normal new              -> 1
      fetch   a g                       -> 1:new
    `));

  test("a restart of the group begins again, for everybody in it", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one                -> 0:x
      ack     a g 0                     -> 0
      fetch   a g by=two restart        -> 0:x
      fetch   a g by=one                ->
    `));

  test("stops at the bytes asked for, but always hands out one", () =>
    runScript(`
      create  a
      send    a normal bytes=100        -> 0
      send    a normal bytes=100        -> 1
      fetch   a g bytes=1 limit=1 by=w  -> 0:${"\0".repeat(100)} more
    `));

  test("passes over what has ended and what was deleted", () =>
    runScript(`
      create  a
      send    a normal brief ttl=1      -> 0
      send    a normal gone             -> 1
      send    a normal x                -> 2
      fetch   a g limit=1               -> 0:brief more
      clock   1s
      remove  a 1
      fetch   a g                       -> 2:x
      fetch   a h                       -> 2:x
    `));

  test("a replaced message is not handed out again", () =>
    runScript(`
      create  a
      send    a normal one key=k        -> 0
      fetch   a g by=w                  -> 0:one
      send    a normal two key=k        -> 1
      leave   w
      fetch   a g                       -> 1:two
      ack     a g 0                     ->
    `));

  test("refuses what makes no sense, and changes nothing", () =>
    runScript(`
      fetch   a g                       -> not_found
      create  a ttl=60
      fetch   a g limit=0               -> invalid
      fetch   a g limit=1001            -> invalid
      fetch   a g wait=60001            -> invalid
      fetch   a g lease=999             -> invalid
      fetch   a g lease=43200001        -> invalid
      fetch   a g max=0                 -> invalid
      ack     a g 0                     -> not_delivered
      clock   60s
      fetch   a g                       -> expired
      ack     a g 0                     -> expired
      nack    a g 0                     -> expired
    `));

  test("a name that is created again has no groups of its earlier life", () =>
    runScript(`
      create  a ttl=2
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      ack     a g 0                     -> 0
      clock   2s
      create  a
      ack     a g 0                     -> not_delivered
      send    a normal y                -> 1
      fetch   a g from=latest           ->
      fetch   a h                       -> 1:y
    `));

  test("a mailbox has so many groups of both kinds", () =>
    runScript(
      `
      create    a
      fetch     a g
      subscribe r a group=g
      fetch     a h                     -> quota_exceeded
      fetch     a g                     ->
      `,
      { groupsMax: 2 },
    ));

  test("a group that nobody used for a week makes room for a new one", () =>
    runScript(
      `
      create  a ttl=0
      send    a normal x                -> 0
      fetch   a g                       -> 0:x
      ack     a g 0                     -> 0
      clock   604800s
      fetch   a h                       -> 0:x
      fetch   a i                       -> 0:x
      ack     a g 0                     -> not_delivered
      clock   604799s
      tick
      fetch   a j                       -> quota_exceeded
      restart
      clock   2s
      fetch   a j                       -> 0:x
      fetch   a h                       -> 0:x
      fetch   a k                       -> quota_exceeded
      `,
      { groupsMax: 2 },
    ));

  test("a group holds so many unsettled messages", () =>
    runScript(
      `
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a normal z                -> 2
      fetch   a g by=w                  -> 0:x 1:y
      fetch   a g by=v                  -> quota_exceeded
      ack     a g 0                     -> 0
      fetch   a g by=v                  -> 2:z
      `,
      { unsettledMax: 2 },
    ));
});

describe("leases", () => {
  test("end by time at the very instant, not before", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one lease=1000     -> 0:x
      clock   999ms
      tick
      fetch   a g by=two                ->
      clock   1ms
      tick
      fetch   a g by=two                -> 0:x~2
    `));

  test("end when the consumer leaves, at once", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one                -> 0:x
      fetch   a g by=two wait=5000      -> hangs
      leave   one
      await   two                       -> 0:x~2
    `));

  test("last as long as they are extended", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one lease=1000     -> 0:x
      clock   900ms
      extend  a g 0 lease=2000          -> +2s
      clock   1s
      tick
      fetch   a g by=two                ->
      clock   1s
      tick
      extend  a g 0                     -> not_delivered
      fetch   a g by=two                -> 0:x~2
      extend  a g 0 count=1             -> not_delivered
      extend  a g 0 count=2             -> +30s
    `));

  test("what a consumer holds comes again at its next fetch, unless it keeps it", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=w limit=1          -> 0:x more
      fetch   a g by=w limit=1 kept     -> 1:y
      fetch   a g by=w kept             ->
      fetch   a g by=w                  -> 0:x~2 1:y~2
      fetch   a g by=v                  ->
    `));

  test("are forgotten by a restart, deliveries before the third perhaps too", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      crash
      fetch   a g by=v                  -> 0:x
      leave   v
      fetch   a g by=v2                 -> 0:x~2
      leave   v2
      fetch   a g by=v3                 -> 0:x~3
      crash
      fetch   a g                       -> 0:x~4
    `));

  test("come back in front of what was never handed out", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a urgent z                -> 2
      fetch   a g by=one limit=2        -> 2:z 0:x more
      leave   one
      fetch   a g                       -> 2:z~2 0:x~2 1:y
    `));

  test("a message that comes again and again waits longer each time", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      fetch   a g by=w                  -> 0:x~2
      fetch   a g by=w                  -> 0:x~3
      fetch   a g by=w                  ->
      clock   1s
      tick
      fetch   a g by=w                  -> 0:x~4
      fetch   a g by=w                  ->
      clock   1999ms
      tick
      fetch   a g by=w                  ->
      clock   1ms
      tick
      fetch   a g by=w                  -> 0:x~5
    `));
});

describe("waiting", () => {
  test("ends with the first message, for the one who waited longest", () =>
    runScript(`
      create  a
      fetch   a g by=one wait=5000      -> hangs
      fetch   a g by=two wait=5000      -> hangs
      send    a normal x                -> 0
      await   one                       -> 0:x
      send    a critical y              -> 1
      await   two                       -> 1:y
    `));

  test("ends when the group begins again and there is mail ahead", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g from=latest           ->
      fetch   a g by=one wait=5000      -> hangs
      fetch   a g by=two limit=1 restart -> 0:x more
      await   one                       -> 1:y
    `));

  test("ends in time, with nothing", () =>
    runScript(`
      create  a
      fetch   a g by=one wait=5000      -> hangs
      fetch   a - by=two wait=5000      -> hangs
      clock   4999ms
      tick                              -> +1ms
      await   one                       -> hangs
      await   two                       -> hangs
      clock   1ms
      tick
      await   one                       ->
      await   two                       ->
    `));

  test("ends when the mailbox does, and says so", () =>
    runScript(`
      create  a ttl=2
      create  b
      fetch   a g by=one wait=5000      -> hangs
      fetch   a - by=two wait=5000      -> hangs
      fetch   b g by=three wait=5000    -> hangs
      clock   2s
      tick
      drop    b
      await   one                       -> expired
      await   two                       -> expired
      await   three                     -> not_found
    `));

  test("ends when the consumer leaves, and nothing is lost with it", () =>
    runScript(`
      create  a
      fetch   a g by=one wait=5000      -> hangs
      leave   one
      await   one                       ->
      send    a normal x                -> 0
      fetch   a g by=two                -> 0:x
    `));

  test("a read without a group wakes too", () =>
    runScript(`
      create  a
      send    a normal old              -> 0
      fetch   a - by=one from=latest wait=5000 -> hangs
      send    a normal new              -> 1
      await   one                       -> 1:new
    `));

  test("the directory can be waited for before it has an entry", () =>
    runScript(`
      fetch   $SYSTEM.PUBLIC - by=one wait=1000   -> hangs
      fetch   $SYSTEM.PUBLIC g by=two wait=5000   -> hangs
      clock   1s
      tick
      await   one                       ->
      create  a public desc=d
      await   two                       -> 0:a:d
    `));

  test("a delivery that waits ends by a lease that ends", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one lease=1000     -> 0:x
      fetch   a g by=two wait=5000      -> hangs
      clock   1s
      tick
      await   two                       -> 0:x~2
    `));
});

describe("settling", () => {
  test("an acknowledged message never comes again, also after a crash", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=w                  -> 0:x 1:y
      ack     a g 1 mode=one            -> 1
      ack     a g 1 mode=one            ->
      crash
      fetch   a g                       -> 0:x~2
      ack     a g 0                     -> 0
      crash
      fetch   a g                       ->
      fetch   a h                       -> 0:x 1:y
    `));

  test("several messages are acknowledged with one commit, each for itself", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a critical c              -> 2
      send    a normal z                -> 3
      fetch   a g by=w limit=3          -> 2:c 0:x 1:y more
      ack     a g 1,2 mode=batch        -> invalid
      ack     a g 1,9 mode=one          -> not_delivered
      ack     a g 1,2,3,1 mode=one      -> 1 2 3
      crash
      fetch   a g                       -> 0:x~2
      ack     a g 0,1 mode=one          -> 0
    `));

  test("acknowledging an urgent message settles no other priority", () =>
    runScript(`
      create  a
      send    a normal n                -> 0
      send    a critical c              -> 1
      fetch   a g by=w limit=1          -> 1:c more
      ack     a g 1                     -> 1
      leave   w
      fetch   a g                       -> 0:n
    `));

  test("the last of a result confirms it all, in the order it was delivered", () =>
    runScript(`
      create  a
      send    a normal n                -> 0
      send    a critical c              -> 1
      send    a normal m                -> 2
      fetch   a g by=w limit=2          -> 1:c 0:n more
      ack     a g 0                     -> 1 0
      fetch   a g                       -> 2:m
    `));

  test("whoever acknowledges the first of many means each for itself", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a normal z                -> 2
      fetch   a g by=w                  -> 0:x 1:y 2:z
      ack     a g 0                     -> 0
      ack     a g 2                     -> 2
      fetch   a g by=w                  -> 1:y~2
    `));

  test("whoever acknowledges one in the middle means that one, from then on too", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a normal z                -> 2
      fetch   a g by=w                  -> 0:x 1:y 2:z
      ack     a g 1                     -> 1
      ack     a g 2                     -> 2
      fetch   a g by=w limit=1          -> 0:x~2
      nack    a g 0 delay=0
      send    a normal v                -> 3
      fetch   a g by=w                  -> 0:x~3 3:v
      ack     a g 3                     -> 3
      nack    a g 0 delay=0
      fetch   a g by=w                  -> 0:x~4
    `));

  test("a batch is one fetch result, never what another result holds", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=w limit=1          -> 0:x more
      fetch   a g by=v limit=1          -> 1:y
      ack     a g 1 mode=batch          -> 1
      leave   w
      fetch   a g                       -> 0:x~2
    `));

  test("a batch settles nothing that another consumer holds by now", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=one lease=1000     -> 0:x 1:y
      extend  a g 1 lease=60000         -> +60s
      clock   1s
      tick
      fetch   a g by=two                -> 0:x~2
      ack     a g 1 mode=batch          -> 1
      leave   two
      fetch   a g                       -> 0:x~3
    `));

  test("a batch settles nothing that was handed back", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      send    a normal z                -> 2
      fetch   a g by=w                  -> 0:x 1:y 2:z
      nack    a g 0 delay=5000
      nack    a g 1 poison
      ack     a g 2 mode=batch          -> 2
      query   a.dlq                     -> 0:y (1 unread)
      clock   5s
      tick
      fetch   a g                       -> 0:x~2
    `));

  test("a delivery that perhaps nobody saw is told to the next reader, and does not count", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w max=2            -> 0:x
      nack    a g 0 unseen count=1
      fetch   a g by=w                  -> 0:x~2
      nack    a g 0 unseen count=2
      fetch   a g by=w                  -> 0:x~3
      leave   w
      fetch   a g by=v                  -> 0:x~4
      leave   v
      fetch   a g                       ->
      query   a.dlq                     -> 0:x (1 unread)
    `));

  test("and is still told after the group was read back", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 unseen count=1
      fetch   a g by=w                  -> 0:x~2
      nack    a g 0
      tick
      clock   1s
      tick
      reopen
      fetch   a g by=w                  -> 0:x~3
    `));

  test("a late acknowledgement counts, and brings nothing back", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=one lease=1000     -> 0:x
      clock   1s
      tick
      fetch   a g by=two                -> 0:x~2
      ack     a g 0                     -> 0
      leave   two
      fetch   a g                       ->
    `));

  test("what the group was not handed can be settled, but only if it exists", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g limit=1               -> 0:x more
      ack     a g 1                     -> 1
      ack     a g 2                     -> not_delivered
      ack     a g -1                    -> not_delivered
      crash
      fetch   a g                       -> 0:x~2
      fetch   a g                       ->
    `));

  test("a message handed back comes at once, later, or not before the backoff", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 delay=0
      fetch   a g by=w                  -> 0:x~2
      nack    a g 0 delay=5000
      fetch   a g by=w                  ->
      clock   4999ms
      tick
      fetch   a g by=w                  ->
      clock   1ms
      tick
      fetch   a g by=w                  -> 0:x~3
      nack    a g 0 delay=60000
      crash
      tick
      fetch   a g by=v                  ->
      clock   60s
      tick
      fetch   a g by=v                  -> 0:x~4
      nack    a g 0 count=3             -> not_delivered
      nack    a g 0 count=4
    `));

  test("an acknowledgement whose commit fails is not said to have happened", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      tick
      plant   commit fail
      ack     a g 0                     -> unknown
      reopen
      fetch   a g by=v                  -> 0:x~2
    `));
});

describe("dead letters", () => {
  test("take what was handed out too often, with the reason, in the commit that settles it", () =>
    runScript(`
      create  a
      send    a urgent x                -> 0
      send    a normal y                -> 1
      fetch   a g by=w max=2 limit=1    -> 0:x more
      leave   w
      fetch   a g by=v limit=1          -> 0:x~2 more
      leave   v
      fetch   a g                       -> 1:y
      query   a.dlq                     -> 0:x (1 unread)
      crash
      query   a.dlq                     -> 0:x (1 unread)
      receipt a 0                       -> stored g=dead_lettered~0
      fetch   a h limit=1               -> 0:x more
    `));

  test("take poison at once", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison reason=boom
      fetch   a g                       ->
      query   a.dlq                     -> 0:x (1 unread)
      nack    a g 0                     -> not_delivered
      ack     a g 0                     ->
    `));

  test("have no dead letters of their own", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      fetch   a.dlq g by=w max=1        -> 0:x
      leave   w
      fetch   a.dlq g by=v              -> 0:x~2
      nack    a.dlq g 0 poison
      fetch   a.dlq g by=v              -> 0:x~3
    `));

  test("a message that kills its reader is counted across crashes", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w max=4            -> 0:x
      leave   w
      fetch   a g by=w2                 -> 0:x~2
      leave   w2
      fetch   a g by=w3                 -> 0:x~3
      crash
      fetch   a g by=w4                 -> 0:x~4
      crash
      fetch   a g                       ->
      query   a.dlq                     -> 0:x (1 unread)
    `));

  test("come back to the group while the original is there, and to everybody when it is not", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      send    a normal y                -> 1
      fetch   a g by=w                  -> 0:x 1:y
      nack    a g 0 poison
      nack    a g 1 poison
      remove  a 1
      fetch   a h                       -> 0:x
      redrive a                         -> 2
      query   a.dlq                     -> (0 unread)
      fetch   a g                       -> 0:x 2:y
      fetch   a h                       -> 2:y
      redrive a                         -> 0
      redrive a id=9                    -> message_not_found
      redrive a.dlq                     -> invalid
      redrive b                         -> not_found
    `));

  test("never take the place of the newest message of a mailbox that keeps it alone", () =>
    runScript(`
      create  a latest
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      redrive a                         -> 1
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      send    a normal y                -> 1
      redrive a                         -> exists
      query   a                         -> 1:y (1 unread)
      remove  a 1
      redrive a                         -> 1
      query   a                         -> 2:x (1 unread)
      fetch   a h                       -> 2:x
    `));

  test("that come back as new messages end when they would have ended as letters", () =>
    runScript(`
      create  a ttl=0
      send    a normal x ttl=60         -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      remove  a 0
      redrive a                         -> 1
      clock   604799s
      query   a                         -> 1:x (1 unread)
      clock   1s
      query   a                         -> (0 unread)
    `));

  test("thousands at once do not hold up their mailbox", () =>
    runScript(`
      create  a
      ${Array.from({ length: 300 }, (_, i) => `send a normal x -> ${i}`).join("\n")}
      fetch   a g by=w max=1 limit=1000 -> ${Array.from({ length: 300 }, (_, i) => `${i}:x`).join(" ")}
      leave   w
      send    a normal y                -> 300
      fetch   a g                       -> 300:y
      query   a.dlq limit=1             -> 0:x more (300 unread)
    `));

  test("are told from what was sent to their mailbox by hand", () =>
    runScript(`
      create  a
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      send    a.dlq critical by-hand key=k -> 1
      redrive a id=1                    -> message_not_found
      redrive a                         -> 1
      query   a.dlq                     -> 1:by-hand (1 unread)
      query   a                         -> 0:x (0 unread)
    `));

  test("outlive their mailbox, and end a week later", () =>
    runScript(`
      create  a ttl=60
      send    a normal x                -> 0
      fetch   a g by=w                  -> 0:x
      nack    a g 0 poison
      clock   60s
      tick
      info    a                         -> expired
      query   a.dlq                     -> 0:x (1 unread)
      info    a.dlq                     -> a.dlq standard ends +604740s
      clock   604740s
      tick
      query   a.dlq                     -> expired
    `));
});

describe("a receipt", () => {
  test("tells where a message is", () =>
    runScript(`
      create  a
      send    a normal x ttl=60         -> 0
      receipt a 0                       -> stored
      receipt a 1                       -> message_not_found
      fetch   a new from=latest
      fetch   a g by=w                  -> 0:x
      receipt a 0                       -> stored read g=leased~1 +30s
      nack    a g 0 delay=5000
      receipt a 0                       -> stored read g=deferred~1 +5s
      clock   5s
      tick
      receipt a 0                       -> stored read g=waiting~1
      fetch   a g by=w                  -> 0:x~2
      ack     a g 0                     -> 0
      receipt a 0                       -> stored read g=acked~0
      clock   55s
      receipt a 0                       -> expired read g=acked~0
      send    a normal y                -> 1
      receipt a 1                       -> stored new=waiting~0 g=waiting~0
      remove  a 1
      receipt a 1                       -> gone
    `));
});

describe("the guard against starvation", () => {
  test("is off unless asked for", () =>
    runScript(`
      create  a
      send    a normal   n              -> 0
      send    a critical c              -> 1
      send    a critical d              -> 2
      fetch   a g limit=2               -> 1:c 2:d more
    `));

  test("gives one of so many to the lowest priority", () =>
    runScript(`
      create  a
      send    a normal   n0             -> 0
      send    a normal   n1             -> 1
      send    a critical c2             -> 2
      send    a critical c3             -> 3
      send    a critical c4             -> 4
      fetch   a g by=w kept limit=1 fair=3   -> 2:c2 more
      fetch   a g by=w kept limit=1 fair=3   -> 3:c3 more
      fetch   a g by=w kept limit=1 fair=3   -> 0:n0 more
      fetch   a g by=w kept limit=1 fair=3   -> 4:c4 more
    `));
});

test("a detached lease outlives whoever fetched, and ends by time or acknowledgement", () =>
  runScript(`
    create  a
    send    a normal m0                              -> 0
    send    a normal m1                              -> 1
    fetch   a g by=w1 limit=2 lease=60000 detached   -> 0:m0 1:m1
    leave   w1
    fetch   a g by=w2                                ->
    ack     a g 0                                    -> 0
    clock   61s
    tick
    fetch   a g by=w2                                -> 1:m1~2
  `));

test("a look shows what would be handed out and changes nothing of it", () =>
  runScript(`
    create  a
    send    a normal m0                      -> 0
    send    a critical m1                    -> 1
    fetch   a g look                         -> 1:m1 0:m0
    inspect a                                -> 2 (4 bytes) next 2
    fetch   a g by=w1 limit=1                -> 1:m1 more
    fetch   a g by=w2 look                   -> 0:m0
    fetch   a g by=w1 look                   -> 0:m0
    fetch   a g by=w2                        -> 0:m0
    fetch   a g look                         ->
    nack    a g 0
    fetch   a g look limit=1                 -> 0:m0
    restart
    fetch   a g look                         -> 1:m1 0:m0
    ack     a g 1                            -> 1
    fetch   a g                              -> 0:m0~2
  `));

test("a look that waits ends with what comes, which goes to whoever waits for it", () =>
  runScript(`
    create  a
    fetch   a g by=w1
    fetch   a g by=see wait=1000 look        -> hangs
    fetch   a g by=w2 wait=1000              -> hangs
    send    a normal m0                      -> 0
    await   see                              -> 0:m0
    await   w2                               -> 0:m0
    fetch   a g by=w3                        ->
  `));
