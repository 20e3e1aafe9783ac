// One row of the table of settings. Its name says the rest: see the table itself.
import type { Kind } from "../kinds.ts";

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly fallback: T;
  /** Heading it stands under in help. */
  readonly group: string;
  readonly help: string;
  /** One-letter flag. */
  readonly short?: string;
  /** Further spellings of its flag, without being shown: those of nats-server. */
  readonly aliases?: readonly string[];
  /** Never printed and never logged. */
  readonly secret?: boolean;
  /** Where its value goes in the broker's options; undefined = it is the executable's own. */
  readonly option?: string;
}
/** Rows of settings with these values. */
export type SettingTable<S> = { readonly [K in keyof S]: Setting<S[K]> };
