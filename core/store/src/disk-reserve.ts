/** A file kept only to be given up when the disk is nearly full: beside a store, made by its engine. */
export interface DiskReserve {
  /** Makes the file, unless one of at least this size is there. @throws when there is no room */
  fill(bytes: number): Promise<void>;
  /**
   * Removes it, whoever made it, when fewer bytes than this are free around it.
   * @returns whether it was there and was removed
   */
  releaseIfBelow(freeBytes: number): Promise<boolean>;
}
