import { rareFields, sampleMailbox, sampleMessage } from "@mq9/store/testing";
import { describe, expect, it } from "vitest";
import { startMailboxKey, startMessageKey } from "./keys.ts";
import { RecordWriter } from "./record-writer.ts";
import { readMailbox, readMessage, writeMailbox, writeMessage } from "./records.ts";

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

describe("a mailbox record", () => {
  const written = (owner: string | undefined) => {
    const writer = new RecordWriter();
    const mailbox = sampleMailbox({ owner, desc: "about" });
    startMailboxKey(writer, mailbox.key);
    writeMailbox(writer, mailbox);
    return { key: Buffer.from(writer.key()), value: Buffer.from(writer.sealedValue()), mailbox };
  };

  it("without an owner is what earlier releases wrote, and read", () => {
    const { key, value, mailbox } = written(undefined);
    expect(value[0]).toBe(1);
    expect(readMailbox(key, value)).toEqual(mailbox);
  });

  it("with an owner is refused by releases that would give it to everybody", () => {
    const { key, value, mailbox } = written("alice");
    expect(value[0]).toBe(2);
    expect(readMailbox(key, value)).toEqual(mailbox);
  });
});
