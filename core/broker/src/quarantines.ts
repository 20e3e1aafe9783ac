// Whose reads and writes are stopped: looks the names up, and has them kept, so that a restart lets nobody
// go on. Called by operators' commands and by whoever runs the broker.
import { type AuthConfig, unknownName } from "@mq9/auth";
import type { Router } from "@mq9/router";

/** One user of one account. */
export interface Principal {
  readonly account: string;
  /** "" = those of the account that do not sign in. */
  readonly user: string;
}

/** Keeps who is stopped beyond the life of the process. */
export interface QuarantineKeeper {
  /** Whom it was last given. @throws when that can not be read: nobody may go on by mistake */
  load(): Promise<readonly Principal[]>;
  /** Resolves once it would survive a crash. One call at a time. */
  save(stopped: readonly Principal[]): Promise<void>;
}

/** A name that nobody has, or a change that could not be kept. */
export class QuarantineError extends Error {
  readonly code: "unknown_name" | "not_kept";

  constructor(code: "unknown_name" | "not_kept", message: string) {
    super(message);
    this.name = "QuarantineError";
    this.code = code;
  }
}

export class Quarantines {
  readonly #router: Pick<Router, "quarantine">;
  readonly #keeper: QuarantineKeeper | undefined;
  /** Who is let in now. */
  readonly #auth: () => AuthConfig | undefined;
  readonly #stopped = new Map<string, Principal>();
  #changing: Promise<unknown> = Promise.resolve();

  constructor(
    router: Pick<Router, "quarantine">,
    keeper: QuarantineKeeper | undefined,
    auth: () => AuthConfig | undefined,
  ) {
    this.#router = router;
    this.#keeper = keeper;
    this.#auth = auth;
  }

  /** Everybody who is stopped. */
  get stopped(): readonly Principal[] {
    return [...this.#stopped.values()];
  }

  /** Goes on from the last process, before anybody is let in. @throws what the keeper throws */
  async restore(): Promise<void> {
    for (const principal of (await this.#keeper?.load()) ?? []) this.#apply(principal, true);
  }

  /**
   * Stops somebody at once, or lets him go on once that is kept.
   * @param changed called when it is so, with how many connections he has
   * @returns how many connections he has
   * @throws {QuarantineError} `unknown_name`: there is no such user, and nothing was changed;
   * `not_kept`: stopping holds until the process ends, letting go on did not happen
   */
  async set(
    principal: Principal,
    on: boolean,
    changed: (connections: number) => void,
  ): Promise<number> {
    if (on || !this.#stopped.has(keyOf(principal))) this.#assertKnown(principal);
    if (on) {
      const connections = this.#apply(principal, true);
      changed(connections);
      await this.#inTurn(async () => {
        // A change before this one may have let the same user go on.
        if (!this.#stopped.has(keyOf(principal))) this.#apply(principal, true);
        await this.#keep(this.stopped, "the user is stopped, but only until this process ends");
      });
      return connections;
    }
    return await this.#inTurn(async () => {
      const others = this.stopped.filter((each) => keyOf(each) !== keyOf(principal));
      await this.#keep(others, "the user is still stopped");
      const connections = this.#apply(principal, false);
      changed(connections);
      return connections;
    });
  }

  #apply(principal: Principal, on: boolean): number {
    if (on) this.#stopped.set(keyOf(principal), principal);
    else this.#stopped.delete(keyOf(principal));
    return this.#router.quarantine(principal.account, principal.user, on);
  }

  #assertKnown({ account, user }: Principal): void {
    const unknown = unknownName(this.#auth(), account, user);
    if (unknown === undefined) return;
    const what =
      unknown === "account"
        ? `there is no account ${JSON.stringify(account)}`
        : `there is no user ${JSON.stringify(user)} in account ${JSON.stringify(account)}`;
    throw new QuarantineError("unknown_name", what);
  }

  /** One change after the other, so that each is kept with those before it. */
  #inTurn<R>(change: () => Promise<R>): Promise<R> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #keep(stopped: readonly Principal[], otherwise: string): Promise<void> {
    try {
      await this.#keeper?.save(stopped);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new QuarantineError("not_kept", `${otherwise}: ${reason}`);
    }
  }
}

function keyOf({ account, user }: Principal): string {
  return JSON.stringify([account, user]);
}
