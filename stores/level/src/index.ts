// The embedded store engine, and how a store is copied out and put back.
export { diskSpace, folderFormat } from "./data-folder.ts";
export { createDiskReserve } from "./disk-reserve.ts";
export { createLevelStore, type LevelStore, type LevelStoreOptions } from "./level-store.ts";
export {
  beginRestore,
  FolderNotEmptyError,
  type Restoration,
  type RestoreOptions,
} from "./restoration.ts";
export {
  type RawRecord,
  type RecordFigures,
  RecordTally,
  type StoreSnapshot,
} from "./store-snapshot.ts";
