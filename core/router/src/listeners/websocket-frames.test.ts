import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame } from "../testing/websocket.ts";
import { binaryHeader, closeFrame, FrameReader, pongFrame } from "./websocket-frames.ts";

/** What a reader says of these chunks, one line each; payloads are joined. */
function read(...chunks: Buffer[]): string[] {
  const said: string[] = [];
  let payload = "";
  const flush = () => {
    if (payload !== "") said.push(`payload ${payload}`);
    payload = "";
  };
  const say = (line: string) => {
    flush();
    said.push(line);
  };
  const reader = new FrameReader({
    payload: (bytes) => {
      payload += bytes.latin1Slice();
    },
    ping: (bytes) => say(`ping ${bytes.latin1Slice()}`),
    closed: (code, reason) => say(`closed ${code} ${reason}`),
    violation: (text) => say(`violation ${text}`),
  });
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  flush();
  return said;
}

describe("FrameReader", () => {
  it("joins text and binary frames and fragments to one stream", () => {
    const bytes = Buffer.concat([
      frame(1, "PI", { final: false }),
      frame(0, "NG", { final: false }),
      frame(0, ""),
      frame(2, "\r\n"),
    ]);
    expect(read(bytes)).toEqual(["payload PING\r\n"]);
  });

  it("hands a chunk on in one piece, however many frames it holds", () => {
    const pieces: string[] = [];
    const reader = new FrameReader({
      payload: (bytes) => pieces.push(bytes.latin1Slice()),
      ping: () => {},
      closed: () => {},
      violation: () => {},
    });
    reader.read(Buffer.concat([frame(2, "a"), frame(9, "?"), frame(2, "b"), frame(1, "c")]));
    expect(pieces).toEqual(["abc"]);
  });

  it("reads the same wherever the bytes are cut", () => {
    const frames = fc.array(
      fc.record({
        opcode: fc.constantFrom(1, 2, 9, 10),
        payload: fc.string({ maxLength: 300 }),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(4_000), { maxLength: 8 }), (list, cuts) => {
        const bytes = Buffer.concat(
          list.map(({ opcode, payload }) =>
            frame(opcode, opcode > 8 ? Buffer.from(payload).subarray(0, 125) : payload),
          ),
        );
        const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((start, index) => bytes.subarray(start, at[index]));
        const payloads = (said: string[]) =>
          said
            .filter((line) => line.startsWith("payload"))
            .map((line) => line.slice(8))
            .join("");
        const pings = (said: string[]) => said.filter((line) => line.startsWith("ping"));
        const whole = read(bytes);
        const cut = read(...chunks);
        expect(payloads(cut)).toBe(payloads(whole));
        expect(pings(cut)).toEqual(pings(whole));
        const sent = list.filter(({ opcode }) => opcode < 8).map(({ payload }) => payload);
        expect(payloads(whole)).toBe(Buffer.from(sent.join("")).toString("latin1"));
      }),
    );
  });

  it.each([
    [125, 6],
    [126, 8],
    [65_535, 8],
    [65_536, 14],
  ])("reads a frame of %i bytes", (length, headerBytes) => {
    const bytes = frame(2, Buffer.alloc(length, "x"));
    expect(bytes.length).toBe(length + headerBytes);
    expect(read(bytes)).toEqual([`payload ${"x".repeat(length)}`]);
  });

  it("buffers nothing of a frame that says it is huge", () => {
    const bytes = frame(2, "PING\r\n", { claim: 2 ** 50 });
    expect(read(bytes, Buffer.from("x"))[0]).toMatch(/^payload PING\r\n/);
  });

  it.each([
    ["a frame without mask", frame(2, "x", { masked: false }), "mask bit missing"],
    ["RSV1", frame(2, "x", { rsv: 0x40 }), "reserved bits must be clear"],
    ["RSV2", frame(2, "x", { rsv: 0x20 }), "reserved bits must be clear"],
    ["RSV3", frame(2, "x", { rsv: 0x10 }), "reserved bits must be clear"],
    ["an unknown opcode", frame(3, "x"), "unknown opcode"],
    ["an unknown control opcode", frame(11, "x"), "unknown opcode"],
    ["a continuation of nothing", frame(0, "x"), "nothing to continue"],
    ["a long ping", frame(9, "x".repeat(126)), "control frame too long"],
    ["a ping in parts", frame(9, "x", { final: false }), "control frame in parts"],
    ["an impossible length", frame(2, "x", { claim: 2n ** 63n }), "length too large"],
    ["half a close code", frame(8, "x"), "invalid close code"],
    ["a reserved close code", frame(8, Buffer.from([0x03, 0xed])), "invalid close code"],
    ["a reason that is no text", frame(8, Buffer.from([3, 232, 255])), "close reason is no UTF-8"],
  ])("takes %s for a breach, after what came before it", (_, bytes, text) => {
    const before = frame(2, "PING\r\n");
    const after = frame(2, "lost");
    expect(read(Buffer.concat([before, bytes, after]), after)).toEqual([
      "payload PING\r\n",
      `violation ${text}`,
    ]);
  });

  it("takes a message within another for a breach", () => {
    const bytes = Buffer.concat([frame(2, "a", { final: false }), frame(2, "b")]);
    expect(read(bytes)).toEqual(["payload a", "violation a message began within another"]);
  });

  it("reads nothing after a close frame", () => {
    const close = frame(8, Buffer.concat([Buffer.from([3, 232]), Buffer.from("bye")]));
    expect(read(Buffer.concat([frame(2, "a"), close, frame(2, "b")]))).toEqual([
      "payload a",
      "closed 1000 bye",
    ]);
    expect(read(frame(8, ""))).toEqual(["closed undefined "]);
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (chunks) => {
        read(...chunks.map((chunk) => Buffer.from(chunk)));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("frames of the server", () => {
  it("are binary, whole and without mask", () => {
    expect(binaryHeader(5)).toEqual(Buffer.from([0x82, 5]));
    expect(binaryHeader(126)).toEqual(Buffer.from([0x82, 126, 0, 126]));
    expect(binaryHeader(65_536)).toEqual(Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]));
    expect(pongFrame(Buffer.from("hi"))).toEqual(Buffer.from([0x8a, 2, 104, 105]));
  });

  it("cut a long close reason between characters", () => {
    const bytes = closeFrame(1002, "ä".repeat(100));
    expect(bytes[1]).toBe(124);
    expect(bytes.subarray(4).toString("utf8")).toBe("ä".repeat(61));
    expect(closeFrame(undefined, "")).toEqual(Buffer.from([0x88, 0]));
  });
});
