// `MAILBOX.CREATE` of every generation: from the body to one CreateRequest, and back to one reply
// that each generation can read.
import {
  assertCreatableName,
  type CreateRequest,
  type CreateResult,
  Mq9Error,
  type NameStyle,
  ttlSecondsMax,
} from "@mq9/protocol";
import type { Caller, DialectOptions, Exchange } from "../dialect.ts";
import { channelOfSubject, channelSubject } from "../inbox/subjects.ts";
import {
  decodeBody,
  encodeJson,
  field,
  flagField,
  invalidBody,
  type JsonObject,
  textField,
} from "../json.ts";
import { errorReply } from "../replies.ts";
import { spacePrefix } from "../subject-parts.ts";
import { createRules, createShape } from "./shape.ts";

const request = "MAILBOX.CREATE";

/** What a failed CREATE still carries of its success form. */
export const createEmptied: JsonObject = { mail_address: "" };

/**
 * Decodes one CREATE.
 * @throws {Mq9Error} `invalid`, `forbidden` with a sentence for the reader
 */
export function openCreate(bytes: Uint8Array, caller: Caller, options: DialectOptions): Exchange {
  const body = decodeBody(bytes, request);
  const shape = createShape(body);
  const rules = createRules(shape, caller);
  const channel = channelField(body);
  const name = channel ?? nameField(body);
  const latest = typeField(body) === "latest";
  const isPublic = flagField(body, "public", request);
  const idempotent = flagField(body, "idempotent", request) || options.idempotentCreate;
  if (isPublic && name === undefined) {
    throw new Mq9Error("invalid", "public mailbox requires a 'name' field");
  }
  const neverByDefault = shape === "named" && name !== undefined;
  const ttlSeconds =
    ttlField(body) ?? (neverByDefault ? options.namedTtlSeconds : options.defaultTtlSeconds);
  const create: CreateRequest = {
    name,
    nameStyle: nameStyle(latest, rules.compact),
    kind: latest ? "latest" : "standard",
    ttlSeconds,
    public: isPublic,
    desc: textField(body, "desc", request),
    // A generated name that is taken must never hand out the mailbox of someone else.
    ifExists: name === undefined || (rules.strict && !idempotent) ? "fail" : "return",
  };
  const wantsToken = rules.token && channel === undefined;
  return {
    op: "create",
    operation: { op: "create", request: create, wantsToken },
    succeed: (result, token) =>
      createReply(result, { errorKey: rules.errorKey, name, channel, token }),
    fail: (error) => errorReply(error, createEmptied),
  };
}

interface ReplyWords {
  readonly errorKey: boolean;
  /** The name the caller chose; undefined = generated. */
  readonly name: string | undefined;
  readonly channel: string | undefined;
  readonly token: string | undefined;
}

function createReply(result: CreateResult, words: ReplyWords): Uint8Array {
  const { mailbox, created } = result;
  // A token of this request means nothing to a mailbox that was there before.
  const token = created ? words.token : undefined;
  return encodeJson({
    ...(words.errorKey ? { error: "" } : {}),
    mail_id: mailbox.name,
    mail_address: mailbox.name,
    ...(words.name === undefined ? {} : { name: mailbox.name }),
    is_new: created,
    created,
    ...(created ? {} : { already_exists: true }),
    ...(words.channel === undefined
      ? { inbox: `${spacePrefix}INBOX.${mailbox.name}` }
      : { subject: channelSubject(words.channel) }),
    ttl: mailbox.ttlSeconds,
    ...(token === undefined ? {} : { agent_id: mailbox.name, token }),
  });
}

function nameStyle(latest: boolean, compact: boolean): NameStyle {
  // Programs watch `INBOX.m-status-*` and create what they watch with `type:latest`.
  if (latest) return "status";
  return compact ? "compact" : "uuid";
}

function nameField(body: JsonObject): string | undefined {
  const name = textField(body, "name", request);
  if (name === undefined || name === "") return undefined;
  assertCreatableName(name);
  return name;
}

function typeField(body: JsonObject): "standard" | "latest" {
  const type = field(body, "type");
  if (type === undefined || type === "standard") return "standard";
  if (type === "latest") return "latest";
  throw invalidBody(request, "type must be 'standard' or 'latest'");
}

/** `$mq9.AI.INBOX` asks for an ordinary mailbox, a BROADCAST subject for a stored channel. */
function channelField(body: JsonObject): string | undefined {
  const subject = textField(body, "subject", request);
  if (subject === undefined || subject === `${spacePrefix}INBOX`) return undefined;
  const channel = channelOfSubject(subject);
  if (channel !== undefined) return channel;
  throw invalidBody(
    request,
    `subject must be ${spacePrefix}INBOX, or ${spacePrefix}BROADCAST.<domain>.<event> without wildcards`,
  );
}

function ttlField(body: JsonObject): number | undefined {
  const ttl = field(body, "ttl");
  if (ttl === undefined) return undefined;
  if (typeof ttl === "number" && Number.isInteger(ttl) && ttl >= 0 && ttl <= ttlSecondsMax) {
    return ttl + 0; // -0 becomes 0
  }
  throw invalidBody(
    request,
    `ttl must be a whole number of seconds from 0 (never expires) to ${ttlSecondsMax}`,
  );
}
