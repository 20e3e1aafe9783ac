// What a message may be: sizes, times and the words that come with it. Called by SEND before anything
// is looked up; says why not, in words for the sender.
import { Mq9Error, type SendRequest } from "@mq9/protocol";
import type { MailboxOptions } from "./options.ts";

const tagsMax = 16;
const tagBytesMax = 64;
const keyBytesMax = 128;
const dedupIdBytesMax = 128;

/** @returns why no mailbox takes this message; undefined = it is well formed */
export function malformed(options: MailboxOptions, request: SendRequest): Mq9Error | undefined {
  const { payloadBytesMax, headersBytesMax, ttlSecondsMax } = options;
  if (request.payload.length > payloadBytesMax) {
    return new Mq9Error("too_large", `the message is larger than ${payloadBytesMax} bytes`);
  }
  if (request.headers !== undefined && request.headers.length > headersBytesMax) {
    return new Mq9Error("too_large", `the headers are larger than ${headersBytesMax} bytes`);
  }
  const ttl = request.ttlSeconds;
  if (ttl !== undefined && (!Number.isInteger(ttl) || ttl < 1 || ttl > ttlSecondsMax)) {
    return invalid(`a message's ttl is a whole number of seconds from 1 to ${ttlSecondsMax}`);
  }
  const { key, tags, dedupId, delayMs } = request;
  if (key !== undefined && isLonger(key, keyBytesMax)) {
    return invalid(`a message's key is at most ${keyBytesMax} bytes long`);
  }
  if (tags !== undefined && !areTags(tags)) {
    return invalid(`a message has at most ${tagsMax} tags of 1 to ${tagBytesMax} bytes`);
  }
  if (dedupId !== undefined && (dedupId === "" || isLonger(dedupId, dedupIdBytesMax))) {
    return invalid(`a dedup id is from 1 to ${dedupIdBytesMax} bytes long`);
  }
  return delayMs === undefined ? undefined : badDelay(delayMs, ttl, options.delayMsMax);
}

function badDelay(delayMs: number, ttl: number | undefined, mostMs: number): Mq9Error | undefined {
  if (!Number.isInteger(delayMs) || delayMs < 1 || delayMs > mostMs) {
    return invalid(`a message's delay is from 1 millisecond to ${mostMs / 1000} seconds`);
  }
  if (ttl !== undefined && delayMs >= ttl * 1000) {
    return invalid("a message's delay must be shorter than its ttl, which counts from now");
  }
  return undefined;
}

function areTags(tags: readonly string[]): boolean {
  return tags.length <= tagsMax && tags.every((tag) => tag !== "" && !isLonger(tag, tagBytesMax));
}

function invalid(message: string): Mq9Error {
  return new Mq9Error("invalid", message);
}

/** Whether a text takes more bytes in UTF-8. */
function isLonger(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false;
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes > bytesMax;
}
