// Which generation a CREATE body was written by: all of them use one subject.
import type { Caller, Generation } from "../dialect.ts";
import { field, isExplicitNull, type JsonObject } from "../json.ts";
import { pythonClientName } from "../mailbox/envelope.ts";

/**
 * `typed`: has `type` or `subject`, generation 0. `public`: `public:true`, generation 1. `named`: a
 * name without `public`, explicit nulls, or `idempotent`, generation 2. `ttl`: nothing telling but a
 * `ttl`, any generation. `empty`: nothing telling at all, 0 or 2.
 */
export type CreateShape = "typed" | "public" | "named" | "ttl" | "empty";

/** What the shape decides. */
export interface CreateRules {
  /** The success reply carries `error:""`: required by some readers, fatal to others. */
  readonly errorKey: boolean;
  /** Hand out a token, which readers of generation 0 expect. */
  readonly token: boolean;
  /** A taken name is an error. */
  readonly strict: boolean;
  /** A generated name holds only what the strict address grammar of generation 2 allows. */
  readonly compact: boolean;
}

export function createShape(body: JsonObject): CreateShape {
  if (field(body, "type") !== undefined || field(body, "subject") !== undefined) return "typed";
  if (field(body, "public") === true) return "public";
  const name = field(body, "name");
  const nulls = ["name", "ttl", "desc"].some((key) => isExplicitNull(body, key));
  if ((name !== undefined && name !== "") || nulls || Object.hasOwn(body, "idempotent")) {
    return "named";
  }
  return field(body, "ttl") === undefined ? "empty" : "ttl";
}

export function createRules(shape: CreateShape, caller: Caller): CreateRules {
  const generation = knownGeneration(caller);
  switch (shape) {
    case "typed":
      return { errorKey: false, token: true, strict: false, compact: false };
    case "public":
      return { errorKey: false, token: false, strict: false, compact: false };
    case "named":
      return { errorKey: true, token: false, strict: true, compact: true };
    case "ttl":
      return {
        errorKey: generation === 2,
        token: generation === 0,
        strict: true,
        compact: generation === 2,
      };
    case "empty":
      return {
        errorKey: generation !== 1,
        token: generation === undefined || generation === 0,
        strict: true,
        compact: generation === 2,
      };
  }
}

function knownGeneration(caller: Caller): Generation | undefined {
  return caller.generation ?? (caller.clientName === pythonClientName ? 1 : undefined);
}
