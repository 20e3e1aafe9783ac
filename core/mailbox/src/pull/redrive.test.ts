// Dead letters that come back to a group which changed meanwhile.
import { test } from "vitest";
import { runScript } from "../testing/script.ts";

test("a letter is out with one consumer when its group began again and has not come to it", () =>
  runScript(`
    create  a
    send    a critical c              -> 0
    send    a normal   x              -> 1
    fetch   a g by=w                  -> 0:c 1:x
    nack    a g 1 poison
    fetch   a g by=w restart limit=1  -> 0:c more
    redrive a                         -> 1
    fetch   a g by=v limit=1          -> 1:x
    fetch   a g by=u limit=1          ->
    ack     a g 1                     -> 1
    leave   v
    fetch   a g by=u                  ->
  `));
