// Defaults of what requests leave out.
import type { DialectOptions } from "./dialect.ts";

/** The documents' own values; watching the whole space must be switched on. */
export const defaultDialectOptions: DialectOptions = {
  defaultTtlSeconds: 86_400,
  namedTtlSeconds: 0,
  notifyTtlSeconds: 300,
  allowTap: false,
  idempotentCreate: false,
  payloads: "auto",
  latestShowsNewest: false,
  replyBytesMax: 1_048_576,
};
