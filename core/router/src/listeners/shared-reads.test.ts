// Many sockets read into one buffer: nothing that one of them brought may change when another reads.
import { createServer, type Server, Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import type { SubjectSpace } from "../subject-space.ts";
import { connectPeer } from "../testing/peer.ts";
import { startRouter } from "../testing/rig.ts";
import { readShared } from "./shared-reads.ts";

/** Keeps what it is handed for as long as it lives. */
function keeper(): { space: SubjectSpace; kept: [Buffer | undefined, Buffer][] } {
  const kept: [Buffer | undefined, Buffer][] = [];
  const space: SubjectSpace = {
    prefix: "$own.",
    publish: (_client, _subject, _reply, headers, payload) => void kept.push([headers, payload]),
    subscribe: () => {},
    unsubscribe: () => {},
    disconnect: () => {},
  };
  return { space, kept };
}

describe("sockets that share a buffer", () => {
  test("keep what an owner holds apart, whatever its size and however it is cut", async () => {
    const { space, kept } = keeper();
    await using server = await startRouter({}, {}, space);
    await using one = await connectPeer(server.port);
    await using other = await connectPeer(server.port);
    const sizes = [0, 1, 15, 100, 4_000, 16_384, 16_385, 40_000, 300_000];
    const block = "NATS/1.0\r\nA: b\r\n\r\n";
    for (const [peer, letter] of [
      [one, "a"],
      [other, "b"],
    ] as const) {
      let text = "";
      for (const size of sizes) {
        const body = letter.repeat(size);
        text += `PUB $own.x ${size}\r\n${body}\r\n`;
        text += `HPUB $own.x ${block.length} ${block.length + size}\r\n${block}${body}\r\n`;
      }
      peer.send(text);
    }
    await one.flush();
    await other.flush();
    for (let round = 0; round < 20; round++) {
      other.send(`PUB plain 60000\r\n${"?".repeat(60_000)}\r\n`);
      await other.flush();
    }
    const told = kept.map(([headers, payload]) => {
      const text = payload.toString("latin1");
      const letter = text[0] ?? "";
      expect(text).toBe(letter.repeat(text.length));
      return `${headers?.toString("latin1") ?? ""}${letter}${text.length}`;
    });
    const expected = ["a", "b"].flatMap((letter) =>
      sizes.flatMap((size) =>
        ["", block].map((head) => `${head}${size === 0 ? "" : letter}${size}`),
      ),
    );
    expect(told.toSorted()).toEqual(expected.toSorted());
  });

  test("deliver to a reader that is slow what was sent, not what was read later", async () => {
    await using server = await startRouter();
    await using reader = await connectPeer(server.port);
    await using writer = await connectPeer(server.port);
    reader.send("SUB big 1\r\n");
    await reader.flush();
    reader.socket.pause();
    const sent: string[] = [];
    for (const size of [1_000, 16_000, 17_000, 60_000, 1_000_000, 20_000, 500]) {
      const letter = String.fromCharCode(97 + sent.length);
      sent.push(`MSG big 1 ${size}\r\n${letter.repeat(size)}\r\n`);
      writer.send(`PUB big ${size}\r\n${letter.repeat(size)}\r\n`);
      await writer.flush();
    }
    reader.socket.resume();
    for (const text of sent) await reader.read(text);
  });

  test("end when their peer does, and stop reading when they are paused", async () => {
    const server = createServer({ pauseOnConnect: true });
    const port = await listening(server);
    const heard: string[] = [];
    const accepted = new Promise<Socket>((resolve) => {
      server.once("connection", (socket) => {
        resolve(readShared(socket, (chunk) => void heard.push(chunk.toString())));
      });
    });
    const peer = new Socket();
    peer.connect(port, "127.0.0.1");
    const socket = await accepted;
    const closed = vi.fn();
    socket.on("close", closed);
    expect(socket.remotePort).toBe(peer.localPort);
    peer.write("one");
    await vi.waitFor(() => expect(heard.join("")).toBe("one"));
    socket.pause();
    peer.write("two");
    await new Promise((resolve) => socket.write("x", resolve));
    await new Promise(setImmediate);
    expect(heard.join("")).toBe("one");
    socket.resume();
    await vi.waitFor(() => expect(heard.join("")).toBe("onetwo"));
    peer.end();
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    server.close();
  });

  test("read each by itself where the platform offers nothing", async () => {
    const socket = new Socket(); // not connected: there is no handle
    const heard: string[] = [];
    expect(readShared(socket, (chunk) => void heard.push(chunk.toString()))).toBe(socket);
    socket.emit("data", Buffer.from("bytes"));
    expect(heard).toEqual(["bytes"]);
  });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
