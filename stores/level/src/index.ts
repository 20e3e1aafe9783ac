// The embedded store engine.
export { createDiskReserve, type DiskReserve } from "./disk-reserve.ts";
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
