// How the six published clients of generation 2 differ on the wire and in reading replies: one table,
// clause by clause. It behaves as they do; none of it is their code.
import type {
  ConsumeOptions,
  DiscoverOptions,
  FetchOptions,
  Json,
  QueryOptions,
  SendOptions,
} from "./published.ts";

/** Everything in which one client differs from another. */
export interface Shape {
  readonly language: string;
  createBody(name: string | undefined, ttl: number | undefined): Json;
  /** `mail_address` of a reply; throws as the client would when it is not there. */
  readAddress(reply: Json): string;
  /** Undefined = a publish without a header block. */
  sendHeaders(options: SendOptions): Readonly<Record<string, string>> | undefined;
  /** `exact`: a request with headers subscribes to an inbox of its own and leaves it afterwards. */
  readonly headerRequests: "shared inbox" | "exact inbox";
  readMsgId(reply: Json): number;
  fetchBody(options: FetchOptions): Json;
  queryBody(options: QueryOptions): Json;
  /** The body of DELETE as sent. */
  readonly deleteBody: string;
  discoverBody(options: DiscoverOptions): Json;
  /** Throws where the client throws for the whole reply. */
  decodePayload(text: unknown): Uint8Array;
  decodePriority(word: unknown): string;
  /** What a row without this number is read as; undefined = the client throws. */
  readonly missingNumber: number | undefined;
  readonly consume: {
    readonly numMsgs: number | undefined;
    readonly maxWaitMs: number | undefined;
    readonly autoAck: boolean;
    /** The ack of a consumer without a group: not sent, or sent with an empty name. */
    readonly ackWithoutGroup: "skipped" | "sent";
    /** Pause after an empty result. */
    readonly emptyPauseMs: number;
  };
}

/** Keys whose value is undefined are left out. */
function given(fields: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function config(options: FetchOptions, defaults = { numMsgs: 100, maxWaitMs: 500 }): Json {
  return {
    num_msgs: options.numMsgs ?? defaults.numMsgs,
    max_wait_ms: options.maxWaitMs ?? defaults.maxWaitMs,
  };
}

/** `group_name`, `from_time`, `from_id` only when given. */
function sparseFetch(options: FetchOptions): Json {
  return given({
    deliver: options.deliver ?? "latest",
    force_deliver: options.forceDeliver ?? false,
    config: config(options),
    group_name: options.groupName,
    from_time: options.fromTime,
    from_id: options.fromId,
  });
}

/** All fields always: an empty name and zeros where nothing was given. */
function fullFetch(options: FetchOptions): Json {
  return {
    group_name: options.groupName ?? "",
    deliver: options.deliver ?? "latest",
    from_time: options.fromTime ?? 0,
    from_id: options.fromId ?? 0,
    force_deliver: options.forceDeliver ?? false,
    config: config(options),
  };
}

/** Headers for what differs from the default; undefined when nothing does. */
function sparseHeaders(options: SendOptions): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  if (options.priority !== undefined && options.priority !== "normal") {
    headers["mq9-priority"] = options.priority;
  }
  Object.assign(headers, optionHeaders(options));
  return Object.keys(headers).length === 0 ? undefined : headers;
}

function optionHeaders({ key, delay, ttl, tags }: SendOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  if (key !== undefined) headers["mq9-key"] = key;
  if (delay !== undefined) headers["mq9-delay"] = `${delay}`;
  if (ttl !== undefined) headers["mq9-ttl"] = `${ttl}`;
  if (tags !== undefined && tags.length > 0) headers["mq9-tags"] = tags.join(",");
  return headers;
}

const withTtl: Shape["createBody"] = (name, ttl) => given({ ttl: ttl ?? 0, name });
const limitAndPage: Shape["discoverBody"] = (options) => given({ limit: 20, page: 1, ...options });
const onlyGiven = (options: object): Json => given({ ...options });

const standardBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function strictBase64(text: unknown): Uint8Array {
  if (typeof text !== "string" || !standardBase64.test(text)) {
    throw new Error(`payload is not base64: ${JSON.stringify(text)}`);
  }
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** Base64, or whatever `otherwise` makes of text that is none. */
function base64Or(otherwise: (text: string) => Uint8Array): Shape["decodePayload"] {
  return (text) => {
    const found = typeof text === "string" ? text : "";
    return standardBase64.test(found) ? strictBase64(found) : otherwise(found);
  };
}

const asItIs = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "utf8"));

const knownOrNormal: Shape["decodePriority"] = (word) =>
  word === "urgent" || word === "critical" ? word : "normal";

function textAddress(reply: Json): string {
  const address = reply["mail_address"];
  if (typeof address !== "string") throw new Error("missing mail_address");
  return address;
}

const addressOrEmpty: Shape["readAddress"] = (reply) =>
  typeof reply["mail_address"] === "string" ? reply["mail_address"] : "";

function numberMsgId(reply: Json): number {
  const msgId = reply["msg_id"];
  if (typeof msgId !== "number") throw new Error("missing msg_id");
  return msgId;
}

const msgIdOr =
  (missing: number): Shape["readMsgId"] =>
  (reply) =>
    typeof reply["msg_id"] === "number" ? reply["msg_id"] : missing;

