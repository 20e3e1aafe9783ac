// What the owner of `$mq9.AI.` remembers of each connection and each account.
import type { Caller, Generation } from "@mq9/dialects";
import { type AccountMailboxes, Turns } from "@mq9/mailbox";
import type { MailSubscription, RegistryApi } from "@mq9/protocol";
import { type Client, Sublist, type Subscription } from "@mq9/router";
import { LooseCursors } from "./loose-cursors.ts";
import { PushedGroups } from "./pushed-groups.ts";
import type { Tally } from "./receipts.ts";
import type { Requester } from "./requests.ts";

/** Where one subscription takes part. Both may be unset while its meaning is being found out. */
export interface Place {
  reader?: Pick<MailSubscription, "end">;
  readonly list?: Sublist;
  /** Its pattern in `list`. */
  readonly pattern?: string;
}

/** What the space remembers of one connection. It is the consumer of what the connection fetches. */
export class Visitor implements Caller, Tally, Requester {
  open = 0;
  /** FETCHes that wait for mail. */
  waiting = 0;
  readonly clientName: string;
  generation: Generation | undefined = undefined;
  readsText = false;
  readonly account: Account;
  readonly cursors: LooseCursors = new LooseCursors();
  /** What reads a lot: a hundred that came together must not keep everybody else waiting for all of them. */
  readonly reads: Turns = new Turns(1, () => new Promise(setImmediate));
  readonly places: Map<Subscription, Place> = new Map();

  readonly #failed: (error: unknown) => void;

  constructor(client: Client, account: Account, failed: (error: unknown) => void) {
    this.clientName = client.name;
    this.account = account;
    this.#failed = failed;
  }

  get mailboxes(): AccountMailboxes {
    return this.account.mailboxes;
  }

  get registry(): RegistryApi {
    return this.account.registry;
  }

  get consumer(): this {
    return this;
  }

  settled(mailbox: string, group: string, msgIds: readonly number[]): void {
    this.account.pushed.settled(mailbox, group, msgIds);
  }

  extended(mailbox: string, group: string, msgId: number, endsAtMs: number): void {
    this.account.pushed.extended(mailbox, group, msgId, endsAtMs);
  }

  failed(error: unknown): void {
    this.#failed(error);
  }
}

/** What belongs to one account; nothing here is ever seen from another. */
export class Account {
  readonly mailboxes: AccountMailboxes;
  readonly registry: RegistryApi;
  /** Ordinary subscriptions inside the space: BROADCAST, STATUS, subjects of nobody. */
  readonly plain: Sublist = new Sublist();
  /** Subscriptions that watch every publish of the space. */
  readonly taps: Sublist = new Sublist();
  /** Members of pull groups that are pushed to. */
  readonly pushed: PushedGroups = new PushedGroups();

  constructor(mailboxes: AccountMailboxes, registry: RegistryApi) {
    this.mailboxes = mailboxes;
    this.registry = registry;
  }
}
