// JSON of `mq9 bench`.
import { z } from "zod";

/** One load. */
export interface BenchLoadJson {
  readonly load: string;
  readonly per_second: number;
  /** Absent where single messages are not timed. */
  readonly p50_ms?: number | undefined;
  readonly p99_ms?: number | undefined;
  readonly messages: number;
  readonly seconds: number;
  readonly size_bytes: number;
  readonly in_flight: number;
  /** Near 1 the client was the limit. */
  readonly client_cores: number;
}

export interface BenchJson {
  readonly broker: {
    readonly url: string;
    readonly name: string;
    readonly version: string;
    readonly same_host: boolean;
  };
  readonly fsync: "before each answer" | "unknown";
  /** The machine that measured. */
  readonly host: {
    readonly cpu: string;
    readonly cores: number;
    readonly memory_bytes: number;
    readonly os: string;
    readonly node: string;
  };
  /** Under the broker's data, where that is on this machine. */
  readonly disk?:
    | {
        readonly folder: string;
        readonly mount?: string | undefined;
        readonly fdatasync_p50_ms: number;
      }
    | undefined;
  readonly loads: readonly BenchLoadJson[];
}

const amount = z.number().nonnegative();

export const benchSchema: z.ZodType<BenchJson> = z.strictObject({
  broker: z.strictObject({
    url: z.string(),
    name: z.string(),
    version: z.string(),
    same_host: z.boolean(),
  }),
  fsync: z.enum(["before each answer", "unknown"]),
  host: z.strictObject({
    cpu: z.string(),
    cores: z.int().positive(),
    memory_bytes: z.int().positive(),
    os: z.string(),
    node: z.string(),
  }),
  disk: z
    .strictObject({ folder: z.string(), mount: z.string().optional(), fdatasync_p50_ms: amount })
    .optional(),
  loads: z.array(
    z.strictObject({
      load: z.string(),
      per_second: amount,
      p50_ms: amount.optional(),
      p99_ms: amount.optional(),
      messages: z.int().nonnegative(),
      seconds: amount,
      size_bytes: z.int().positive(),
      in_flight: z.int().positive(),
      client_cores: amount,
    }),
  ),
});
