// The same state in the broker and in a real nats-server, and what both tell about it: every field that
// the real one gives is there with the same JSON type, but for those listed here with the reason.
import { createServer } from "node:net";
import { findPeer, type RunningNatsServer, startNatsServer } from "@mq9/testkit";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type Json, type Rig, startRig } from "./rig.ts";

const peer = findPeer("nats-server");

/** Fields of the real server that are left out, and why. */
const left: Readonly<Record<string, string>> = {
  "varz.stalled_clients": "producers are held without being counted",
  "varz.config_digest": "the configuration has no digest",
  "varz.feature_flags": "flags of JetStream",
  "varz.disk_io_wait_stats": "of JetStream; times of commits are metrics",
  "varz.system_account": "there is none without configured accounts",
  "accountz.system_account": "the same",
  "accountz.account_detail.imports": "accounts share no subjects here",
  "accstatz.account_statz.sent.gateways": "there are none",
  "accstatz.account_statz.sent.routes": "there are none",
  "accstatz.account_statz.sent.leafs": "there are none",
  "accstatz.account_statz.received.gateways": "there are none",
  "accstatz.account_statz.received.routes": "there are none",
  "accstatz.account_statz.received.leafs": "there are none",
  "connz.connections.rtt": "measured by the first ping, which comes later here",
  "connz.connections.name_tag": "of accounts in JWTs",
};

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

/** What is missing of `theirs`, or is of another type, as paths. Of lists the first entries are compared. */
function missing(theirs: Json, ours: Json, where: string): string[] {
  if (typeOf(theirs) !== typeOf(ours)) {
    return [`${where}: ${typeOf(theirs)} there, ${typeOf(ours)} here`];
  }
  if (Array.isArray(theirs)) {
    const [their] = theirs;
    if (typeof their !== "object") return [];
    return missing(their, ours[0], where);
  }
  if (typeOf(theirs) !== "object") return [];
  return Object.keys(theirs).flatMap((key) => {
    const path = `${where}.${key}`;
    if (left[path] !== undefined) return [];
    if (!Object.hasOwn(ours, key)) return [`${path}: not here`];
    // Keys of these are data, not fields.
    if (path === "varz.http_req_stats") return [];
    return missing(theirs[key], ours[key], path);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe.skipIf(peer.path === undefined)(`beside nats-server ${peer.reason}`, () => {
  let real: RunningNatsServer;
  let rig: Rig;
  let realHttp: number;
  const clients: NatsConnection[] = [];

  /** The same on both sides: a subscriber, a queue member, traffic, one connection that ended. */
  async function fill(port: number): Promise<void> {
    const servers = `127.0.0.1:${port}`;
    const client = await connect({ servers, name: "steady" });
    clients.push(client);
    client.subscribe("foo.>", { queue: "workers" });
    client.subscribe("bar.*");
    for (let at = 0; at < 10; at += 1) client.publish("bar.one", "hello");
    await client.flush();
    const leaving = await connect({ servers, name: "leaving" });
    await leaving.close();
  }

  beforeAll(async () => {
    realHttp = await freePort();
    real = await startNatsServer(["-m", String(realHttp)]);
    rig = await startRig();
    await fill(real.port);
    await fill(rig.port);
    for (const ask of [theirs, ours]) {
      await eventually(async () => (await ask("/connz?state=closed")).total === 1);
    }
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await rig?.[Symbol.asyncDispose]();
    await real?.stop();
  });

  const theirs = async (path: string): Promise<Json> =>
    (await fetch(`http://127.0.0.1:${realHttp}${path}`)).json();
  const ours = (path: string): Promise<Json> => rig.json(path);

  test.each([
    ["varz", "/varz"],
    ["connz", "/connz"],
    ["connz", "/connz?subs=1"],
    ["connz", "/connz?subs=detail&auth=1"],
    ["connz", "/connz?state=closed"],
    ["connz", "/connz?state=any&sort=bytes_to"],
    ["subsz", "/subsz"],
    ["subsz", "/subsz?subs=1&test=bar.one"],
    ["accountz", "/accountz"],
    ["accountz", "/accountz?acc=$G"],
    ["accstatz", "/accstatz"],
    ["healthz", "/healthz"],
    ["routez", "/routez"],
    ["gatewayz", "/gatewayz"],
    ["leafz", "/leafz"],
    ["jsz", "/jsz"],
  ])("%s: every field of %s is there, of the same type", async (name, path) => {
    expect(missing(await theirs(path), await ours(path), name)).toEqual([]);
  });

  test("the same figures, where both count the same", async () => {
    const figures = ({ in_msgs, in_bytes, out_msgs, out_bytes, connections }: Json): Json => ({
      in_msgs,
      in_bytes,
      out_msgs,
      out_bytes,
      connections,
    });
    expect(figures(await ours("/varz"))).toEqual(figures(await theirs("/varz")));
    const shown = ({ connections: [first] }: Json): Json => ({
      kind: first.kind,
      type: first.type,
      ip: first.ip,
      name: first.name,
      lang: first.lang,
      version: first.version,
      in_msgs: first.in_msgs,
      out_bytes: first.out_bytes,
      subscriptions: first.subscriptions,
      list: new Set(first.subscriptions_list),
    });
    expect(shown(await ours("/connz?subs=1"))).toEqual(shown(await theirs("/connz?subs=1")));
    const end = ({ connections: [first] }: Json): Json => [first.name, first.reason];
    const path = "/connz?state=closed";
    expect(end(await ours(path))).toEqual(end(await theirs(path)));
  });

  test.each([
    "cid",
    "start",
    "subs",
    "pending",
    "msgs_to",
    "msgs_from",
    "bytes_to",
    "bytes_from",
    "uptime",
  ])("sort=%s puts connections in the same order", async (sort) => {
    const names = async (ask: typeof ours): Promise<string[]> =>
      (await ask(`/connz?sort=${sort}`)).connections.map(({ name }: Json) => name);
    expect(await names(ours)).toEqual(await names(theirs));
  });

  test.each([
    "/connz?sort=bogus",
    "/connz?limit=x",
    "/connz?auth=2",
    "/connz?state=bogus",
    "/connz?sort=stop",
    "/connz?sort=uptime&state=closed",
    "/connz?subs=bogus",
    "/connz?offset=-1",
    "/connz?limit=-5",
    "/connz?cid=x",
    "/subsz?test=a..b",
    "/subsz?limit=x",
    "/accountz?acc=nope",
    "/healthz?js-enabled=x",
    "/nope",
    "/healthz",
  ])("%s: the same status, and the same first words of an error", async (path) => {
    const [their, our] = await Promise.all([
      fetch(`http://127.0.0.1:${realHttp}${path}`),
      rig.get(path),
    ]);
    expect(our.status).toBe(their.status);
    const words = async (response: Response): Promise<string> =>
      (await response.text()).replace(/strconv\.\w+: |parsing.*/gs, "").trim();
    if (their.status !== 200) expect(await words(our)).toBe(await words(their));
  });
});
