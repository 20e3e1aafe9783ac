// What a connection may do: by who it is, and by what the server says of that principal now. Made
// anew when either changes, and remembers what it decided. Asks permissions; tells nobody anything.

import { type Identity, noPermissions, type Permissions } from "./identity.ts";
import { ResponseGrants } from "./response-grants.ts";
import type { DeliveryFilter } from "./subscription.ts";

/** Publish decisions remembered per connection; cleared when full. */
const decisionsMax = 512;

/** Of one connection, from one CONNECT, reload or quarantine to the next. */
export class Standing {
  /** Its reads and writes are stopped. */
  readonly isQuarantined: boolean;
  /** Leave to answer requests it got. */
  readonly grants: ResponseGrants | undefined;
  readonly #permissions: Permissions | undefined;
  /** The same where they say anything about publishing. */
  readonly #publishing: Permissions | undefined;
  #decisions: Map<string, boolean> | undefined = undefined;

  /** @param before whose leave to answer goes on, if it is given in the same terms now */
  constructor(
    identity: Pick<Identity, "permissions">,
    isQuarantined: boolean,
    nowMs: () => number,
    before?: Standing,
  ) {
    this.isQuarantined = isQuarantined;
    const permissions = isQuarantined ? noPermissions : identity.permissions;
    this.#permissions = permissions;
    this.#publishing = permissions?.bindsPublishing === false ? undefined : permissions;
    const responses = permissions?.responses;
    const grants = responses && new ResponseGrants(responses, nowMs);
    this.grants = grants?.isLike(before?.grants) === true ? before?.grants : grants;
  }

  /** Publishes have to be asked about. */
  get bindsPublishing(): boolean {
    return this.#publishing !== undefined;
  }

  canPublish(subject: string): boolean {
    const permissions = this.#publishing;
    if (permissions === undefined) return true;
    this.#decisions ??= new Map();
    let allowed = this.#decisions.get(subject);
    if (allowed === undefined) {
      if (this.#decisions.size >= decisionsMax) this.#decisions.clear();
      allowed = permissions.canPublish(subject);
      this.#decisions.set(subject, allowed);
    }
    return allowed || (this.grants?.use(subject) ?? false);
  }

  canSubscribe(subject: string, queue: string): boolean {
    return this.#permissions?.canSubscribe(subject, queue) ?? true;
  }

  /** What to leave out at delivery; undefined = nothing. */
  filterFor(subject: string, queue: string): DeliveryFilter | undefined {
    return this.#permissions?.filterFor(subject, queue);
  }

  /** The server's own answers go where it could publish or listen itself. */
  mayBeAnsweredOn(reply: string): boolean {
    const permissions = this.#permissions;
    return (
      permissions === undefined ||
      permissions.canPublish(reply) ||
      permissions.canSubscribe(reply, "")
    );
  }
}
