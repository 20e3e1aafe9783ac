// The exam that every engine passes, and what tests of the layers above share. Needs vitest and
// fast-check beside it.
export { describeStoreContract, type ExaminedStore } from "./contract.ts";
export { type Fault, type FaultyMethod, FaultyStore } from "./faults.ts";
export {
  asciiBytes,
  patternBytes,
  rareFields,
  sampleMailbox,
  sampleMessage,
  sampleMs,
} from "./samples.ts";
