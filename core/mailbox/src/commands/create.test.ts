// CREATE, row by row.
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("makes a mailbox, or hands out the one there is with what it was made with", () =>
  runScript(`
    create  a ttl=60                    -> made a standard ends +60s
    clock   +10s
    create  a ttl=3600 latest           -> exists
    create  b ttl=0                     -> made b standard ends never
    create  c latest desc=news          -> made c latest ends +3600s 'news'
  `));

test("with strict refuses a name that is taken, and takes one that ended", () =>
  runScript(`
    create  a ttl=1 strict              -> made a standard ends +1s
    create  a strict                    -> exists
    clock   +1s
    create  a strict                    -> made a standard ends +3600s
    drop    a
    create  a strict                    -> made a standard ends +3600s
  `));

test("two that race for a name have one winner, and both are told after it is durable", async () => {
  const rig = await Rig.open();
  const release = rig.holdDisk();
  const request = {
    name: "a",
    nameStyle: "uuid",
    kind: "standard",
    ttlSeconds: 60,
    public: false,
  } as const;
  const told: string[] = [];
  const note = (name: string) => (result: { created: boolean } | Error) =>
    told.push(`${name} ${"created" in result ? String(result.created) : "refused"}`);
  for (const [name, ifExists] of [
    ["first", "fail"],
    ["second", "return"],
    ["third", "fail"],
  ] as const) {
    const made = rig.account.create({ ...request, ifExists });
    void made.then(note(name), note(name));
  }
  await rig.settle();
  expect(told).toEqual([]);
  await release();
  expect(told.sort()).toEqual(["first true", "second false", "third refused"]);
});

test("a creation that the disk refused did not happen, whoever asked meanwhile", async () => {
  const rig = await Rig.open();
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  const answers = [rig.create("a"), rig.create("a")];
  expect(await Promise.all(answers)).toEqual(["unknown", "unknown"]);
  expect(await rig.outcome(rig.account.info("a"))).toBe("storage_failed");
  await rig.reopen();
  expect(await rig.outcome(rig.account.info("a"))).toBe("not_found");
  expect(await rig.create("a")).toMatchObject({ created: true });
});

test("makes names that nobody can guess in the style of the asking generation", () =>
  runScript(`
    create  -                           -> made m-00000000-0000-4000-8000-000000000001 standard ends +3600s
    create  - style=status latest       -> made m-status-00000000-0000-4000-8000-000000000002 latest ends +3600s
    create  - style=compact             -> made ambqgaydambqgaydambqgaydam standard ends +3600s
  `));

test("refuses names and times to live outside the rules", () =>
  runScript(`
    create  $SYSTEM.PUBLIC              -> forbidden
    create  $SYSTEM.PUBLIC public       -> forbidden
    create  a..b                        -> invalid
    create  a/b                         -> invalid
    create  QUERY                       -> invalid
    create  b ttl=-1                    -> invalid
    create  b ttl=1.5                   -> invalid
    create  b ttl=NaN                   -> invalid
    create  b ttl=31536000              -> made b standard ends +31536000s
    create  c ttl=31536001              -> invalid
    info    c                           -> not_found
  `));

test("a description longer than its limit is refused", async () => {
  const rig = await Rig.open();
  const request = {
    name: "a",
    nameStyle: "uuid",
    kind: "standard",
    ttlSeconds: 60,
    public: true,
    ifExists: "return",
  } as const;
  const long = "x".repeat(65_537);
  expect(await rig.outcome(rig.account.create({ ...request, desc: long }))).toBe("too_large");
  expect(await rig.outcome(rig.account.create({ ...request, desc: long.slice(1) }))).toMatchObject({
    created: true,
  });
});

test("a new life under an old name has its own messages, and numbers that go on", () =>
  runScript(`
    create  a ttl=10
    send    a normal x                  -> 0
    send    a normal y                  -> 1
    clock   +10s
    create  a                           -> made a standard ends +3600s
    query   a                           -> (0 unread)
    send    a normal z                  -> 2
    remove  a 0                         -> message_not_found
    restart
    query   a                           -> 2:z (1 unread)
    send    a normal w                  -> 3
  `));

test("numbers go on when the newest message was removed, over a restart and a crash", () =>
  runScript(`
    create  a
    send    a normal x                  -> 0
    send    a normal y                  -> 1
    remove  a 1
    remove  a 0
    restart
    send    a normal z                  -> 2
    remove  a 2
    crash
    send    a normal w                  -> 3
  `));

test("the same name in another account is another mailbox", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const other = rig.mailboxes.account("other");
  expect(await rig.outcome(other.info("a"))).toBe("not_found");
  expect(await rig.outcome(other.list({ after: "", limit: 9 }))).toEqual([]);
});

test("a mailbox of dead letters keeps them all", () =>
  runScript(`
    create  a.dlq latest                -> invalid
    create  a.dlq
  `));
