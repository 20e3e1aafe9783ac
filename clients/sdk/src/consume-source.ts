// What a mailbox gives to its consumers: its operations, how its messages are read, and when its connection
// comes and goes.
import type { ConsumeSource } from "./consume.ts";
import type { Siblings } from "./consume-worker.ts";
import type { Mailbox } from "./mailbox.ts";
import { partsOf } from "./message.ts";
import { isTracing, traceProcess } from "./trace.ts";

/** By connection, then by mailbox and group. */
const workers: WeakMap<object, Map<string, Siblings<unknown>>> = new WeakMap();

function siblingsIn<T>(connection: object, mailbox: string, group: string): Siblings<T> {
  let groups = workers.get(connection);
  if (groups === undefined) {
    groups = new Map();
    workers.set(connection, groups);
  }
  if (groups.size % 64 === 0) {
    for (const [key, { size }] of groups) if (size === 0) groups.delete(key);
  }
  const key = `${mailbox} ${group}`;
  let siblings = groups.get(key);
  if (siblings === undefined) {
    siblings = new Set();
    groups.set(key, siblings);
  }
  // What they hold is of one mailbox, whatever each program reads it as.
  return siblings as Siblings<T>;
}

export function sourceOf<T>(mailbox: Mailbox<T>): ConsumeSource<T> {
  const { name, reader } = mailbox;
  const { api, agent, onClose } = mailbox.surround;
  const { link } = api;
  return {
    mailbox: name,
    api: {
      fetch: (request) => api.fetch(request, { background: true }),
      ack: (request) => api.ack(request),
      nack: (request) => api.nack(request),
      extend: (request) => api.extend(request),
    },
    agent,
    message: (parts, settlement) => mailbox.messageFrom(partsOf(parts), settlement),
    watch: (lost, back) => {
      const ends = [link.onDisconnect(lost), link.onReconnect(back)];
      return () => {
        for (const end of ends) end();
      };
    },
    onClose,
    siblings: (group) => siblingsIn(link, name, group),
    check: reader === undefined ? undefined : (message) => reader.prepare(message),
    around: isTracing() ? traceProcess : undefined,
  };
}
