// What the owner of `$mq9.AI.` remembers of each connection and each account.
import type { MailRights } from "@mq9/auth";
import type { Caller, Generation } from "@mq9/dialects";
import { type AccountMailboxes, Turns } from "@mq9/mailbox";
import type { MailSubscription, RegistryApi } from "@mq9/protocol";
import { type Client, Sublist, type Subscription } from "@mq9/router";
import { type AuditFact, actorOf } from "./audit.ts";
import { LooseCursors } from "./loose-cursors.ts";
import type { Misses } from "./misses.ts";
import { PushedGroups } from "./pushed-groups.ts";
import type { Asker } from "./receipts.ts";
import type { Requester } from "./requests.ts";
import { Rights } from "./rights.ts";

/** Where one subscription takes part. Both may be unset while its meaning is being found out. */
export interface Place {
  reader?: Pick<MailSubscription, "end" | "review">;
  /** It follows a pattern of names. */
  follows?: true;
  readonly list?: Sublist;
  /** Its pattern in `list`. */
  readonly pattern?: string;
}

/** What a visitor needs of the space. */
export interface VisitorDesk {
  readonly nowMs: () => number;
  /** Wrong names that users said. */
  readonly misses: Misses;
  /** Hears of what was refused, where somebody keeps that. */
  readonly audit: ((fact: AuditFact) => void) | undefined;
  readonly failed: (error: unknown) => void;
  /** A token of a mailbox counts no more. */
  revoked(account: Account, mailbox: string): void;
}

function mailRights({ identity }: Client): MailRights | undefined {
  // What authentication says is opaque to the router, and comes from nowhere else.
  return identity?.rights as MailRights | undefined;
}

function nameOf({ account, identity }: Client): readonly [account: string, user: string] {
  return [account, identity?.user ?? ""];
}

/** What the space remembers of one connection, for as long as it is the same user. It is the consumer of what the connection fetches. */
export class Visitor implements Caller, Asker, Requester {
  open = 0;
  /** FETCHes that wait for mail. */
  waiting = 0;
  /** Subscriptions that follow a pattern of names. */
  patterns = 0;
  readonly clientName: string;
  generation: Generation | undefined = undefined;
  readsText = false;
  readonly account: Account;
  readonly cursors: LooseCursors = new LooseCursors();
  /** What reads a lot: a hundred that came together must not keep everybody else waiting for all of them. */
  readonly reads: Turns = new Turns(1, () => new Promise(setImmediate));
  readonly places: Map<Subscription, Place> = new Map();

  /** What it may do; undefined where no users are configured: everything. */
  readonly rights: Rights | undefined;
  /** The mailboxes of its account, as it may use them. */
  readonly mailboxes: AccountMailboxes;
  readonly client: Client;
  readonly #desk: VisitorDesk;
  /** Account and user that the connection had when it came. */
  readonly #name: readonly [account: string, user: string];

  constructor(client: Client, account: Account, desk: VisitorDesk) {
    this.clientName = client.name;
    this.account = account;
    this.client = client;
    this.#name = nameOf(client);
    this.#desk = desk;
    const mail = mailRights(client);
    const { audit, misses } = desk;
    const refused =
      audit &&
      ((right: string, mailbox: string): void =>
        audit({ kind: "mailbox.refused", by: actorOf(client), mailbox, right }));
    const door = { account: client.account, address: client.remoteAddress, misses, refused };
    this.rights = mail && new Rights(client.identity?.user ?? "", mail, desk.nowMs, door);
    this.mailboxes =
      this.rights === undefined ? account.mailboxes : account.mailboxes.seenBy(this.rights);
  }

  /** Who it is, proven; undefined = nobody signed in. */
  get user(): string | undefined {
    return this.rights?.user || undefined;
  }

  get isPresent(): boolean {
    if (this.client.ownerState === this) return true;
    const [account, user] = nameOf(this.client);
    return account === this.#name[0] && user === this.#name[1];
  }

  /** Its user may do other things now. @returns false when nothing of it can stay as it is */
  rightsChanged(): boolean {
    const mail = mailRights(this.client);
    if ((mail === undefined) !== (this.rights === undefined)) return false;
    if (mail !== undefined) this.rights?.become(this.client.identity?.user ?? "", mail);
    this.review();
    return true;
  }

  /** Whatever it reads or holds without a right ends, and what it may read by now begins. */
  review(): void {
    if (this.rights === undefined) return;
    this.rights.changed();
    this.mailboxes.review(this);
    this.account.pushed.review(this.client);
    for (const place of this.places.values()) place.reader?.review?.();
  }

  opened(mailbox: string, token: string): void {
    this.rights?.show(mailbox, token);
    this.review();
  }

  revoked(mailbox: string): void {
    this.#desk.revoked(this.account, mailbox);
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
    this.#desk.failed(error);
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
