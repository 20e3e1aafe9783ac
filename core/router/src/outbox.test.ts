import { composeFrame, viewOf } from "@mq9/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Transport } from "./listeners/transport.ts";
import { Outbox, type OutboxLimits, type OutboxOwner } from "./outbox.ts";
import { SlabPool, slabBytes } from "./slab-pool.ts";

const limits: OutboxLimits = {
  pendingBytesMax: 1_000_000,
  highWaterBytes: 200_000,
  lowWaterBytes: 50_000,
};

/** A transport whose kernel buffer the test empties by hand. */
class Pipe implements Transport {
  readonly kind = "STANDARD";
  readonly tls = undefined;
  readonly remoteAddress = "";
  readonly remotePort = 0;
  isFull = false;
  inFlight: Buffer | undefined = undefined;
  readonly taken: Buffer[] = [];
  writes = 0;

  write(bytes: Buffer): boolean {
    expect(this.inFlight, "one write at a time").toBeUndefined();
    this.writes += 1;
    if (!this.isFull) {
      this.taken.push(Buffer.from(bytes));
      return true;
    }
    this.inFlight = bytes;
    return false;
  }

  /** Takes what is in flight now, as it is now: a reused slab would show. */
  take(): void {
    if (this.inFlight === undefined) return;
    this.taken.push(Buffer.from(this.inFlight));
    this.inFlight = undefined;
  }

