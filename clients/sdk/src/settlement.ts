// How the lease that came with a message is ended by requests.
import type { MailMessage } from "@mq9/protocol";
import type { Settlement } from "./message.ts";
import type { RemoteApi } from "./remote/remote-api.ts";

/** How the lease that came with a fetched message is ended. */
export function settlementOf(
  api: RemoteApi,
  { mailbox, msgId, deliveryCount }: Pick<MailMessage, "mailbox" | "msgId" | "deliveryCount">,
  group: string,
): Settlement {
  const which = { mailbox, group, msgId };
  return {
    group,
    ack: async () => {
      await api.ack({ ...which, mode: "one" });
    },
    nack: async ({ delayMs, reason }) => {
      await api.nack({ ...which, deliveryCount, delayMs, reason });
    },
    reject: async (reason) => {
      await api.nack({ ...which, deliveryCount, poison: true, reason });
    },
    extend: async (leaseMs) => new Date(await api.extend({ ...which, deliveryCount, leaseMs })),
  };
}
