import { expect, test } from "vitest";
import { newNonce, newServerId } from "./info.ts";

/** The check of a public key: base32, type byte, CRC-16 of what precedes it. */
function isServerKey(id: string): boolean {
  const bits = [...id].map((char) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0"),
  );
  const bytes =
    bits
      .join("")
      .match(/.{8}/g)
      ?.map((byte) => Number.parseInt(byte, 2)) ?? [];
  let crc = 0;
  for (const byte of bytes.slice(0, 33)) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const carry = ((crc >> 15) ^ (byte >> bit)) & 1;
      crc = ((crc << 1) & 0xffff) ^ (carry * 0x1021);
    }
  }
  return bytes.length === 35 && bytes[0] === 0x68 && bytes[33]! + bytes[34]! * 256 === crc;
}

test("server ids are public server keys", () => {
  for (let times = 0; times < 50; times += 1) {
    const id = newServerId();
    expect(id).toMatch(/^N[A-Z2-7]{55}$/);
    expect(isServerKey(id)).toBe(true);
  }
  expect(isServerKey(`${newServerId().slice(0, -1)}!`)).toBe(false);
});

test("nonces are fifteen characters and new each time", () => {
  expect(newNonce()).toMatch(/^[\w-]{15}$/);
  expect(newNonce()).not.toBe(newNonce());
});