const javascript: Shape = {
  language: "JavaScript",
  createBody: (name, ttl) => given({ name, ttl }),
  readAddress: textAddress,
  sendHeaders: (options) => {
    const headers = optionHeaders(options);
    if (options.priority !== undefined) headers["mq9-priority"] = options.priority;
    return Object.keys(headers).length === 0 ? undefined : headers;
  },
  headerRequests: "shared inbox",
  readMsgId: numberMsgId,
  fetchBody: fullFetch,
  queryBody: onlyGiven,
  deleteBody: "{}",
  discoverBody: onlyGiven,
  decodePayload: (text) => Uint8Array.from(Buffer.from(text as string, "base64")),
  decodePriority: (word) => (word as string | undefined) ?? "normal",
  missingNumber: Number.NaN,
  consume: {
    numMsgs: undefined,
    maxWaitMs: undefined,
    autoAck: true,
    ackWithoutGroup: "skipped",
    emptyPauseMs: 50,
  },
};

const python: Shape = {
  language: "Python",
  createBody: withTtl,
  readAddress: textAddress,
  sendHeaders: sparseHeaders,
  headerRequests: "exact inbox",
  readMsgId: numberMsgId,
  fetchBody: sparseFetch,
  queryBody: onlyGiven,
  deleteBody: '""',
  discoverBody: limitAndPage,
  decodePayload: (text) => {
    // Python's decoder skips what is not of the alphabet and then asks for whole groups of four.
    const kept = (text as string).replaceAll(/[^A-Za-z0-9+/=]/g, "");
    return strictBase64(kept);
  },
  decodePriority: (word) => {
    if (word === "normal" || word === "urgent" || word === "critical") return word;
    throw new Error(`${JSON.stringify(word)} is not a valid Priority`);
  },
  missingNumber: undefined,
  consume: {
    numMsgs: 10,
    maxWaitMs: 500,
    autoAck: true,
    ackWithoutGroup: "skipped",
    emptyPauseMs: 0,
  },
};

const go: Shape = {
  language: "Go",
  createBody: (name, ttl) => given({ ttl: ttl ?? 0, name: name === "" ? undefined : name }),
  readAddress: addressOrEmpty,
  sendHeaders: sparseHeaders,
  headerRequests: "shared inbox",
  readMsgId: msgIdOr(0),
  fetchBody: fullFetch,
  queryBody: ({ key, limit, since }) =>
    given({ key: key || undefined, limit: limit || undefined, since: since || undefined }),
  deleteBody: "",
  discoverBody: limitAndPage,
  decodePayload: base64Or(asItIs),
  decodePriority: (word) => (word as string | undefined) || "normal",
  missingNumber: 0,
  consume: {
    numMsgs: 100,
    maxWaitMs: 500,
    autoAck: false,
    ackWithoutGroup: "sent",
    emptyPauseMs: 0,
  },
};

const java: Shape = {
  language: "Java",
  createBody: withTtl,
  readAddress: textAddress,
  sendHeaders: (options) => ({
    "mq9-priority": options.priority ?? "normal",
    ...optionHeaders(options),
  }),
  headerRequests: "shared inbox",
  readMsgId: numberMsgId,
  fetchBody: sparseFetch,
  queryBody: onlyGiven,
  deleteBody: "",
  discoverBody: onlyGiven,
  decodePayload: strictBase64,
  decodePriority: knownOrNormal,
  missingNumber: undefined,
  consume: {
    numMsgs: 10,
    maxWaitMs: 500,
    autoAck: true,
    ackWithoutGroup: "skipped",
    emptyPauseMs: 0,
  },
};

const rust: Shape = {
  language: "Rust",
  createBody: withTtl,
  readAddress: addressOrEmpty,
  sendHeaders: sparseHeaders,
  headerRequests: "shared inbox",
  readMsgId: msgIdOr(0),
  fetchBody: sparseFetch,
  queryBody: onlyGiven,
  deleteBody: "{}",
  discoverBody: limitAndPage,
  decodePayload: base64Or(() => new Uint8Array()),
  decodePriority: knownOrNormal,
  missingNumber: 0,
  consume: {
    numMsgs: 100,
    maxWaitMs: 500,
    autoAck: false,
    ackWithoutGroup: "skipped",
    emptyPauseMs: 0,
  },
};

const csharp: Shape = {
  language: "C#",
  createBody: withTtl,
  readAddress: textAddress,
  sendHeaders: (options) => sparseHeaders(options) ?? {},
  headerRequests: "shared inbox",
  readMsgId: msgIdOr(-1),
  fetchBody: (options) => ({ ...sparseFetch(options), group_name: options.groupName ?? null }),
  queryBody: onlyGiven,
  deleteBody: "",
  discoverBody: limitAndPage,
  decodePayload: base64Or(asItIs),
  decodePriority: knownOrNormal,
  missingNumber: 0,
  consume: {
    numMsgs: 10,
    maxWaitMs: 500,
    autoAck: true,
    ackWithoutGroup: "sent",
    emptyPauseMs: 0,
  },
};

/** The six, by language. */
export const shapes: readonly Shape[] = [javascript, python, go, java, rust, csharp];

/** Consume options with the client's own defaults filled in. */
export function consumeDefaults(shape: Shape, options: ConsumeOptions): ConsumeOptions {
  const { numMsgs, maxWaitMs, autoAck } = shape.consume;
  return given({ numMsgs, maxWaitMs, autoAck, ...given({ ...options }) }) as ConsumeOptions;
}
