// JSON of `mq9 backup` and `mq9 restore`.
import { z } from "zod";

/** What a backup holds. */
export interface BackupJson {
  readonly file: string;
  /** The data folder; absent when the file was only looked at. */
  readonly data?: string | undefined;
  readonly taken_at: string;
  /** The release that made it. */
  readonly version: string;
  readonly mailboxes: number;
  /** Delayed ones and dead letters among them. */
  readonly messages: number;
  readonly records: number;
  readonly bytes: number;
  /** Records that were damaged when the backup was made. */
  readonly damaged: number;
  readonly sha256: string;
}

export const backupSchema: z.ZodType<BackupJson> = z.strictObject({
  file: z.string(),
  data: z.string().optional(),
  taken_at: z.iso.datetime(),
  version: z.string(),
  mailboxes: z.int().nonnegative(),
  messages: z.int().nonnegative(),
  records: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  damaged: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
