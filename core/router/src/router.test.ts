import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { connectPeer, type Peer, quiet } from "./testing/peer.ts";
import { startRouter } from "./testing/rig.ts";

const block = "NATS/1.0\r\nA: b\r\n\r\n";

describe("INFO", () => {
  test("is one line with what clients look up, alone until the client speaks", async () => {
    await using server = await startRouter({ productVersion: "9.9.9", maxPayloadBytes: 1_000 });
    await using peer = await connectPeer(server.port, null);
    const line = peer.infoLine;
    expect(line).toMatch(/^INFO \{.*\} \r\n$/);
    const info = JSON.parse(line.slice(5)) as Record<string, unknown>;
    expect(info).toMatchObject({
      server_id: server.router.serverId,
      server_name: server.router.serverId,
      version: "2.10.27",
      mq9: "9.9.9",
      proto: 1,
      headers: true,
      max_payload: 1_000,
      host: "127.0.0.1",
      port: server.port,
      client_id: 1,
      client_ip: "127.0.0.1",
    });
    for (const absent of ["tls_available", "tls_required", "auth_required", "nonce", "jetstream"]) {
      expect(info).not.toHaveProperty(absent);
    }
    expect(await peer.flush()).toBe("");
  });
});

describe("delivery", () => {
  test("keeps sids, replies and any bytes as they are", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send("SUB f\xf6\xff.* aB-7\r\nPUB f\xf6\xff.x in.\xfe 4\r\n\0\r\n\xff\r\n");
    await peer.read("MSG f\xf6\xff.x aB-7 in.\xfe 4\r\n\0\r\n\xff\r\n");
  });

  test("of headers is HMSG to those who take them, and MSG without them to others", async () => {
    await using server = await startRouter();
    await using modern = await connectPeer(server.port);
    await using plain = await connectPeer(server.port, { verbose: false });
    await using other = await connectPeer(server.port, { verbose: false });
    for (const peer of [modern, plain, other]) {
      peer.send("SUB h 1\r\n");
      await peer.flush();
    }
    modern.send(`HPUB h r 18 20\r\n${block}hi\r\nHPUB h 18 18\r\n${block}\r\n`);
    await modern.read(`HMSG h 1 r 18 20\r\n${block}hi\r\nHMSG h 1 18 18\r\n${block}\r\n`);
    for (const peer of [plain, other]) await peer.read("MSG h 1 r 2\r\nhi\r\nMSG h 1 0\r\n\r\n");
  });

  test("of payloads of every size is complete and in order", async () => {
    await using server = await startRouter();
    await using from = await connectPeer(server.port);
    await using to = await connectPeer(server.port);
    to.send("SUB big 1\r\n");
    await to.flush();
    const sizes = [0, 1, 111, 112, 113, 16_383, 16_384, 16_385, 65_535, 65_536, 1_048_576, 5];
    for (const [at, size] of sizes.entries()) {
      from.send(`PUB big ${size}\r\n${String.fromCharCode(97 + at).repeat(size)}\r\n`);
    }
    for (const [at, size] of sizes.entries()) {
      await to.read(`MSG big 1 ${size}\r\n${String.fromCharCode(97 + at).repeat(size)}\r\n`);
    }
  });

  test("goes to whom the rules name, whatever the connections do", async () => {
    await using server = await startRouter();
    const pattern = fc.constantFrom("a", "a.b", "a.*", "*.b", "a.>", ">", "*", "*.*");
    const subject = fc.constantFrom("a", "a.b", "b.b", "a.b.c", "c");
    const step = fc.oneof(
      fc.record({ do: fc.constant("sub" as const), who: fc.nat(2), pattern }),
      fc.record({ do: fc.constant("unsub" as const), who: fc.nat(2), at: fc.nat(5) }),
      fc.record({ do: fc.constant("pub" as const), who: fc.nat(2), subject }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using one = await connectPeer(server.port);
        await using two = await connectPeer(server.port);
        await using three = await connectPeer(server.port);
        const peers = [one, two, three];
        const held = peers.map(() => [] as { sid: number; pattern: string }[]);
        const expected = peers.map(() => [] as string[]);
        let number = 0;
        for (const action of steps) {
          number += 1;
          const mine = held[action.who] as { sid: number; pattern: string }[];
          if (action.do === "sub") {
            mine.push({ sid: number, pattern: action.pattern });
            peers[action.who]?.send(`SUB ${action.pattern} ${number}\r\n`);
          } else if (action.do === "unsub") {
            const [gone] = mine.splice(action.at, 1);
            if (gone !== undefined) peers[action.who]?.send(`UNSUB ${gone.sid}\r\n`);
          } else {
            const body = `m${number}`;
            const head = `PUB ${action.subject} ${body.length}`;
            peers[action.who]?.send(`${head}\r\n${body}\r\n`);
            for (const [who, subscriptions] of held.entries()) {
              for (const { sid, pattern: wanted } of subscriptions) {
                if (!covers(wanted.split("."), action.subject.split("."))) continue;
                expected[who]?.push(`MSG ${action.subject} ${sid} ${body.length}|${body}`);
              }
            }
          }
          // The next step may be another connection's: it has to come after this one.
          const acting = peers[action.who] as Peer;
          acting.received = (await acting.flush()) + acting.received;
        }
        for (const [who, peer] of peers.entries()) {
          const lines = (await peer.flush()).split("\r\n").slice(0, -1);
          const got = lines.flatMap((line, at) =>
            at % 2 === 0 ? [`${line}|${lines[at + 1]}`] : [],
          );
          expect(got.toSorted()).toEqual(expected[who]?.toSorted());
        }
      }),
      { numRuns: 40 },
    );
  });

  test("counts what passes", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send(`SUB x 1\r\nSUB x 2\r\nPUB x 3\r\nabc\r\nHPUB x 18 20\r\n${block}hi\r\n`);
    await peer.flush();
    expect(server.router.stats).toMatchObject({ inMsgs: 2, inBytes: 23, outMsgs: 4, outBytes: 46 });
    const [connection] = server.router.connections;
    expect(connection).toMatchObject({ inMsgs: 2, inBytes: 23, outMsgs: 4, outBytes: 46 });
  });
});

