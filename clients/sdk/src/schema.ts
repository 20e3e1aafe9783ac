// What a mailbox's messages look like, by any library that speaks Standard Schema: checks data before it
// is sent and what came before a program sees it. Never changes what goes over the wire.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { decodeData } from "./codec.ts";
import { type DataIssue, InvalidDataError } from "./errors.ts";
import { type Message, nameOf } from "./message.ts";

/** A schema of zod, valibot, arktype and others. `Out` is what programs read, `In` what they send. */
export type Schema<Out, In = unknown> = StandardSchemaV1<In, Out>;

/** What a schema reads. */
export type SchemaOutput<S extends StandardSchemaV1> = StandardSchemaV1.InferOutput<S>;

/** What a schema takes. */
export type SchemaInput<S extends StandardSchemaV1> = StandardSchemaV1.InferInput<S>;

const issuesShown = 5;

/**
 * The value as the schema reads it; a promise where the schema takes its time.
 * @param what completes "… does not fit its schema": `message 7 of orders`
 * @throws {InvalidDataError} naming each issue
 */
export function check<Out>(schema: Schema<Out>, value: unknown, what: string): Out | Promise<Out> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise
    ? result.then((each) => outputOf(each, what))
    : outputOf(result, what);
}

function outputOf<Out>(result: StandardSchemaV1.Result<Out>, what: string): Out {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(issueOf);
  const shown = issues
    .slice(0, issuesShown)
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const more = issues.length > issuesShown ? `, and ${issues.length - issuesShown} more` : "";
  throw new InvalidDataError(`${what} does not fit its schema: ${shown.join("; ")}${more}`, issues);
}

function issueOf({ message, path = [] }: StandardSchemaV1.Issue): DataIssue {
  const keys = path.map((each) => (typeof each === "object" ? each.key : each));
  return { message, path: keys.map(String).join(".") };
}

/** Reads `value` of messages by a schema. */
export interface ValueReader<T> {
  /** @throws {InvalidDataError} also when the schema takes its time and nobody has prepared the message */
  readonly decode: (message: Message<T>) => T;
  /** Checks it before a program sees it; afterwards `decode` knows the value. @throws {InvalidDataError} */
  readonly prepare: (message: Message<T>) => void | Promise<void>;
}

export function readerOf<T>(schema: Schema<T>): ValueReader<T> {
  const known = new WeakMap<Message<T>, { readonly value: T }>();
  const read = (message: Message<T>): T | Promise<T> => {
    const name = nameOf(message);
    return check(schema, decodeData(message.data, message.headers.get("content-type"), name), name);
  };
  return {
    decode: (message) => {
      const found = known.get(message);
      if (found !== undefined) return found.value;
      const value = read(message);
      if (!(value instanceof Promise)) return value;
      value.catch(() => {}); // told below
      throw new InvalidDataError(
        "this schema takes its time: read the message in consume() or work(), which wait for it",
        [],
      );
    },
    prepare: (message) => {
      const value = read(message);
      if (value instanceof Promise) {
        return value.then((each) => {
          known.set(message, { value: each });
        });
      }
      known.set(message, { value });
      return undefined;
    },
  };
}
