import { expect, test } from "vitest";
import { composeFrame, encodeError, encodeInfo, tailLength, writeTail } from "./encoder.ts";
import { wireErrors } from "./errors.ts";
import type { OperationSink, PublishFrame } from "./operation.ts";
import { Parser } from "./parser.ts";

const block = Buffer.from("NATS/1.0\r\nA: b\r\n\r\n");
const none = Buffer.alloc(0);

test.each([
  ["", undefined, Buffer.from("hi"), "2\r\nhi\r\n"],
  ["r", undefined, none, "r 0\r\n\r\n"],
  ["r", block, Buffer.from("hi"), `r 18 20\r\n${block.toString()}hi\r\n`],
])("a tail with reply %j", (reply, headers, payload, expected) => {
  const to = Buffer.alloc(200);
  const end = writeTail(to, 7, reply, headers, payload);
  expect(to.toString("latin1", 7, end)).toBe(expected);
  expect(tailLength(reply, headers?.length ?? 0, payload.length)).toBe(expected.length);
});

test("a composed frame is what the parser makes of the same publish", () => {
  const seen: Record<string, unknown>[] = [];
  const fields = (frame: PublishFrame): Record<string, unknown> => ({
    subject: frame.data.latin1Slice(frame.subjectStart, frame.subjectEnd),
    hash: frame.subjectHash,
    reply: frame.data.latin1Slice(frame.replyStart, frame.replyEnd),
    headers: frame.data.latin1Slice(frame.bodyStart, frame.bodyStart + frame.headerBytes),
    payload: frame.data.latin1Slice(frame.bodyStart + frame.headerBytes, frame.bodyEnd),
    tail: frame.data.latin1Slice(frame.tailStart, frame.tailEnd),
  });
  const sink = { publish: (frame: PublishFrame) => seen.push(fields(frame)) };
  const parser = new Parser(sink as unknown as OperationSink, {
    controlLineBytesMax: 100,
    payloadBytesMax: 100,
  });
  parser.headersAllowed = true;
  parser.parse(Buffer.from(`HPUB foo.bar in.1 18 20\r\n${block.toString()}hi\r\nPUB x 0\r\n\r\n`));
  expect(fields(composeFrame("foo.bar", "in.1", block, Buffer.from("hi")))).toEqual(seen[0]);
  expect(fields(composeFrame("x", "", undefined, none))).toEqual(seen[1]);
});

test("errors and INFO are whole lines", () => {
  expect(encodeError(wireErrors.staleConnection).toString()).toBe("-ERR 'Stale Connection'\r\n");
  expect(encodeInfo({ name: "é" }).toString()).toBe('INFO {"name":"é"} \r\n');
});