describe("queue groups", () => {
  test("take one delivery each, spread over members, beside plain subscriptions", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send("SUB w.* q 1\r\nSUB w.x q 2\r\nSUB > q 3\r\nSUB w.x other 4\r\nSUB w.x 5\r\n");
    peer.send("PUB w.x 1\r\nm\r\n".repeat(300));
    const sids = [...(await peer.flush()).matchAll(/MSG w\.x (\d)/g)].map((match) => match[1]);
    const count = (sid: string): number => sids.filter((one) => one === sid).length;
    expect(count("1") + count("2") + count("3")).toBe(300);
    expect(Math.min(count("1"), count("2"), count("3"))).toBeGreaterThan(50);
    expect([count("4"), count("5")]).toEqual([300, 300]);
  });

  test("skip the publisher's own members when it wants no echo", async () => {
    await using server = await startRouter();
    await using silent = await connectPeer(server.port, { ...quiet, echo: false });
    await using other = await connectPeer(server.port);
    other.send("SUB w q 1\r\n");
    await other.flush();
    silent.send("SUB w q 1\r\nSUB w 2\r\n");
    silent.send("PUB w 1\r\nm\r\n".repeat(50));
    expect(await silent.flush()).toBe("");
    expect(await other.flush()).toBe("MSG w 1 1\r\nm\r\n".repeat(50));
  });
});

describe("UNSUB", () => {
  test("with a maximum counts from SUB, and a reached maximum ends at once", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    const publish = "PUB x 1\r\nm\r\n";
    peer.send(`SUB x 1\r\nUNSUB 1 2\r\n${publish.repeat(3)}`);
    expect(await peer.flush()).toBe("MSG x 1 1\r\nm\r\n".repeat(2));
    peer.send(`SUB x 1\r\n${publish.repeat(3)}UNSUB 1 2\r\n${publish.repeat(2)}`);
    expect(await peer.flush()).toBe("MSG x 1 1\r\nm\r\n".repeat(3));
    peer.send(`SUB x 1\r\n${publish}UNSUB 1 3\r\nUNSUB 1 5\r\n${publish.repeat(9)}`);
    expect(await peer.flush()).toBe("MSG x 1 1\r\nm\r\n".repeat(5));
    const [connection] = server.router.connections;
    expect(connection?.subscriptions.size).toBe(0);
    expect(server.router.accounts.get("$G")?.size).toBe(0);
  });

  test("of a member leaves its queue group to the others", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send("SUB x q 1\r\nSUB x q 2\r\nUNSUB 1 1\r\n");
    peer.send("PUB x 1\r\nm\r\n".repeat(40));
    const sids = [...(await peer.flush()).matchAll(/MSG x (\d)/g)].map((match) => match[1]);
    expect(sids).toHaveLength(40);
    expect(sids.filter((sid) => sid === "1")).toHaveLength(1);
  });
});

