// The store port and the in-memory engine.
export { compareInByteOrder } from "./byte-order.ts";
export type { DiskReserve } from "./disk-reserve.ts";
export { MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
export {
  type DedupNumbers,
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRange,
  type MessageRecord,
  type Store,
  type StoreBatch,
  StoreError,
  type StoreErrorCode,
  type StoreOpening,
} from "./store.ts";
