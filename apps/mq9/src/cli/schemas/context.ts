// JSON of `mq9 context`.
import { z } from "zod";

/** A connection that is kept, without its secrets. */
export interface ContextJson {
  readonly name: string;
  readonly description?: string | undefined;
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  /** Masked, or `@file`. */
  readonly password?: string | undefined;
  /** Masked, or `@file`. */
  readonly token?: string | undefined;
  readonly creds?: string | undefined;
  readonly nkey?: string | undefined;
  readonly tls_ca?: string | undefined;
  readonly tls_cert?: string | undefined;
  readonly tls_key?: string | undefined;
  readonly inbox_prefix?: string | undefined;
  readonly agent?: string | undefined;
  /** Who one is there, in a word. */
  readonly as?: string | undefined;
  /** It is used where no other is named. */
  readonly selected: boolean;
}

export interface ContextRowJson {
  readonly name: string;
  readonly selected: boolean;
  /** Whose file it is. */
  readonly of: "mq9" | "nats";
  readonly url?: string | undefined;
  readonly as?: string | undefined;
  readonly description?: string | undefined;
  /** Why it can not be used. */
  readonly problem?: string | undefined;
}

export interface ContextListJson {
  readonly contexts: readonly ContextRowJson[];
}

/** `context select --none` */
export interface NoContextJson {
  readonly selected: null;
}

export interface ContextRemovedJson {
  readonly name: string;
  readonly removed: true;
}

const text = z.string().optional();

export const contextSchema: z.ZodType<ContextJson> = z.strictObject({
  name: z.string(),
  description: text,
  url: text,
  user: text,
  password: text,
  token: text,
  creds: text,
  nkey: text,
  tls_ca: text,
  tls_cert: text,
  tls_key: text,
  inbox_prefix: text,
  agent: text,
  as: text,
  selected: z.boolean(),
});

export const contextRowSchema: z.ZodType<ContextRowJson> = z.strictObject({
  name: z.string(),
  selected: z.boolean(),
  of: z.enum(["mq9", "nats"]),
  url: text,
  as: text,
  description: text,
  problem: text,
});

export const contextListSchema: z.ZodType<ContextListJson> = z.strictObject({
  contexts: z.array(contextRowSchema),
});

export const contextSelectedSchema: z.ZodType<ContextJson | NoContextJson> = z.union([
  contextSchema,
  z.strictObject({ selected: z.null() }),
]);

export const contextRemovedSchema: z.ZodType<ContextRemovedJson> = z.strictObject({
  name: z.string(),
  removed: z.literal(true),
});
