// Headers that the broker reads on a publish, and those it adds to a delivery.
import type { CommandHeader } from "./shape.ts";

export const sendHeaders: readonly CommandHeader[] = [
  {
    name: "mq9-priority",
    value: "critical, urgent, high, normal, low, notify",
    says: "counts where the subject names none; an unknown word is normal",
  },
  {
    name: "mq9-key",
    value: "1 to 128 bytes",
    says: "only the newest message of a key is kept",
  },
  {
    name: "mq9-tags",
    value: "up to 16 of up to 64 bytes, between commas",
    says: "what MSG.QUERY can ask for",
  },
  {
    name: "mq9-ttl",
    value: "whole seconds, 1 to 31536000",
    says: "the message ends before its mailbox does; counts from acceptance",
  },
  {
    name: "mq9-delay",
    value: "whole seconds, 0 to 2592000",
    says: "invisible for so long; less than the ttl",
  },
  {
    name: "mq9-dedup-id",
    ours: true,
    value: "1 to 128 bytes",
    says: "the same message once more within the dedup window is stored once",
  },
  {
    name: "Nats-Msg-Id",
    ours: true,
    value: "1 to 128 bytes",
    says: "the same",
  },
  {
    name: "mq9-hops",
    ours: true,
    value: "whole number",
    says: "copied from the message that made you send this one; kept and delivered as one more, and bounded",
  },
  {
    name: "mq9-msg-id",
    ours: true,
    value: "as it was delivered",
    says: "passed on with the other headers of a message: counts as a hop; is not kept",
  },
  {
    name: "mq9-token",
    ours: true,
    value: "a token of MAILBOX.GRANT",
    says: "gives rights on the mailbox; is not kept",
  },
];

export const deliveryHeaders: readonly CommandHeader[] = [
  { name: "mq9-msg-id", value: "number", says: "the message in its mailbox" },
  { name: "mq9-priority", value: "word", says: "the sender's word" },
  { name: "mq9-mail-id", value: "name", says: "the mailbox" },
  { name: "mq9-ts", value: "seconds since 1970", says: "when it was accepted" },
  { name: "mq9-key", value: "text", says: "where the sender gave one" },
  { name: "mq9-tags", value: "words between commas", says: "where the sender gave some" },
  { name: "mq9-from", value: "user", ours: true, says: "who sent it, where users sign in" },
  {
    name: "mq9-delivery-count",
    value: "number",
    ours: true,
    says: "how often the group was handed it, this time included; of MSG.PUSH in a queue group",
  },
  { name: "mq9-replay", value: "1", ours: true, says: "it came from the store and not live" },
  {
    name: "mq9-dead-mailbox",
    value: "name",
    ours: true,
    says: "of a dead letter: the mailbox it was in",
  },
  { name: "mq9-dead-msg-id", value: "number", ours: true, says: "its number there" },
  { name: "mq9-dead-group", value: "name", ours: true, says: "the group that could not handle it" },
  {
    name: "mq9-dead-cause",
    value: "deliveries, poison",
    ours: true,
    says: "handed out too often, or a worker said so",
  },
  { name: "mq9-dead-deliveries", value: "number", ours: true, says: "how often" },
  { name: "mq9-dead-reason", value: "text", ours: true, says: "the worker's words" },
];
