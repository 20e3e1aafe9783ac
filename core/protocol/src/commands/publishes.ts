// What is published: messages, and the answers of workers to what was pushed to them. With a reply
// subject each is a request too.
import type { WireErrorCode } from "../errors.ts";
import { type CommandEntry, type CommandField, noError } from "./shape.ts";

const stored: readonly CommandField[] = [
  {
    name: "msg_id",
    type: "integer",
    says: "the message's number in its mailbox, from 0; -1 = delayed",
  },
  {
    name: "scheduled_id",
    type: "integer",
    optional: true,
    ours: true,
    says: "of a delayed message: what lists and cancels it",
  },
  {
    name: "duplicate",
    type: "boolean",
    optional: true,
    ours: true,
    says: "true: it was stored before under that number, and was not again",
  },
];

const sendErrors: readonly WireErrorCode[] = [
  "not_found",
  "expired",
  "forbidden",
  "dedup_conflict",
  "quota_exceeded",
  "insufficient_storage",
];

export const publishCommands: readonly CommandEntry[] = [
  {
    name: "send-inbox",
    kind: "publish",
    subject: "INBOX.<id>.<p>",
    generation: 0,
    says: "Sends a message; without a word of priority it is normal; notify lives five minutes",
    right: "send",
    reply: stored,
    errors: sendErrors,
  },
  {
    name: "send-mailbox",
    kind: "publish",
    subject: "MAILBOX.MSG.<id>.<p>",
    generation: 1,
    says: "Sends a message; without a word of priority it is normal",
    right: "send",
    reply: stored,
    errors: sendErrors,
  },
  {
    name: "send-direct",
    kind: "publish",
    subject: "MAILBOX.<id>.<p>",
    generation: 1,
    says: "Sends a message, as the first documents of generation 1 have it",
    right: "send",
    reply: stored,
    errors: sendErrors,
  },
  {
    name: "send",
    kind: "publish",
    subject: "MSG.SEND.<id>",
    generation: 2,
    says: "Sends a message; the header mq9-priority says how urgent",
    right: "send",
    reply: [noError, ...stored],
    errors: sendErrors,
  },
  {
    name: "settle",
    kind: "publish",
    subject: "MSG.ACK.<id>.<group>.<msg_id>.<count>",
    generation: 2,
    ours: true,
    says: "Answers for a message that MSG.PUSH brought: empty or +ACK, -NAK, +WPI, +TERM",
    right: "receive",
    reply: [
      noError,
      { name: "acked", type: "integers", optional: true, says: "after +ACK" },
      {
        name: "lease_ends_at_ms",
        type: "integer",
        unit: "ms since 1970",
        optional: true,
        says: "after +WPI",
      },
    ],
    errors: ["not_found", "expired", "not_delivered"],
  },
  {
    name: "broadcast",
    kind: "publish",
    subject: "BROADCAST.<domain>.<event>",
    generation: 0,
    says: "Tells whoever listens now; is stored too where CREATE made a channel of that subject",
    right: "none",
    errors: [],
  },
  {
    name: "status",
    kind: "publish",
    subject: "STATUS.<id>",
    generation: "any",
    says: "Tells whoever listens now; never stored",
    right: "none",
    errors: [],
  },
];