  get text(): string {
    return Buffer.concat(this.taken).toString("latin1");
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

class Owner implements OutboxOwner {
  dirty: Outbox[] = [];
  overflows = 0;
  alarms = 0;
  crowded = 0;
  outboxDirty(outbox: Outbox): void {
    this.dirty.push(outbox);
  }
  outboxOverflow(): void {
    this.overflows += 1;
  }
  outboxCrowded(): void {
    this.crowded += 1;
  }
  outboxAlarm(): void {
    this.alarms += 1;
  }
}

interface Rig {
  readonly pipe: Pipe;
  readonly owner: Owner;
  readonly outbox: Outbox;
  readonly pool: SlabPool;
  readonly drain: () => void;
}

function rig(pool: SlabPool = new SlabPool()): Rig {
  const pipe = new Pipe();
  const owner = new Owner();
  const outbox = new Outbox(pipe, owner, pool, limits);
  const drain = (): void => {
    pipe.isFull = false;
    pipe.take();
    outbox.drained();
  };
  return { pipe, owner, outbox, pool, drain };
}

describe("Outbox", () => {
  test("everything said in a turn is one write, and says once that there is something", () => {
    const { pipe, owner, outbox } = rig();
    for (let at = 0; at < 100; at += 1) outbox.add(Buffer.from(`line ${at}\r\n`));
    expect([pipe.writes, owner.dirty.length]).toEqual([0, 1]);
    outbox.flush();
    expect(pipe.writes).toBe(1);
    outbox.flush();
    expect(pipe.writes).toBe(1);
    outbox.add(Buffer.from("more"));
    expect(owner.dirty).toHaveLength(2);
  });

  test("bytes keep their order through every size and every moment a reader is slow", () => {
    const action = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ do: fc.constant("add"), size: fc.integer({ min: 1, max: 3_000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("add"), size: fc.integer({ min: 1, max: 90_000 }) }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("message"), size: fc.nat(30_000) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("composed"), size: fc.nat(30_000) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("flush"), size: fc.constant(0) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("full"), size: fc.constant(0) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("drain"), size: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const { pipe, owner, outbox, pool, drain } = rig();
        let expected = "";
        for (const [at, { do: what, size }] of actions.entries()) {
          const body = Buffer.alloc(size, 97 + (at % 26));
          if (what === "add") {
            outbox.add(body);
            expected += body.toString("latin1");
          } else if (what === "message") {
            const prefix = Buffer.from("HMSG subject ");
            const frame = composeFrame("subject", "", undefined, body);
            frame.lasting = at % 2 === 0;
            outbox.addMessage(prefix, viewOf(prefix), 1, Buffer.from("17 "), frame);
            // What does not last is gone as soon as it was handed over.
            if (!frame.lasting) frame.data.fill("?");
            expected += `MSG subject 17 ${size}\r\n${body.toString("latin1")}\r\n`;
          } else if (what === "composed") {
            outbox.addComposed("s", Buffer.from("1 "), "r", undefined, body);
            expected += `MSG s 1 r ${size}\r\n${body.toString("latin1")}\r\n`;
          } else if (what === "flush") {
            outbox.flush();
          } else if (what === "full") {
            pipe.isFull = true;
          } else {
            drain();
          }
          expect(owner.overflows).toBe(0);
          expect(outbox.pendingBytes).toBe(expected.length - pipe.text.length);
          expect(pool.heldBytes).toBeGreaterThanOrEqual(outbox.pendingBytes);
        }
        drain();
        outbox.flush();
        expect(pipe.text).toBe(expected);
        expect(outbox.pendingBytes).toBe(0);
        expect(pool.heldBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("a reader that takes nothing fills memory up to the limit and no further", () => {
    const { pipe, owner, outbox, pool } = rig();
    pipe.isFull = true;
    const line = Buffer.alloc(1_000, 120);
    let added = 0;
    while (owner.overflows === 0 && added < 2_000) {
      outbox.add(line);
      outbox.flush();
      added += 1;
    }
    expect(owner.overflows).toBe(1);
    expect(owner.crowded).toBeGreaterThan(0);
    expect(added * line.length).toBeGreaterThan(limits.pendingBytesMax);
    expect(added * line.length).toBeLessThan(limits.pendingBytesMax + 2 * slabBytes);
    expect(pipe.writes).toBe(1);
    outbox.close();
    outbox.add(line);
    expect(outbox.pendingBytes).toBe(0);
    expect(pool.heldBytes).toBe(0);
  });

  test("readers that got one small message hold little, and what they share is counted once", () => {
    const pool = new SlabPool();
    const rigs = Array.from({ length: 100 }, () => rig(pool));
    const small = Buffer.alloc(100, 120);
    for (const { pipe, outbox } of rigs) {
      pipe.isFull = true;
      outbox.add(small);
      outbox.flush();
      outbox.add(small);
      outbox.flush();
    }
    expect(pool.heldBytes).toBeLessThanOrEqual(100 * 2 * 4_096);
    const before = pool.heldBytes;
    const large = Buffer.allocUnsafeSlow(1_000_000);
    for (const { outbox } of rigs.slice(0, 50)) outbox.addDirect(large.subarray(0, 500_000));
    expect(pool.heldBytes).toBeLessThanOrEqual(before + 1_000_000);
    for (const [at, { outbox, drain }] of rigs.entries()) {
      if (at % 2 === 0) drain();
      else outbox.close();
    }
    expect(pool.heldBytes).toBe(0);
  });

  test("asks its owner before it takes more than the alarm", () => {
    const { pipe, owner, outbox, pool } = rig();
    pipe.isFull = true;
    outbox.add(Buffer.alloc(1_000));
    outbox.flush();
    pool.alarmBytes = 200_000;
    let alarmedAt = 0;
    owner.outboxAlarm = () => {
      alarmedAt = pool.heldBytes;
      outbox.close();
    };
    for (let at = 0; at < 1_000; at += 1) outbox.add(Buffer.alloc(1_000));
    expect(alarmedAt).toBeGreaterThan(200_000);
    expect(alarmedAt).toBeLessThan(200_000 + 2 * slabBytes);
    expect(pool.heldBytes).toBe(0);
  });

  test("small lines to a busy reader share slabs instead of taking one each", () => {
    const { pipe, outbox, drain } = rig();
    pipe.isFull = true;
    for (let at = 0; at < 1_000; at += 1) {
      outbox.add(Buffer.from("PONG\r\n"));
      outbox.flush();
    }
    expect(pipe.writes).toBe(1);
    drain();
    expect(pipe.writes).toBe(2);
    expect(pipe.text).toBe("PONG\r\n".repeat(1_000));
  });

  test("owners are told above the high-water mark, and called back once below the low one", () => {
    const { pipe, outbox, drain } = rig();
    pipe.isFull = true;
    const body = Buffer.alloc(40_000, 120);
    let resumed = 0;
    while (outbox.isWritable) outbox.addComposed("s", Buffer.from("1 "), "", undefined, body);
    expect(outbox.pendingBytes).toBeGreaterThan(limits.highWaterBytes);
    outbox.onceWritable(() => {
      resumed += 1;
    });
    outbox.flush();
    // One write more is taken, but the rest is still above the mark.
    pipe.take();
    outbox.drained();
    expect(resumed).toBe(0);
    drain();
    expect([resumed, outbox.isWritable, outbox.pendingBytes]).toEqual([1, true, 0]);
    drain();
    expect(resumed).toBe(1);
  });

  test("producers are let go when the reader is no longer crowded, and when it closes", () => {
    const { pipe, outbox, drain } = rig();
    pipe.isFull = true;
    while (!outbox.isCrowded) outbox.add(Buffer.alloc(50_000, 120));
    let released = 0;
    const release = (): void => {
      released += 1;
    };
    outbox.onceUncrowded(release);
    outbox.onceUncrowded(release);
    drain();
    expect(released).toBe(1);
    outbox.onceUncrowded(release);
    outbox.onceWritable(() => {
      throw new Error("never after close");
    });
    outbox.close();
    expect(released).toBe(2);
  });
});
