// The embedded store engine.
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
