// One driver process: `node driver.js <JSON of DriverOptions>`. Lives through the broker's crashes,
// reconnects at once, and takes orders on stdin: `epoch <name>`, `stop`. Exits with 1 when a living
// broker did not answer.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { HistoryWriter } from "./history.ts";
import { ConnectionLost, NatsClient } from "./nats-client.ts";
import { pullDrainer, puller, RecordWriter, repeater } from "./pull-roles.ts";
import { createRandom } from "./random.ts";
import {
  administrator,
  drainer,
  flusher,
  type Life,
  type Role,
  requester,
  subscriber,
} from "./roles.ts";

export type RoleName =
  | "request0"
  | "request1"
  | "flush0"
  | "flush1"
  | "administrator"
  | "subscribe0"
  | "subscribe1"
  | "send2"
  | "pull2"
  | "drain"
  | "drain2";

/** What a driver is told on its command line. */
export interface DriverOptions {
  readonly port: number;
  /** Folder of the histories. */
  readonly folder: string;
  /** Unique among the drivers of a run. */
  readonly name: string;
  readonly seed: number;
  readonly epoch: string;
  readonly roles: readonly RoleName[];
  /** Folder of the histories that tell of generation 2. */
  readonly pullFolder: string;
  /** For `drain` and `drain2`: mailboxes to read to the end. */
  readonly mailboxes: readonly string[];
}

const options = JSON.parse(process.argv[2] ?? "{}") as DriverOptions;
let epoch = options.epoch;
let stopping = false;

createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, value] = line.split(" ");
  if (order === "epoch" && value !== undefined) epoch = value;
  if (order === "stop") stopping = true;
});

const history = new HistoryWriter(options.folder, options.name);
const records = new RecordWriter(options.pullFolder, options.name);
try {
  await Promise.all(options.roles.map(async (role, index) => await live(role, index)));
  process.exitCode = 0;
} catch (error) {
  console.error(`driver ${options.name}:`, error);
  process.exitCode = 1;
}
history.close();
records.close();
process.stdin.destroy();
// A role that gave up left its connection open.
if (process.exitCode !== 0) process.exit();

/** Plays a role on one connection after the other, until told to stop or (drain) done. */
async function live(name: RoleName, index: number): Promise<void> {
  const role = roleOf(name);
  const random = createRandom(options.seed * 31 + index);
  for (let life = 1; !stopping; life += 1) {
    const conn = `${options.name}${index}.${life}`;
    const client = await NatsClient.open(options.port, conn).catch(lost);
    if (client === undefined) {
      await sleep(5);
      continue;
    }
    const here: Life = {
      client,
      conn,
      history,
      random,
      epoch: () => epoch,
      stopping: () => stopping,
    };
    const done = await role(here).then(() => true, lost);
    client.close();
    if (done === true && name.startsWith("drain")) return;
  }
}

function roleOf(name: RoleName): Role {
  switch (name) {
    case "request0":
      return requester(0);
    case "request1":
      return requester(1);
    case "flush0":
      return flusher(0);
    case "flush1":
      return flusher(1);
    case "administrator":
      return administrator;
    case "subscribe0":
      return subscriber(0);
    case "subscribe1":
      return subscriber(1);
    case "send2":
      return repeater(records);
    case "pull2":
      return puller(records);
    case "drain2":
      return pullDrainer(records, options.mailboxes);
    case "drain":
      return drainer(options.mailboxes);
  }
}

/** A lost connection is what this test is about; anything else is a fault. */
function lost(error: unknown): undefined {
  if (error instanceof ConnectionLost) return undefined;
  throw error;
}
