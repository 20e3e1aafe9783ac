import { rareFields, sampleMessage } from "@mq9/store/testing";
import { describe, expect, it } from "vitest";
import { startMessageKey } from "./keys.ts";
import { RecordWriter } from "./record-writer.ts";
import { readMessage, writeMessage } from "./records.ts";

describe("a message record", () => {
  it("with fields of a newer release is refused, not misread", () => {
    const writer = new RecordWriter();
    const message = sampleMessage(3);
    startMessageKey(writer, 1, message);
    writer.startValue();
    writer.u8(0x40);
    writer.raw(new Uint8Array(30));
    const value = Buffer.from(writer.sealedValue());
    const key = Buffer.from(writer.key());
    expect(() => readMessage(key, value)).toThrow(
      expect.objectContaining({ code: "format", message: expect.stringContaining("message 3") }),
    );
  });

  it("under the key of another message is damaged", () => {
    const writer = new RecordWriter();
    const message = sampleMessage(3, rareFields);
    startMessageKey(writer, 1, message);
    writeMessage(writer, message);
    const value = Buffer.from(writer.sealedValue());
    const key = Buffer.from(writer.key());
    expect(readMessage(key, value)).toMatchObject(rareFields);
    key[13] = 4;
    expect(() => readMessage(key, value)).toThrow(expect.objectContaining({ code: "corrupt" }));
  });
});
