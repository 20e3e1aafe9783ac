// A WebSocket by hand: requests and frames that no library would send, and what a server answers.
import { plain, type Wire } from "../tls/raw-tls.ts";

/** Header lines of a good handshake by name; undefined leaves one out. */
export type Headers = Readonly<Record<string, string | undefined>>;

const good: Headers = {
  Host: "127.0.0.1:80",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

/** A handshake, right or wrong. */
export function request(headers: Headers = {}, line = "GET / HTTP/1.1"): string {
  const lines = Object.entries({ ...good, ...headers }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return `${[line, ...lines].join("\r\n")}\r\n\r\n`;
}

/** A frame of a client as a byte string; `first` is its whole first byte. */
export function frame(first: number, payload: string, masked = true, claim?: bigint): string {
  const mask = [0x21, 0xa0, 0x00, 0x7f];
  const length = claim ?? BigInt(payload.length);
  const bit = masked ? 0x80 : 0;
  let head = String.fromCharCode(first);
  if (length < 126n) head += String.fromCharCode(bit | Number(length));
  else if (length < 65_536n) {
    head += String.fromCharCode(bit | 126, Number(length >> 8n), Number(length & 255n));
  } else {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(length);
    head += String.fromCharCode(bit | 127) + size.toString("latin1");
  }
  if (!masked) return head + payload;
  const body = Buffer.from(payload, "latin1").map((byte, at) => byte ^ (mask[at & 3] as number));
  return head + Buffer.concat([Buffer.from(mask), body]).latin1Slice();
}

export const binary = 0x82;
export const text = 0x81;

/** What a server sent after its answer to the handshake: data as one stream, control frames by themselves. */
export interface Said {
  readonly data: string;
  /** Opcode and, of a close frame, its code; of others the payload. */
  readonly control: readonly (readonly [number, number | string])[];
  /** First bytes of the data frames, each once. */
  readonly kinds: readonly number[];
}

/** Takes apart what came; the last frame may be missing bytes. */
export function said(received: string): Said {
  const bytes = Buffer.from(received, "latin1");
  const control: [number, number | string][] = [];
  const kinds = new Set<number>();
  let data = "";
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes[at] as number;
    let length = bytes[at + 1] as number;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    const payload = bytes.subarray(at, at + length);
    at += length;
    if ((first & 15) === 8) control.push([8, payload.length < 2 ? 0 : payload.readUInt16BE(0)]);
    else if ((first & 15) > 8) control.push([first & 15, payload.toString("latin1")]);
    else {
      kinds.add(first);
      data += payload.toString("latin1");
    }
  }
  return { data, control, kinds: [...kinds] };
}

/** Shakes hands on a port. @returns the wire, INFO not yet taken */
export async function join(port: number, headers: Headers = {}): Promise<Wire> {
  const wire = await plain(port);
  wire.send(request(headers));
  await wire.through("\r\n\r\n");
  return wire;
}
