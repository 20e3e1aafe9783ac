// Data to bytes and back: texts as UTF-8, bytes as they are, everything else as JSON, which a header tells.
import { InvalidDataError, textOf } from "./errors.ts";

/** What can be sent: a text, bytes, or a value that JSON can hold. */
export type Data = unknown;

export const jsonType = "application/json";

const toUtf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export interface Encoded {
  readonly payload: Uint8Array;
  /** Undefined for texts and bytes. */
  readonly contentType: string | undefined;
}

/** @throws {InvalidDataError} for what JSON cannot hold: functions, cycles, big integers */
export function encodeData(data: Data): Encoded {
  if (data instanceof Uint8Array) return { payload: data, contentType: undefined };
  if (typeof data === "string") return { payload: toUtf8.encode(data), contentType: undefined };
  if (data instanceof ArrayBuffer) {
    return { payload: new Uint8Array(data), contentType: undefined };
  }
  if (ArrayBuffer.isView(data)) {
    const { buffer, byteOffset, byteLength } = data;
    return { payload: new Uint8Array(buffer, byteOffset, byteLength), contentType: undefined };
  }
  if (data === undefined) return { payload: new Uint8Array(0), contentType: undefined };
  let json: string | undefined;
  let problem = "it is a function or a symbol";
  try {
    json = JSON.stringify(data);
  } catch (error) {
    problem = textOf(error);
  }
  if (json !== undefined) return { payload: toUtf8.encode(json), contentType: jsonType };
  const text = `data must be a text, bytes, or what JSON can hold: ${problem}`;
  throw new InvalidDataError(text, [{ message: problem, path: "" }]);
}

export function encodeText(text: string): Uint8Array {
  return toUtf8.encode(text);
}

/** Bytes that are no UTF-8 become the replacement character. */
export function decodeText(payload: Uint8Array): string {
  return utf8.decode(payload);
}

/** @param what completes "… is no JSON" @throws {InvalidDataError} */
export function decodeJson(payload: Uint8Array, what = "this message"): unknown {
  const text = utf8.decode(payload);
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = textOf(error);
    throw new InvalidDataError(
      `${what} is no JSON (${problem}): it begins with ${JSON.stringify(text.slice(0, 40))}`,
      [{ message: problem, path: "" }],
      { cause: error },
    );
  }
}

/**
 * What a message holds, without being told: JSON where its header says so or it looks like an object or a
 * list, else its text, else its bytes.
 */
export function decodeData(
  payload: Uint8Array,
  contentType: string | undefined,
  what?: string,
): unknown {
  if (contentType !== undefined && /^application\/(?:[^;]*\+)?json\b/i.test(contentType)) {
    return decodeJson(payload, what);
  }
  let text: string;
  try {
    text = strictUtf8.decode(payload);
  } catch {
    return payload;
  }
  if (contentType !== undefined || !/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param text valid base64 */
export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