describe("no responders", () => {
  const status = (subject: string): string => `NATS/1.0 503\r\nNats-Subject: ${subject}\r\n\r\n`;

  test("is said on the publisher's own inbox, and only there", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    await using other = await connectPeer(server.port);
    other.send("SUB elsewhere 1\r\n");
    await other.flush();
    peer.send("SUB in.* 7\r\nPUB nobody in.1 2\r\nhi\r\nPUB nobody elsewhere 0\r\n\r\n");
    const size = status("nobody").length;
    expect(await peer.flush()).toBe(`HMSG in.1 7 ${size} ${size}\r\n${status("nobody")}\r\n`);
    expect(await other.flush()).toBe("");
  });

  test("counts a publish that echo suppresses as not delivered", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, { ...quiet, echo: false });
    peer.send("SUB foo 1\r\nSUB r 2\r\nPUB foo r 1\r\nx\r\n");
    expect(await peer.flush()).toContain("HMSG r 2 ");
  });

  test("is not said to those who did not ask", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port, { ...quiet, no_responders: false });
    peer.send("SUB in.* 7\r\nPUB nobody in.1 2\r\nhi\r\n");
    expect(await peer.flush()).toBe("");
  });
});

describe("header blocks", () => {
  const junk = "HPUB foo 4 4\r\nJUNK\r\n";

  test("that are none end the publisher, not its readers", async () => {
    await using server = await startRouter();
    await using reader = await connectPeer(server.port);
    await using writer = await connectPeer(server.port);
    reader.send("SUB foo 1\r\n");
    await reader.flush();
    writer.send(`${junk}PUB foo 1\r\nx\r\n`);
    expect(await writer.readToEnd()).toBe("-ERR 'Unknown Protocol Operation'\r\n");
    expect(await reader.flush()).toBe("");
  });

  test("pass unread when the check is off", async () => {
    await using server = await startRouter({ strictHeaders: false });
    await using peer = await connectPeer(server.port);
    peer.send(`SUB foo 1\r\n${junk}`);
    expect(await peer.flush()).toBe("HMSG foo 1 4 4\r\nJUNK\r\n");
  });
});

describe("reserved names", () => {
  test("are refused as subjects, reply subjects and queues, and the connection stays", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send("SUB foo 1\r\n");
    for (const reply of ["_R_.a", "_GR_.a", "$JS.ACK.a"]) {
      peer.send(`PUB foo ${reply} 0\r\n\r\n`);
      const text = `Permissions Violation for Publish with Reply of "${reply}"`;
      expect(await peer.flush()).toBe(`-ERR '${text}'\r\n`);
    }
    peer.send("PUB _GR_.a 0\r\n\r\nSUB foo _sys_ 2\r\n");
    expect(await peer.flush()).toBe(
      `-ERR 'Permissions Violation for Publish to "_GR_.a"'\r\n` +
        `-ERR 'Permissions Violation for Subscription to "foo" using queue "_sys_"'\r\n`,
    );
    for (const reply of ["_INBOX.a", "_X", "_", "$JS.ACK.", "$x"]) {
      peer.send(`PUB foo ${reply} 0\r\n\r\n`);
      expect(await peer.flush()).toBe(`MSG foo 1 ${reply} 0\r\n\r\n`);
    }
  });
});

describe("a second CONNECT", () => {
  test("replaces the options and ends the subscriptions", async () => {
    await using server = await startRouter();
    await using peer = await connectPeer(server.port);
    peer.send('SUB foo 1\r\nCONNECT {"verbose":true}\r\nSUB bar 1\r\nPUB foo 0\r\n\r\n');
    peer.send("PUB bar 0\r\n\r\n");
    expect(await peer.flush()).toBe("+OK\r\n+OK\r\n+OK\r\n+OK\r\nMSG bar 1 0\r\n\r\n");
  });
});

function covers(tokens: readonly string[], subject: readonly string[]): boolean {
  const [first, ...rest] = tokens;
  if (first === undefined) return subject.length === 0;
  if (subject.length === 0) return false;
  return (
    first === ">" || ((first === "*" || first === subject[0]) && covers(rest, subject.slice(1)))
  );
}
