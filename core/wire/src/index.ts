export { copyRun, decimalLength, viewOf, writeBytes, writeDecimal } from "./bytes.ts";
export {
  composeFrame,
  encodeError,
  encodeInfo,
  fixedLines,
  tailLength,
  writeTail,
} from "./encoder.ts";
export {
  publishViolation,
  quoted,
  replyViolation,
  subscriptionRevoked,
  subscriptionViolation,
  tooManyTokens,
  type WireError,
  type WireErrorName,
  wireErrors,
} from "./errors.ts";
export {
  appendHeaders,
  encodeHeaders,
  getHeader,
  type Header,
  headerStatus,
  isHeaderBlock,
  iterateHeaders,
  stripHeaders,
} from "./headers.ts";
export { defaultWireLimits, passingBytesMax, sizeDigitsMax, type WireLimits } from "./limits.ts";
export {
  decodeNkey,
  encodeNkey,
  encodeNkeySeed,
  isNkey,
  type Nkey,
  type NkeyKind,
} from "./nkey.ts";
export { hashByte, noBytes, noView, type OperationSink, PublishFrame } from "./operation.ts";
export { Parser } from "./parser.ts";
export {
  fromWireSubject,
  hasEmptyToken,
  hasWildcards,
  isLiteralSubject,
  isSubset,
  isValidSubject,
  overlaps,
  subjectMatches,
  toWireSubject,
} from "./subject.ts";
