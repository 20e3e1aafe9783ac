// `MSG.FETCH.<id>`: pulling mail with a group or without. Which clients read payloads as base64 shows
// in the shape of this request alone.
import {
  fetchMax,
  fetchWaitMsMax,
  leaseMsMax,
  leaseMsMin,
  type StartPosition,
} from "@mq9/protocol";
import type { DialectOptions, Exchange } from "../dialect.ts";
import {
  decodeBody,
  field,
  flagField,
  instantField,
  invalidBody,
  isExplicitNull,
  type JsonObject,
  textField,
  watched,
  wholeField,
} from "../json.ts";
import { joinRows } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { encodeText } from "../utf8.ts";
import { emptiedByVerb } from "./emptied.ts";
import { encodingField, messageItem, type PayloadEncoding } from "./item.ts";
import { rawReply } from "./raw-reply.ts";

const request = "MSG.FETCH";

const limitDefault = 100;
const waitMsDefault = 500;
/** A wait of a second or more is answered so much early: clients give up after exactly as long. */
const earlyMs = 200;

/** @throws {Mq9Error} `invalid` when the body makes no sense */
export function openFetch(mailbox: string, bytes: Uint8Array, options: DialectOptions): Exchange {
  const body = decodeBody(bytes, request);
  const config = configField(body);
  const group = groupField(body, request);
  const restart = flagField(body, "force_deliver", request);
  const sdk = isSdkShaped(body, config);
  const isRaw = field(body, "encoding") === "raw";
  const encoding = isRaw ? "utf8" : encodingOf(body, options, sdk);
  const most = wholeField(body, "bytes", request, 1) ?? options.replyBytesMax;
  const replyBytes = Math.min(most, options.replyBytesMax);
  const deliveriesMax = wholeField(body, "max_deliver", request, 1, 1000);
  const leaseMs = leaseField(body, request);
  const held = heldField(body);
  return {
    op: "fetch",
    operation: {
      request: {
        mailbox,
        group,
        start: startField(body),
        restart: group !== undefined && restart,
        limit: numMessages(config),
        bytesMax: payloadBytes(replyBytes),
        waitMs: waitMs(config),
        leaseMs,
        held,
        detached: flagField(body, "detached", request) || undefined,
        look: flagField(body, "look", request) || undefined,
        deliveriesMax,
        fairEvery: fairField(body),
      },
      asText: !sdk,
      withNewest: options.latestShowsNewest && isTestShaped(body),
    },
    succeed: (result) => {
      // What was leased must be shown, or it would wait for its lease to end with nobody at work.
      if (isRaw) return rawReply(result.messages, result.more);
      const bound = group === undefined ? replyBytes * 2 : Number.POSITIVE_INFINITY;
      const { json, cut } = joinRows(
        result.messages,
        (message) => messageItem(message, encoding),
        bound,
      );
      const more = cut || result.more ? ',"more":true' : "";
      return encodeText(`{"error":"","messages":${json}${more}}`);
    },
    fail: (error) => errorReply(error, emptiedByVerb.fetch),
  };
}

function encodingOf(body: JsonObject, options: DialectOptions, isSdk: boolean): PayloadEncoding {
  return encodingField(body, request) ?? forced(options) ?? (isSdk ? "base64" : "utf8");
}

/**
 * What the published libraries send: `force_deliver` a boolean, both numbers of `config`, and nothing
 * but `group_name` an explicit null. No document's example and no other known client looks like it.
 */
function isSdkShaped(body: JsonObject, config: JsonObject): boolean {
  return (
    typeof field(body, "force_deliver") === "boolean" &&
    typeof field(config, "num_msgs") === "number" &&
    typeof field(config, "max_wait_ms") === "number" &&
    !Object.keys(body).some((name) => name !== "group_name" && isExplicitNull(body, name))
  );
}

/** Every field there is, and at least one of them null. */
function isTestShaped(body: JsonObject): boolean {
  const names = ["from_time", "from_id", "force_deliver", "config"];
  return (
    names.every((name) => Object.hasOwn(body, name)) &&
    names.some((name) => isExplicitNull(body, name))
  );
}

export function forced(options: DialectOptions): PayloadEncoding | undefined {
  return options.payloads === "auto" ? undefined : options.payloads;
}

/** Payload bytes that fill a reply of this length when they are written as base64. */
export function payloadBytes(replyBytes: number): number {
  return Math.max(1, Math.floor(replyBytes * 0.75));
}

/** Undefined for absent, null and "", which published clients send when nobody named a group. */
export function groupField(body: JsonObject, name: string): string | undefined {
  const group = textField(body, "group_name", name) || undefined;
  if (group !== undefined && group.length > groupMax) {
    throw invalidBody(name, `group_name is longer than ${groupMax} characters`);
  }
  // Stored as UTF-8, where all halves look alike: two groups would become one.
  if (group !== undefined && halfCharacter.test(group)) {
    throw invalidBody(name, "group_name holds half a character");
  }
  return group;
}

/** A surrogate without the other one. */
const halfCharacter = /\p{Surrogate}/u;

/** Longest name of a group, in characters. */
const groupMax = 128;

/** @throws {Mq9Error} `invalid` outside the bounds of a lease */
export function leaseField(body: JsonObject, name: string): number | undefined {
  return wholeField(body, "ack_wait_ms", name, leaseMsMin, leaseMsMax);
}

function configField(body: JsonObject): JsonObject {
  const config = field(body, "config") ?? {};
  if (typeof config === "object" && !Array.isArray(config)) return watched(config as JsonObject);
  throw invalidBody(request, "config must be an object");
}

function numMessages(config: JsonObject): number {
  const asked = wholeField(config, "num_msgs", request) ?? 0;
  return asked === 0 ? limitDefault : Math.min(asked, fetchMax);
}

function waitMs(config: JsonObject): number {
  const asked = wholeField(config, "max_wait_ms", request) ?? waitMsDefault;
  const wait = Math.min(asked, fetchWaitMsMax);
  return wait >= 1000 ? wait - earlyMs : wait;
}

function startField(body: JsonObject): StartPosition {
  const deliver = textField(body, "deliver", request) || "latest";
  const fromMs = instantField(body, "from_time", request);
  const fromId = wholeField(body, "from_id", request);
  switch (deliver) {
    case "latest":
    case "earliest":
      return { at: deliver };
    case "from_time":
      return { at: "time", ms: fromMs ?? 0 };
    case "from_id":
      return { at: "id", msgId: fromId ?? 0 };
    default:
      throw invalidBody(request, "deliver must be 'latest', 'earliest', 'from_time' or 'from_id'");
  }
}

function fairField(body: JsonObject): number | undefined {
  const every = field(body, "fair_every");
  if (every === undefined || every === 0) return undefined;
  if (typeof every === "number" && Number.isInteger(every) && every >= 2 && every <= fetchMax) {
    return every;
  }
  throw invalidBody(request, `fair_every must be 0 or a whole number from 2 to ${fetchMax}`);
}

function heldField(body: JsonObject): "again" | "kept" {
  const held = textField(body, "held", request) ?? "again";
  if (held === "again" || held === "kept") return held;
  throw invalidBody(request, "held must be 'again' or 'kept'");
}
