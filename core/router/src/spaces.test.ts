import { describe, expect, test } from "vitest";
import type { Client, Hold, SubjectSpace } from "./subject-space.ts";
import { Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";
import { connectPeer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

const prefix = "$own.";
const block = "NATS/1.0\r\nA: b\r\n\r\n";

/** An owner that writes down what it is handed, and does what the test tells it to. */
class Owner implements SubjectSpace {
  readonly prefix = prefix;
  readonly seen: string[] = [];
  readonly held: Subscription[] = [];
  onPublish: (client: Client, subject: string, reply: string, payload: Buffer) => void = () => {};
  onSubscribe: (client: Client, subscription: Subscription) => void = () => {};

  publish(
    client: Client,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void {
    const parts = [subject, reply, headers?.toString("latin1") ?? "", payload.toString("latin1")];
    this.seen.push(`publish ${parts.join("|")}`);
    this.onPublish(client, subject, reply, payload);
  }
  subscribe(client: Client, subscription: Subscription): void {
    this.seen.push(`subscribe ${subscription.subject} ${subscription.queue} ${subscription.sid}`);
    this.held.push(subscription);
    this.onSubscribe(client, subscription);
  }
  unsubscribe(_: Client, subscription: Subscription): void {
    this.seen.push(`unsubscribe ${subscription.sid}`);
  }
  disconnect(_: Client, subscriptions: readonly Subscription[]): void {
    this.seen.push(`disconnect ${subscriptions.map((one) => one.sid).join(",")}`);
  }
}

describe("a claimed space", () => {
  test("whose owner throws ends that connection and no other", async () => {
    const owner = new Owner();
    const failures: unknown[] = [];
    const ownerFailed = (_: unknown, error: unknown): void => void failures.push(error);
    await using server = await startRouter({}, { ownerFailed }, owner);
    await using witness = await connectPeer(server.port);
    await witness.flush();
    const defect = new Error("defect");
    owner.onPublish = owner.onSubscribe = () => {
      throw defect;
    };
    for (const operation of ["PUB $own.a 2\r\nhi\r\n", "SUB $own.a 1\r\n"]) {
      await using peer = await connectPeer(server.port);
      peer.send(operation);
      await peer.readToEnd();
    }
    expect(failures).toEqual([defect, defect]);
    expect(await witness.flush()).toBe("");
  });

  test("gets every PUB, SUB and UNSUB under its prefix, and nobody else sees them", async () => {
    const owner = new Owner();
    await using server = await startRouter({}, {}, owner);
    await using spy = await connectPeer(server.port);
    spy.send("SUB > 1\r\nSUB $own 2\r\nSUB *.> 3\r\nSUB $own* 4\r\n");
    await spy.flush();
    {
      await using peer = await connectPeer(server.port);
      peer.send("SUB $own.a 1\r\nSUB $own.> q 2\r\nSUB ordinary 3\r\nUNSUB 2\r\n");
      peer.send(`PUB $own.a 2\r\nhi\r\nHPUB $own.b r 18 19\r\n${block}x\r\n`);
      expect(await peer.flush()).toBe("");
    }
    while (!owner.seen.includes("disconnect 1")) expect(await spy.flush()).toBe("");
    expect(owner.seen).toEqual([
      "subscribe $own.a  1",
      "subscribe $own.> q 2",
      "unsubscribe 2",
      "publish $own.a|||hi",
      `publish $own.b|r|${block}|x`,
      "disconnect 1",
    ]);
    expect(await spy.flush()).toBe("");
  });

  test("delivers with the max of UNSUB, headers only to those who take them", async () => {
    const owner = new Owner();
    owner.onPublish = (client, subject, _reply, payload) => {
      for (const one of owner.held) {
        client.deliver(one, subject, "re", Buffer.from(block), payload);
      }
    };
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    peer.send("SUB $own.> 9\r\nUNSUB 9 2\r\n");
    peer.send("PUB $own.x 1\r\nm\r\n".repeat(4));
    expect(await peer.flush()).toBe(`HMSG $own.x 9 re 18 19\r\n${block}m\r\n`.repeat(2));
    expect(owner.seen.filter((line) => line === "unsubscribe 9")).toHaveLength(1);
    await using plain = await connectPeer(server.port, { verbose: false });
    owner.held.length = 0;
    plain.send("SUB $own.> 9\r\nPUB $own.x 1\r\nm\r\n");
    expect(await plain.flush()).toBe("MSG $own.x 9 re 1\r\nm\r\n");
  });

  test("takes headers from a client that did not offer to read any, as nobody else does", async () => {
    const owner = new Owner();
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port, { verbose: false });
    peer.send(`HPUB $own.b 18 19\r\n${block}x\r\n`);
    expect(await peer.flush()).toBe("");
    expect(owner.seen).toEqual([`publish $own.b||${block}|x`]);
    peer.send(`HPUB other.b 18 19\r\n${block}x\r\n`);
    await peer.readToEnd();
  });

  test("may refuse, in the words of permissions, and then no +OK follows", async () => {
    const owner = new Owner();
    owner.onPublish = (client, subject) => client.refusePublish(subject);
    owner.onSubscribe = (client, one) => client.refuseSubscription(one.subject, one.queue);
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port, { ...quiet, verbose: true });
    peer.received = "";
    peer.send("SUB $own.a q 1\r\nUNSUB 1\r\nPUB $own.b 0\r\n\r\nPUB other 0\r\n\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Subscription to "$own.a" using queue "q"'\r\n` +
        `+OK\r\n-ERR 'Permissions Violation for Publish to "$own.b"'\r\n+OK\r\n`,
    );
    expect(owner.seen, "a refused subscription is not held").not.toContain("unsubscribe 1");
  });

  test("publishes as the server and asks who got it", async () => {
    const owner = new Owner();
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    peer.send("SUB in.> 1\r\nSUB in.> 2\r\nSUB in.> q 3\r\nSUB $own.> 4\r\n");
    await peer.flush();
    const { services } = server.router;
    const payload = Buffer.from("p");
    expect(services.publish("$G", "in.x", "r", undefined, payload)).toBe(3);
    expect(services.publish("$G", "$own.x", "", undefined, payload)).toBe(0);
    expect(services.publish("other", "in.x", "", undefined, payload)).toBe(0);
    await peer.read("MSG in.x 1 r 1\r\np\r\nMSG in.x 2 r 1\r\np\r\nMSG in.x 3 r 1\r\np\r\n");
  });

  test("fans out over its own list with groups, echo and max", async () => {
    const owner = new Owner();
    const list = new Sublist();
    await using server = await startRouter({}, {}, owner);
    const { services } = server.router;
    owner.onSubscribe = (_, one) => list.insert(one);
    owner.onPublish = (client, subject, _reply, payload) => {
      services.fanOut(list, client, subject, "", undefined, payload);
    };
    await using silent = await connectPeer(server.port, { ...quiet, echo: false });
    await using peer = await connectPeer(server.port);
    silent.send("SUB $own.x 1\r\nSUB $own.x q 2\r\n");
    await silent.flush();
    peer.send("SUB $own.* q 1\r\nSUB $own.> 2\r\nUNSUB 2 1\r\n");
    await peer.flush();
    silent.send("PUB $own.x 1\r\nm\r\n".repeat(2));
    expect(await silent.flush()).toBe("");
    const got = await peer.flush();
    expect(got.match(/MSG \$own\.x 1/g)).toHaveLength(2);
    expect(got.match(/MSG \$own\.x 2/g)).toHaveLength(1);
    expect(owner.seen).toContain("unsubscribe 2");
  });

  test("says no responders for a request that it leaves unserved", async () => {
    const owner = new Owner();
    await using server = await startRouter({}, {}, owner);
    owner.onPublish = (client, subject, reply) => {
      server.router.services.noResponders(client, subject, reply);
    };
    await using peer = await connectPeer(server.port);
    peer.send("SUB _INBOX.a.* 1\r\nPUB $own.x _INBOX.a.1 0\r\n\r\n");
    expect(await peer.flush()).toContain("NATS/1.0 503\r\nNats-Subject: $own.x\r\n");
  });

  test("hears of the end of who it was when a second CONNECT comes", async () => {
    const owner = new Owner();
    const states: unknown[] = [];
    owner.onPublish = (client) => {
      states.push(client.ownerState);
      client.ownerState = "mine";
    };
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    const publish = "PUB $own.x 0\r\n\r\n";
    peer.send(`SUB $own.a 1\r\n${publish}${publish}`);
    peer.send(`CONNECT ${JSON.stringify(quiet)}\r\n${publish}`);
    await peer.flush();
    expect(states).toEqual([undefined, "mine", undefined]);
    expect(owner.seen).toContain("disconnect 1");
  });

  test("may end a connection after what it said", async () => {
    const owner = new Owner();
    owner.onSubscribe = (client, one) => {
      client.deliver(one, "$own.bye", "", undefined, Buffer.from("last words"));
      client.end();
    };
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    peer.send("SUB $own.a 1\r\nPING\r\n");
    expect(await peer.readToEnd()).toBe("MSG $own.bye 1 10\r\nlast words\r\n");
  });
});

describe("holds", () => {
  test("keep later answers back, in order, and nothing else", async () => {
    const owner = new Owner();
    const holds: Hold[] = [];
    owner.onPublish = (client) => holds.push(client.hold());
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port, { ...quiet, verbose: true });
    peer.received = "";
    peer.send("PUB $own.a 0\r\n\r\nSUB foo 1\r\nPING\r\nPUB $own.b 0\r\n\r\nPING\r\n");
    peer.send("PUB foo 1\r\nm\r\nSUB a..b 2\r\n");
    await peer.read("MSG foo 1 1\r\nm\r\n-ERR 'Invalid Subject'\r\n");
    const [first, second] = holds as [Hold, Hold];
    second.release();
    first.release();
    await peer.read("+OK\r\n+OK\r\nPONG\r\n+OK\r\nPONG\r\n+OK\r\n");
    expect(await peer.flush()).toBe("");
  });

  test("let answers out one by one as they are released in order", async () => {
    const owner = new Owner();
    const holds: Hold[] = [];
    owner.onPublish = (client) => holds.push(client.hold());
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    await using other = await connectPeer(server.port);
    peer.send("PUB $own.a 0\r\n\r\nPING\r\nPUB $own.a 0\r\n\r\nPUB $own.a 0\r\n\r\nPING\r\n");
    while (holds.length < 3) await other.flush();
    holds[0]?.release();
    await peer.read("PONG\r\n");
    holds[2]?.release();
    await other.flush();
    expect(peer.received, "the second one still waits").toBe("");
    holds[1]?.release();
    await peer.read("PONG\r\n");
  });

  test("of a connection that ended are of no consequence", async () => {
    const owner = new Owner();
    const holds: Hold[] = [];
    owner.onPublish = (client) => holds.push(client.hold());
    await using server = await startRouter({}, {}, owner);
    await using other = await connectPeer(server.port);
    {
      await using peer = await connectPeer(server.port);
      peer.send("PUB $own.a 0\r\n\r\nPING\r\n");
      while (holds.length < 1) await other.flush();
    }
    while (!owner.seen.includes("disconnect ")) await other.flush();
    holds[0]?.release();
    expect(await other.flush()).toBe("");
  });

  test("stop the reading of a connection that asks on and on, and go on after", async () => {
    const owner = new Owner();
    const holds: Hold[] = [];
    owner.onPublish = (client) => holds.push(client.hold());
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    await using other = await connectPeer(server.port);
    const pings = 40_000;
    peer.send(`PUB $own.a 0\r\n\r\n${"PING\r\n".repeat(pings)}`);
    const connection = [...server.router.connections].find((one) => one.id === 1);
    while (!connection?.isPaused) await other.flush();
    holds[0]?.release();
    await peer.read("PONG\r\n".repeat(pings));
    expect(connection.isPaused).toBe(false);
  });
});

describe("pressure on an owner", () => {
  test("deliver says when to stop, and onceWritable when to go on", async () => {
    const owner = new Owner();
    const payload = Buffer.alloc(50_000, 120);
    let delivered = 0;
    let stops = 0;
    const total = 400;
    owner.onSubscribe = (client, one) => {
      const pump = (): void => {
        while (delivered < total) {
          delivered += 1;
          if (!client.deliver(one, "$own.x", "", undefined, payload)) {
            stops += 1;
            client.onceWritable(pump);
            return;
          }
        }
      };
      pump();
    };
    await using server = await startRouter({}, {}, owner);
    await using peer = await connectPeer(server.port);
    peer.socket.pause();
    peer.send("SUB $own.x 1\r\n");
    const connection = [...server.router.connections][0];
    await using other = await connectPeer(server.port);
    while (stops === 0) await other.flush();
    expect(delivered).toBeLessThan(total);
    expect(connection?.outbox.pendingBytes).toBeLessThan(1_048_576 + 3 * 65_536);
    peer.socket.resume();
    const message = `MSG $own.x 1 50000\r\n${payload.toString("latin1")}\r\n`;
    for (let at = 0; at < total; at += 1) await peer.read(message);
    expect(stops).toBeGreaterThan(1);
  });
});
