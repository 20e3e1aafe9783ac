// Public mailboxes whose description is an agent's card, as if they were registered: read from the
// directory when somebody asks for them, kept until something changes, never stored.
import { type AgentFacts, directoryName, rankOf } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import type { Searched } from "./discover.ts";
import { Lexicon } from "./lexicon.ts";
import { Roll } from "./roll.ts";

/** What a directory entry says of an agent. */
export interface PublicAgent {
  readonly name: string;
  readonly mailbox: string;
  /** The card as it was written. */
  readonly body: Uint8Array;
  readonly facts: AgentFacts;
}

/** Cards that are taken in. */
const cardsMax = 1_000;
/** Entries per turn of the event loop. */
const slice = 32;

export class PublicAgents {
  readonly #engine: Engine;
  readonly #account: string;
  #known: { readonly state: string; readonly searched: Searched } | undefined;

  constructor(engine: Engine, account: string) {
    this.#engine = engine;
    this.#account = account;
  }

  /** @param registered agents that need not be told twice */
  async read(registered: Roll): Promise<Searched> {
    const engine = this.#engine;
    const slot = engine.slot(`${this.#account}/${directoryName}`);
    (await slot.acquire())(); // it was read when its turn comes
    const state = stateOf(slot, registered);
    if (this.#known?.state === state) return this.#known.searched;
    if (slot.staged > 0) await engine.journal.settled();
    const { staleAfterMs, goneAfterMs } = engine.options;
    const searched: Searched = {
      roll: new Roll({ staleAfterMs, goneAfterMs }, { sinceMs: 0, forMs: 0 }),
      lexicon: new Lexicon(),
      vectors: undefined,
      nowMs: () => engine.nowMs(),
    };
    const number = slot.record?.number;
    for (let afterSeq = -1; number !== undefined && searched.roll.size < cardsMax; ) {
      const page = await engine.store.messages(number, {
        rank: rankOf("normal"),
        afterSeq,
        limit: slice,
        bytesMax: engine.pageBytes,
      });
      if (page.length === 0) break;
      afterSeq = (page.at(-1) as MessageRecord).seq;
      for (const stored of page) this.#take(searched, stored, registered);
      await new Promise<void>((resolve) => engine.deps.defer(resolve));
    }
    this.#known = { state, searched };
    return searched;
  }

  #take({ roll, lexicon }: Searched, stored: MessageRecord, registered: Roll): void {
    const agent = this.#engine.deps.publicAgent?.(stored.payload);
    if (agent === undefined || roll.get(agent.name) !== undefined) return;
    if (registered.get(agent.name) !== undefined) return;
    if (registered.ofMailbox(agent.mailbox).length > 0) return;
    roll.add({
      ...agent,
      owner: undefined,
      registeredAtMs: stored.createdAtMs,
      lastSeenAtMs: stored.createdAtMs,
      report: undefined,
      mailboxKnown: true,
      mailboxEndsAtMs: stored.expiresAtMs,
      place: undefined,
      version: 0,
    });
    lexicon.put(agent.name, agent.facts);
  }
}

/** Changes whenever an entry of the directory or a registered agent comes or goes. */
function stateOf({ record, nextSeq, tally }: Slot, registered: Roll): string {
  return `${record?.number}/${nextSeq}/${tally?.messages}/${registered.changes}`;
}
