import { expect, test } from "vitest";
import { type Principal, Quarantines } from "./quarantines.ts";

const ann = { account: "A", user: "ann" };
const bob = { account: "A", user: "bob" };
const auth = { accounts: [{ name: "A", users: [{ user: "ann" }, { user: "bob" }] }] };

function rig(kept: readonly Principal[] = []) {
  const told: string[] = [];
  const disk = { kept, broken: false };
  const quarantines = new Quarantines(
    {
      quarantine: (account, user, on) => {
        told.push(`${account} ${user} ${on}`);
        return 3;
      },
    },
    {
      load: async () => disk.kept,
      save: async (stopped) => {
        if (disk.broken) throw new Error("no space");
        disk.kept = stopped;
      },
    },
    () => auth,
  );
  return { quarantines, told, disk };
}
const nobodyHears = (): void => {};

test("who was stopped before is stopped before anybody comes in", async () => {
  const { quarantines, told } = rig([ann, { account: "Gone", user: "x" }]);
  await quarantines.restore();
  expect(told).toEqual(["A ann true", "Gone x true"]);
  expect(quarantines.stopped).toHaveLength(2);
});

test("every change is kept, those made at one time too", async () => {
  const { quarantines, disk } = rig();
  const counts = await Promise.all(
    [ann, bob].map((who) => quarantines.set(who, true, nobodyHears)),
  );
  expect([counts, disk.kept]).toEqual([
    [3, 3],
    [ann, bob],
  ]);
  await quarantines.set(ann, false, nobodyHears);
  expect(disk.kept).toEqual([bob]);
});

test("changes made at one time are kept as they hold in the end", async () => {
  const { quarantines, told, disk } = rig();
  for (const who of [ann, bob]) await quarantines.set(who, true, nobodyHears);
  await Promise.all([ann, bob].map((who) => quarantines.set(who, false, nobodyHears)));
  expect([disk.kept, quarantines.stopped]).toEqual([[], []]);
  await quarantines.set(ann, true, nobodyHears);
  await Promise.all([
    quarantines.set(ann, false, nobodyHears),
    quarantines.set(ann, true, nobodyHears),
    quarantines.set(bob, true, nobodyHears),
  ]);
  expect(new Set(disk.kept)).toEqual(new Set([ann, bob]));
  expect(new Set(quarantines.stopped)).toEqual(new Set([ann, bob]));
  expect(told.at(-1)).toBe("A ann true");
});

test("whoever can not be kept is stopped all the same, and is not let go on", async () => {
  const { quarantines, told, disk } = rig();
  disk.broken = true;
  await expect(quarantines.set(ann, true, nobodyHears)).rejects.toThrow(
    "the user is stopped, but only until this process ends: no space",
  );
  await expect(quarantines.set(ann, false, nobodyHears)).rejects.toThrow("still stopped: no space");
  expect(told).toEqual(["A ann true"]);
  disk.broken = false;
  await quarantines.set(ann, false, nobodyHears);
  expect(told).toEqual(["A ann true", "A ann false"]);
});

test("nobody is stopped by a name that is none", async () => {
  const { quarantines, told } = rig();
  await expect(quarantines.set({ account: "A", user: "anne" }, true, nobodyHears)).rejects.toThrow(
    'there is no user "anne" in account "A"',
  );
  expect(told).toEqual([]);
});
