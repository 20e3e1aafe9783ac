// Random delays, kills and failed commits: what was accepted becomes visible once, at its time.
import { asciiBytes } from "@mq9/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rig, textOf } from "./testing/rig.ts";

interface Sent {
  readonly text: string;
  readonly atMs: number;
  readonly scheduledId: number;
}

const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant("send" as const),
      delayMs: fc.integer({ min: 1, max: 12 }),
      together: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("plain" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("cancel" as const), which: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("pass" as const), ms: fc.nat(6) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constantFrom("crash", "restart", "fail", "apply-then-fail") }),
  },
);

test("a delayed message is visible once, from its instant on and not before", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 40 }),
      fc.constantFrom(1, 2, 512),
      async (script, pageMessages) => {
        const rig = await Rig.open({ pageMessages, commitOperationsMax: 4 });
        await rig.create("a", { ttlSeconds: 86_400 });
        const accepted: Sent[] = [];
        const doubtful = new Set<string>();
        const cancelled = new Set<string>();
        let under: Promise<void>[] = [];
        let count = 0;
        const visible = async () => {
          const query = { mailbox: "a", checkToken: false, unreadOnly: false, limit: 1000 };
          const found = await rig.outcome(rig.account.query(query));
          if (typeof found === "string") throw new Error(found);
          return found.messages.map((message) => textOf(message.payload));
        };
        const recover = async () => {
          await rig.outcome(Promise.all(under));
          under = [];
          for (let i = 0; i < 3; i += 1) {
            if (typeof (await rig.outcome(rig.mailboxes.tick())) === "number") return;
            await rig.reopen();
          }
        };
        const verify = async () => {
          await recover();
          const seen = await visible();
          expect(new Set(seen).size).toBe(seen.length);
          for (const { text, atMs } of accepted) {
            const isDue = rig.nowMs >= atMs && !cancelled.has(text);
            if (!doubtful.has(text)) expect([text, seen.includes(text)]).toEqual([text, isDue]);
          }
          const inTime = accepted.filter(({ text }) => seen.includes(text));
          const order = inTime.toSorted((a, b) => a.scheduledId - b.scheduledId);
          const firstOf = (text: string) => seen.indexOf(text);
          for (const [i, { text, atMs }] of order.entries()) {
            const before = order[i - 1];
            // Of those that became visible in the same tick the earlier comes first.
            if (before !== undefined && before.atMs === atMs && !doubtful.has(text)) {
              expect(firstOf(before.text)).toBeLessThan(firstOf(text));
            }
          }
        };
        for (const step of script) {
          if (step.what === "send") {
            const { delayMs, together } = step as { delayMs: number; together: boolean };
            const text = `d${(count += 1)}`;
            const atMs = rig.nowMs + delayMs;
            const payload = asciiBytes(text);
            const sent = rig.account
              .send({ mailbox: "a", label: "normal", payload, delayMs })
              .then(({ scheduledId = -1 }) => {
                expect(Math.floor(scheduledId / 256)).toBeGreaterThan(-1);
                accepted.push({ text, atMs, scheduledId });
              })
              .catch(() => undefined);
            under.push(sent);
            if (!together) await recover();
          } else if (step.what === "plain") {
            under.push(
              rig.post("a", `p${(count += 1)}`).then(
                () => undefined,
                () => undefined,
              ),
            );
          } else if (step.what === "cancel") {
            const target = accepted[(step as { which: number }).which % (accepted.length || 1)];
            if (target === undefined) continue;
            await recover();
            const { scheduledId, text } = target;
            const result = await rig.outcome(rig.account.cancel({ mailbox: "a", scheduledId }));
            if (result === undefined) cancelled.add(text);
            else if (result !== "message_not_found") doubtful.add(text);
          } else if (step.what === "pass") {
            await verify();
            rig.nowMs += (step as { ms: number }).ms;
          } else if (step.what === "crash" || step.what === "restart") {
            await rig.outcome(Promise.all(under));
            under = [];
            await rig[step.what]();
          } else {
            rig.store.plant("commit", 1, { kind: step.what as "fail", code: "full" });
          }
        }
        await verify();
        rig.nowMs += 20;
        await verify();
        const left = await rig.outcome(
          rig.account.scheduled({ mailbox: "a", afterId: -1, limit: 9 }),
        );
        expect(left).toEqual([]);
        expect(await rig.outcome(rig.account.inspect("a"))).toMatchObject({ scheduled: 0 });
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
