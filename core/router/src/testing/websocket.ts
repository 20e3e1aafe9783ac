// The far end of a WebSocket in the router's own tests: writes frames by hand, also wrong ones, and
// takes apart what the server sends.

import { once } from "node:events";
import { connect } from "node:net";
import { Peer } from "./peer.ts";

export interface FrameShape {
  readonly final?: boolean;
  readonly masked?: boolean;
  /** Reserved bits as they lie in the first byte. */
  readonly rsv?: number;
  /** Length that the header says, whatever comes. */
  readonly claim?: number | bigint;
}

/** A frame as a client sends it. */
export function frame(opcode: number, payload: string | Buffer, shape: FrameShape = {}): Buffer {
  const { final = true, masked = true, rsv = 0, claim } = shape;
  const bytes = Buffer.from(payload as string);
  const length = claim ?? bytes.length;
  const mask = masked ? Buffer.from([0x12, 0x9a, 0x00, 0xff]) : Buffer.alloc(0);
  const bit = masked ? 0x80 : 0;
  let size: Buffer;
  if (length < 126) size = Buffer.from([bit | Number(length)]);
  else if (length < 65_536)
    size = Buffer.from([bit | 126, Number(length) >> 8, Number(length) & 255]);
  else {
    size = Buffer.alloc(9, bit | 127);
    size.writeBigUInt64BE(BigInt(length), 1);
  }
  const body = bytes.map((byte, at) => byte ^ (masked ? (mask[at & 3] as number) : 0));
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | rsv | opcode]), size, mask, body]);
}

/** A handshake as browsers send it; a header of undefined is left out. */
export function handshake(
  headers: Readonly<Record<string, string | undefined>> = {},
  line = "GET / HTTP/1.1",
): string {
  const all: Record<string, string | undefined> = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return `${[line, ...lines].join("\r\n")}\r\n\r\n`;
}

/** Connects in clear and sends these bytes. */
export async function connectAndSend(port: number, bytes: string): Promise<Peer> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const peer = new Peer(socket);
  peer.send(bytes);
  return peer;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly text: string;
}

/** Takes apart bytes of the server, which must be whole frames without mask. */
export function framesOf(received: string): ServerFrame[] {
  const bytes = Buffer.from(received, "latin1");
  const frames: ServerFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const opcode = (bytes[at] as number) & 0x7f & 0x0f;
    let length = bytes[at + 1] as number;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    frames.push({ opcode, text: bytes.toString("latin1", at, at + length) });
    at += length;
  }
  return frames;
}
