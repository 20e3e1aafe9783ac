// Every `-ERR` text a client connection can see, and whether the connection ends with it. Clients
// close for good on texts they do not know, so nothing outside this list is ever sent.

/** One `-ERR` text. */
export interface WireError {
  /** The words between the quotes. A byte string: one character per byte. */
  readonly text: string;
  /** The connection ends after it. */
  readonly closes: boolean;
}

/** The fixed texts of a client connection. */
export type WireErrorName =
  | "unknownOperation"
  | "authorizationViolation"
  | "authenticationTimeout"
  | "authenticationExpired"
  | "authenticationRevoked"
  | "accountExpired"
  | "payloadTooLarge"
  | "controlLineTooLong"
  | "tooManyConnections"
  | "tooManyAccountConnections"
  | "staleConnection"
  | "invalidProtocol"
  | "noRespondersNeedsHeaders"
  | "tlsRequired"
  | "throttled"
  | "accountRegistration"
  | "invalidSubject"
  | "invalidPublishSubject"
  | "tooManySubscriptions";

const fatal = (text: string): WireError => Object.freeze({ text, closes: true });
const mild = (text: string): WireError => Object.freeze({ text, closes: false });

/** The catalogue. Spelling and case are part of the protocol. */
export const wireErrors: Readonly<Record<WireErrorName, WireError>> = Object.freeze({
  unknownOperation: fatal("Unknown Protocol Operation"),
  authorizationViolation: fatal("Authorization Violation"),
  authenticationTimeout: fatal("Authentication Timeout"),
  authenticationExpired: fatal("User Authentication Expired"),
  authenticationRevoked: fatal("User Authentication Revoked"),
  accountExpired: fatal("Account Authentication Expired"),
  payloadTooLarge: fatal("Maximum Payload Violation"),
  controlLineTooLong: fatal("maximum control line exceeded"),
  tooManyConnections: fatal("maximum connections exceeded"),
  tooManyAccountConnections: fatal("maximum account active connections exceeded"),
  staleConnection: fatal("Stale Connection"),
  invalidProtocol: fatal("invalid client protocol"),
  noRespondersNeedsHeaders: fatal("no responders requires headers support"),
  tlsRequired: fatal("Secure Connection - TLS Required"),
  throttled: fatal("Connection throttling is active. Please try again later."),
  accountRegistration: fatal("Failed Account Registration"),
  invalidSubject: mild("Invalid Subject"),
  invalidPublishSubject: mild("Invalid Publish Subject"),
  tooManySubscriptions: mild("maximum subscriptions exceeded"),
});

/** A publish that the connection may not make. */
export function publishViolation(subject: string): WireError {
  return mild(`Permissions Violation for Publish to ${quoted(subject)}`);
}

/** A publish whose reply subject is reserved. */
export function replyViolation(reply: string): WireError {
  return mild(`Permissions Violation for Publish with Reply of ${quoted(reply)}`);
}

/** A subscription that the connection may not make; `queue` is "" for a plain one. */
export function subscriptionViolation(subject: string, queue: string): WireError {
  const group = queue === "" ? "" : ` using queue ${quoted(queue)}`;
  return mild(`Permissions Violation for Subscription to ${quoted(subject)}${group}`);
}

/** A subscription whose subject has more tokens than allowed. */
export function tooManyTokens(subject: string, queue: string): WireError {
  return mild(`${subscriptionViolation(subject, queue).text}, too many tokens`);
}

/** A subscription that ended because the rules changed; `queue` is "" for a plain one. */
export function subscriptionRevoked(subject: string, queue: string, sid: string): WireError {
  return mild(`${subscriptionViolation(subject, queue).text} (sid ${quoted(sid)})`);
}

/**
 * Quotes a byte string the way clients expect it in error texts: `"` and `\` escaped, printable
 * UTF-8 kept, everything else as an escape sequence.
 * @param bytes one character per byte
 * @returns a byte string
 */
export function quoted(bytes: string): string {
  let out = '"';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const raw = bytes.slice(at, at + Math.max(length, 1));
    out += length === 0 ? hexEscape(raw.charCodeAt(0)) : quotedSequence(raw);
    at += raw.length;
  }
  return `${out}"`;
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** One well-formed UTF-8 sequence, quoted. */
function quotedSequence(raw: string): string {
  const escape = named[raw];
  if (escape !== undefined) return escape;
  if (raw === " ") return raw;
  const text = Buffer.from(raw, "latin1").toString("utf8");
  if (printable.test(text)) return raw;
  const code = text.codePointAt(0) ?? 0;
  if (code < 0x80) return hexEscape(code);
  const digits = code.toString(16);
  return code > 0xffff ? `\\U${digits.padStart(8, "0")}` : `\\u${digits.padStart(4, "0")}`;
}

function hexEscape(code: number): string {
  return `\\x${code.toString(16).padStart(2, "0")}`;
}

/** Length of the UTF-8 sequence at `at`, 0 when it is malformed. */
function sequenceLength(bytes: string, at: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const raw = Buffer.from(bytes.slice(at, at + length), "latin1");
  const text = raw.toString("utf8");
  return raw.length === length && Buffer.from(text, "utf8").equals(raw) ? length : 0;
}
