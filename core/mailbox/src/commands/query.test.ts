// QUERY and DELETE, row by row.
import { test } from "vitest";
import { runScript } from "../testing/script.ts";

test("lists what lies there by priority and number, and moves nothing", () =>
  runScript(`
    query   a                           -> not_found
    create  a
    query   a                           -> (0 unread)
    send    a normal   x                -> 0
    send    a critical y                -> 1
    query   a                           -> 1:y 0:x (2 unread)
    query   a                           -> 1:y 0:x (2 unread)
  `));

test("returns no more than asked for, and still counts every unread message", () =>
  runScript(
    `
    create     a
    send       a normal   x             -> 0
    send       a normal   y             -> 1
    send       a normal   z             -> 2
    send       a critical c             -> 3
    query      a limit=2                -> 3:c 0:x more (4 unread)
    query      a limit=0                -> more (4 unread)
    query      a limit=4                -> 3:c 0:x 1:y 2:z (4 unread)
    subscribe  r a room=2
    got        r                        -> 3:c* 0:x*
    query      a limit=1                -> 3:c more (2 unread)
    query      a unread limit=1         -> 1:y more (2 unread)
    `,
    { pageMessages: 2 },
  ));

test("unread is what no reader was handed yet, plain or of a group, also after a restart", () =>
  runScript(`
    create     a
    send       a normal x               -> 0
    subscribe  r a ranks=critical
    query      a                        -> 0:x (1 unread)
    subscribe  s a group=g
    query      a                        -> 0:x (0 unread)
    query      a unread                 -> (0 unread)
    end        s
    restart
    send       a normal y               -> 1
    query      a unread                 -> 1:y (1 unread)
    subscribe  t a
    crash
    query      a unread                 -> 1:y (1 unread)
  `));

test("asks for the token of the creation only when it has to be shown and there is one", () =>
  runScript(`
    create  a token=secret
    send    a normal x                  -> 0
    query   a checked                   -> forbidden
    query   a checked token=wrong!      -> forbidden
    query   a checked token=se          -> forbidden
    query   a checked token=secret      -> 0:x (1 unread)
    query   a                           -> 0:x (1 unread)
    create  b
    query   b checked                   -> (0 unread)
    query   b checked token=any         -> (0 unread)
    restart
    query   a checked token=wrong!      -> forbidden
    query   a checked token=secret      -> 0:x (1 unread)
  `));

test("a removed message is gone for every reader, once", () =>
  runScript(`
    create     a
    send       a normal x               -> 0
    send       a normal y               -> 1
    remove     a 0
    remove     a 0                      -> message_not_found
    remove     a 2                      -> message_not_found
    remove     a -1                     -> message_not_found
    remove     b 0                      -> not_found
    query      a                        -> 1:y (1 unread)
    subscribe  r a
    got        r                        -> 1:y*
    crash
    query      a                        -> 1:y (1 unread)
  `));

test("a removal finds a message that was sent a moment before", () =>
  runScript(`
    create  a
    send    a normal x ttl=5            -> 0
    clock   +4999ms
    remove  a 0
    send    a normal y ttl=5            -> 1
    clock   +5s
    remove  a 1                         -> message_not_found
  `));

test("the directory can be read and not removed from", () =>
  runScript(`
    query   $SYSTEM.PUBLIC              -> (0 unread)
    create  a public desc=one
    query   $SYSTEM.PUBLIC              -> 0:a:one (1 unread)
    remove  $SYSTEM.PUBLIC 0            -> forbidden
    drop    $SYSTEM.PUBLIC              -> forbidden
    renew   $SYSTEM.PUBLIC 5            -> forbidden
  `));

test("a mailbox that keeps the newest answers when its message has ended and was swept", () =>
  runScript(`
    create  a latest
    send    a normal x ttl=1            -> 0
    query   a                           -> 0:x (1 unread)
    clock   720s
    tick
    query   a                           -> (0 unread)
    send    a urgent y                  -> 1
    query   a                           -> 1:y (1 unread)
  `));
