// Sizes of the NATS wire that both the parser and its callers must agree on. Defaults are those of
// a stock server, so that stock clients need no change.

/** Limits that a parser enforces; all may be changed between two operations. */
export interface WireLimits {
  /** Longest argument part of a control line, in bytes, without verb and line end. */
  controlLineBytesMax: number;
  /** Largest payload, headers included, in bytes. */
  payloadBytesMax: number;
}

/** 4 KiB of arguments, 1 MiB of headers and payload. */
export const defaultWireLimits: Readonly<WireLimits> = Object.freeze({
  controlLineBytesMax: 4_096,
  payloadBytesMax: 1_048_576,
});

/** A publish up to this size may lie in bytes that are written to again; a larger one never does. */
export const passingBytesMax = 16_384;

/** A size on the wire has at most this many digits; longer ones are malformed. */
export const sizeDigitsMax = 9;
