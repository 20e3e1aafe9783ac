// What a mailbox gives to its consumers: its operations, how its messages are read, and when its connection
// comes and goes.
import type { ConsumeSource } from "./consume.ts";
import type { Mailbox } from "./mailbox.ts";
import { partsOf } from "./message.ts";
import { isTracing, traceProcess } from "./trace.ts";

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
    check: reader === undefined ? undefined : (message) => reader.prepare(message),
    around: isTracing() ? traceProcess : undefined,
  };
}
