import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { startNatsServer } from "./nats-server.ts";
import { findPeer } from "./peers.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";

const peer = findPeer("nats-server");

describe.skipIf(peer.path === undefined)(`raw client, nats-server ${peer.reason}`, () => {
  it("reads INFO, answers and binary messages with headers", async () => {
    const { client, port } = await connect();
    expect(client.info).toMatchObject({ headers: true, port });

    client.send("PING");
    await client.expect("PONG");

    client.send("SUB a.* 1");
    const payload = randomBytes(70_000);
    client.publish("a.b", payload, "answer.here");
    expect(await client.readMessage()).toEqual({
      subject: "a.b",
      sid: "1",
      reply: "answer.here",
      headers: undefined,
      payload,
    });

    client.send("HPUB a.c 18 20", "NATS/1.0\r\nk: v\r\n\r\nhi");
    expect(await client.flush()).toEqual([
      {
        subject: "a.c",
        sid: "1",
        reply: "",
        headers: "NATS/1.0\r\nk: v\r\n\r\n",
        payload: Buffer.from("hi"),
      },
    ]);
  });

  it("tells what came instead of the expected line, and that the server closed", async () => {
    const { client } = await connect();
    client.send("SUB a..b 1");
    await expect(client.expect("PONG")).rejects.toThrow(
      /expected PONG, got: -ERR 'Invalid Subject'/,
    );
    client.send("NONSENSE");
    await client.expect("-ERR 'Unknown Protocol Operation'");
    await client.closed;
    await expect(client.readLine()).rejects.toThrow("the server closed the connection");
  });

  async function connect(): Promise<{ client: RawClient; port: number }> {
    const server = await startNatsServer();
    onTestFinished(() => server.stop());
    const client = await connectRaw(server.port, { headers: true });
    onTestFinished(() => client.close());
    return { client, port: server.port };
  }
});
