// Mailboxes that leave memory because nobody uses them, and come back.
import { test } from "vitest";
import { runScript } from "../testing/script.ts";

test("a group whose mailbox left memory writes nothing over what was settled since", () =>
  runScript(
    `
    create  a
    create  b
    send    a normal x                -> 0
    fetch   a g by=w                  -> 0:x
    nack    a g 0 delay=5000
    tick
    info    b
    info    b
    info    c                         -> not_found
    fetch   a g                       ->
    ack     a g 0                     -> 0
    clock   5s
    tick
    crash
    fetch   a g                       ->
    `,
    { activeMax: 1 },
  ));
