// JSON of `mq9 top`.
import { z } from "zod";

/** Figures of the whole broker, from its monitoring port. Rates are absent in the first look. */
export interface TopBrokerJson {
  readonly connections: number;
  readonly subscriptions: number;
  readonly slow_consumers: number;
  readonly memory_bytes: number;
  readonly mailboxes: number;
  readonly messages: number;
  /** Messages that are out with workers. */
  readonly leases: number;
  readonly disk_free_bytes?: number | undefined;
  readonly in_per_second?: number | undefined;
  readonly out_per_second?: number | undefined;
}

export interface TopMailboxJson {
  readonly mailbox: string;
  readonly messages: number;
  readonly bytes: number;
  readonly scheduled: number;
  readonly next_id: number;
  readonly sent_per_second?: number | undefined;
  readonly groups: readonly {
    readonly group: string;
    readonly leased: number;
    readonly deferred: number;
    readonly unsettled: number;
    readonly waiting: number;
  }[];
}

export interface TopJson {
  readonly at: string;
  readonly url: string;
  readonly broker?: TopBrokerJson | undefined;
  readonly mailboxes: readonly TopMailboxJson[];
  /** There are more than were looked into. */
  readonly more?: boolean | undefined;
}

const amount = z.int().nonnegative();
const rate = z.number().nonnegative().optional();

export const topSchema: z.ZodType<TopJson> = z.strictObject({
  at: z.iso.datetime(),
  url: z.string(),
  broker: z
    .strictObject({
      connections: amount,
      subscriptions: amount,
      slow_consumers: amount,
      memory_bytes: amount,
      mailboxes: amount,
      messages: amount,
      leases: amount,
      disk_free_bytes: amount.optional(),
      in_per_second: rate,
      out_per_second: rate,
    })
    .optional(),
  mailboxes: z.array(
    z.strictObject({
      mailbox: z.string(),
      messages: amount,
      bytes: amount,
      scheduled: amount,
      next_id: amount,
      sent_per_second: rate,
      groups: z.array(
        z.strictObject({
          group: z.string(),
          leased: amount,
          deferred: amount,
          unsettled: amount,
          waiting: amount,
        }),
      ),
    }),
  ),
  more: z.boolean().optional(),
});
