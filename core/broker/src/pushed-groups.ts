// The pushed-to members of pull groups of one account: who has to hear that a message is settled, and
// what a connection leaves behind when it unsubscribes or goes.
import type { Client } from "@mq9/router";
import type { PushedGroup } from "./pushed-group.ts";

export class PushedGroups {
  readonly #byGroup = new Map<string, Set<PushedGroup>>();
  readonly #byClient = new Map<Client, Set<PushedGroup>>();

  add(client: Client, member: PushedGroup): void {
    enter(this.#byGroup, keyOf(member.mailbox, member.group), member);
    enter(this.#byClient, client, member);
  }

  /** What is out with it is kept in mind until it is answered for or the connection goes. */
  unsubscribed(client: Client, member: PushedGroup): void {
    member.unsubscribed();
    for (const known of this.#byClient.get(client) ?? []) {
      if (known.isOver) this.#forget(client, known);
    }
  }

  vanished(client: Client): void {
    for (const member of this.#byClient.get(client) ?? []) {
      member.vanished();
      leave(this.#byGroup, keyOf(member.mailbox, member.group), member);
    }
    this.#byClient.delete(client);
  }

  /** What the connection may do has changed. */
  review(client: Client): void {
    for (const member of this.#byClient.get(client) ?? []) member.review();
  }

  settled(mailbox: string, group: string, msgIds: readonly number[]): void {
    for (const member of this.#byGroup.get(keyOf(mailbox, group)) ?? []) {
      for (const msgId of msgIds) member.settled(msgId);
    }
  }

  extended(mailbox: string, group: string, msgId: number, endsAtMs: number): void {
    for (const member of this.#byGroup.get(keyOf(mailbox, group)) ?? []) {
      member.extended(msgId, endsAtMs);
    }
  }

  #forget(client: Client, member: PushedGroup): void {
    leave(this.#byGroup, keyOf(member.mailbox, member.group), member);
    leave(this.#byClient, client, member);
  }
}

/** A mailbox's name holds no blank. */
function keyOf(mailbox: string, group: string): string {
  return `${mailbox} ${group}`;
}

function enter<K>(map: Map<K, Set<PushedGroup>>, key: K, member: PushedGroup): void {
  const members = map.get(key);
  if (members === undefined) map.set(key, new Set([member]));
  else members.add(member);
}

function leave<K>(map: Map<K, Set<PushedGroup>>, key: K, member: PushedGroup): void {
  const members = map.get(key);
  members?.delete(member);
  if (members?.size === 0) map.delete(key);
}
