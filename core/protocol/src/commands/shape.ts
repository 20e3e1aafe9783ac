// What a row of the command table holds.
import type { WireErrorCode } from "../errors.ts";

/** The generation whose documents name the subject; `any` = all use it, or it belongs to none. */
export type CommandGeneration = 0 | 1 | 2 | "any";

/** Which right on the mailbox is asked for where users are configured. */
export type CommandRight = "send" | "receive" | "query" | "manage" | "any but send" | "none";

/** One field of a JSON body or reply. */
export interface CommandField {
  /** `config.num_msgs` is the field `num_msgs` of the object `config`. */
  readonly name: string;
  readonly type:
    | "text"
    | "integer"
    | "boolean"
    | "object"
    | "texts"
    | "integers"
    | "objects"
    | "any";
  /** What a number counts. */
  readonly unit?: "s" | "ms" | "bytes" | "s since 1970" | "ms since 1970" | undefined;
  /** In requests: what its absence means; undefined = there is no default, or it must be given. */
  readonly byDefault?: string | undefined;
  /** In requests: it must be given. */
  readonly needed?: true | undefined;
  /** In requests: it is given in the place of this field, never beside it. */
  readonly insteadOf?: string | undefined;
  /** In replies: it is there only at times; the words say when. */
  readonly optional?: true | undefined;
  /** Least and greatest value, or the words there are. */
  readonly range?: string | undefined;
  /** No published document has it. */
  readonly ours?: true | undefined;
  /** One sentence, without a full stop. */
  readonly says: string;
  /** In requests: a value that is valid together with the examples of the other fields. */
  readonly example?: unknown;
}

/** One operation as one subject. */
export interface CommandEntry {
  /** The word for it in this repository: what dialects call it. Unique. */
  readonly name: string;
  readonly kind: "request" | "publish" | "subscribe";
  /**
   * After `commandPrefix`. `<id>` is a mailbox, `<p>` a word of priority, `<msg_id>`, `<scheduled_id>` and
   * `<count>` are numbers, `<group>` is an escaped name, `<domain>` and `<event>` are tokens.
   */
  readonly subject: string;
  readonly generation: CommandGeneration;
  /** No published document has it. */
  readonly ours?: true | undefined;
  /** One sentence, without a full stop. */
  readonly says: string;
  readonly right: CommandRight;
  /** Undefined = the body says nothing, or is the message. */
  readonly request?: readonly CommandField[] | undefined;
  /** Undefined = there is none. */
  readonly reply?: readonly CommandField[] | undefined;
  /** Beside `commonErrors`. */
  readonly errors: readonly WireErrorCode[];
}

/** One header of a publish or a delivery. */
export interface CommandHeader {
  readonly name: string;
  readonly ours?: true | undefined;
  /** What may stand in it. */
  readonly value: string;
  readonly says: string;
}

/** Replies of generation 2 and of what is ours begin with it. */
export const noError: CommandField = {
  name: "error",
  type: "text",
  says: "empty: it was done",
};

/** A token that gives rights, shown with the request. */
export const shownToken: CommandField = {
  name: "token",
  type: "text",
  ours: true,
  says: "a token that gives rights on the mailbox; counts for the rest of the connection",
  example: "mq9t-AAAAAAAAAAAAAAAAAAAAAA",
};

/** How payloads are shown. */
export const shownEncoding: CommandField = {
  name: "encoding",
  type: "text",
  ours: true,
  range: "base64, utf8",
  byDefault: "as the client reads it",
  says: "how payloads are shown; bytes that are no UTF-8 are always base64",
  example: "utf8",
};
