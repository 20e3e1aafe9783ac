// The yardstick of durable sends: an append-only file with one write and one fdatasync per batch and
// no network before it. Run inside generator.mjs.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Meter } from "./meter.mjs";

const write = promisify(fs.write);
const fdatasync = promisify(fs.fdatasync);
const poolBytes = 1 << 20;
/** What a record carries beside its payload: length, checksum and a 16-byte key. */
const recordHeadBytes = 24;

/**
 * `inFlight` producers append records of `size` bytes; all that wait when a batch ends form the
 * next. A record's latency is that of its batch.
 */
export async function append(job) {
  const meter = new Meter();
  const file = path.join(job.folder, "bench.log");
  const descriptor = fs.openSync(file, "w");
  const pool = randomBytes(poolBytes);
  const recordBytes = recordHeadBytes + job.size;
  const batch = Buffer.allocUnsafeSlow(recordBytes * job.inFlight);
  let position = 0;
  let sequence = 0;
  let running = true;
  const load = async () => {
    while (running) {
      const startedMs = performance.now();
      let at = 0;
      for (let i = 0; i < job.inFlight; i++) {
        batch.writeUInt32LE(job.size, at);
        batch.writeUInt32LE(sequence++ >>> 0, at + 4);
        const from = (sequence * 7919) % (poolBytes - recordBytes);
        pool.copy(batch, at + 8, from, from + recordBytes - 8);
        at += recordBytes;
      }
      await write(descriptor, batch, 0, at, position);
      await fdatasync(descriptor);
      position += at;
      const ms = performance.now() - startedMs;
      for (let i = 0; i < job.inFlight; i++) meter.latency(ms);
      meter.count(job.inFlight);
    }
  };
  const loading = load();
  const result = await meter.run(job);
  running = false;
  await loading;
  fs.closeSync(descriptor);
  fs.rmSync(file);
  return result;
}
