// The embedded store engine.
export { createDiskReserve } from "./disk-reserve.ts";
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
