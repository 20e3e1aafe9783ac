// Bytes of the server's side of the protocol. The hot forms, MSG and HMSG, are put together by the
// router from the parts here; the rest are small buffers of their own.

import { decimalLength, viewOf, writeBytes, writeDecimal } from "./bytes.ts";
import type { WireError } from "./errors.ts";
import { hashByte, PublishFrame } from "./operation.ts";

const cr = 13;
const lf = 10;
const space = 32;

/** Whole answers that never change. */
export const fixedLines: {
  readonly ok: Buffer;
  readonly ping: Buffer;
  readonly pong: Buffer;
} = Object.freeze({
  ok: Buffer.from("+OK\r\n", "latin1"),
  ping: Buffer.from("PING\r\n", "latin1"),
  pong: Buffer.from("PONG\r\n", "latin1"),
});

/** `-ERR '<text>'`. */
export function encodeError(error: WireError): Buffer {
  return Buffer.from(`-ERR '${error.text}'\r\n`, "latin1");
}

/** `INFO <json>`, with the blank before the line end that stock servers send. */
export function encodeInfo(info: object): Buffer {
  return Buffer.from(`INFO ${JSON.stringify(info)} \r\n`, "utf8");
}

/** A publish of the server's own. Strings are byte strings; `reply` is "" for none. */
export function composeFrame(
  subject: string,
  reply: string,
  headers: Uint8Array | undefined,
  payload: Uint8Array,
): PublishFrame {
  const headerBytes = headers === undefined ? 0 : headers.length;
  const tailStart = subject.length + 1;
  const length = tailStart + tailLength(reply, headerBytes, payload.length);
  const data = Buffer.allocUnsafeSlow(length);
  data[writeBytes(data, 0, subject)] = space;
  writeTail(data, tailStart, reply, headers, payload);

  const frame = new PublishFrame();
  frame.data = data;
  frame.view = viewOf(data);
  frame.subjectEnd = subject.length;
  for (let at = 0; at < subject.length; at++) {
    frame.subjectHash = hashByte(frame.subjectHash, data[at] as number);
  }
  frame.replyStart = tailStart;
  frame.replyEnd = tailStart + reply.length;
  frame.headerBytes = headerBytes;
  frame.bodyEnd = length - 2;
  frame.bodyStart = frame.bodyEnd - headerBytes - payload.length;
  return frame;
}

/** How many bytes `writeTail` writes. */
export function tailLength(reply: string, headerBytes: number, payloadBytes: number): number {
  const replyBytes = reply === "" ? 0 : reply.length + 1;
  const headerDigits = headerBytes === 0 ? 0 : decimalLength(headerBytes) + 1;
  const total = headerBytes + payloadBytes;
  return replyBytes + headerDigits + decimalLength(total) + 2 + total + 2;
}

/**
 * Writes what a MSG or HMSG carries after its sid: `[<reply> ]<sizes>\r\n<headers><payload>\r\n`.
 * @param reply "" for none
 * @returns the position after it
 */
export function writeTail(
  to: Buffer,
  start: number,
  reply: string,
  headers: Uint8Array | undefined,
  payload: Uint8Array,
): number {
  let at = start;
  if (reply !== "") {
    at = writeBytes(to, at, reply);
    to[at++] = space;
  }
  const headerBytes = headers === undefined ? 0 : headers.length;
  if (headerBytes !== 0) {
    at = writeDecimal(to, at, headerBytes);
    to[at++] = space;
  }
  at = writeDecimal(to, at, headerBytes + payload.length);
  to[at++] = cr;
  to[at++] = lf;
  if (headers !== undefined) {
    to.set(headers, at);
    at += headerBytes;
  }
  to.set(payload, at);
  at += payload.length;
  to[at++] = cr;
  to[at++] = lf;
  return at;
}
