// The configured users, by name and by key, and the identities they get. Made once per
// configuration; decides nothing about secrets.
import { createHmac, type KeyObject, randomBytes } from "node:crypto";
import {
  createPermissions,
  globalAccount,
  type Identity,
  Pace,
  type Peer,
  type Permissions,
} from "@mq9/router";
import { isNkey } from "@mq9/wire";
import type { AccountConfig, AuthConfig, MailRights, UserConfig } from "./config.ts";
import { withPrivateInboxes } from "./inboxes.ts";
import type { Proof } from "./proof.ts";
import { wireRules } from "./rules.ts";
import { Secret } from "./secret.ts";
import { verifierOf } from "./signature.ts";

/** A configured user. */
export class KnownUser {
  readonly name: string;
  /** Undefined: no password lets it in. */
  readonly secret: Secret | undefined;
  /** Verifies what it signs; undefined for users without a key. */
  readonly key: KeyObject | undefined;
  readonly account: string;
  readonly #connectionTypes: readonly string[] | undefined;
  readonly #permissions: Permissions | undefined;
  readonly #rights: MailRights;
  readonly #accountConnectionsMax: number | undefined;
  readonly #pace: Pace | undefined;

  constructor(user: UserConfig, account: AccountConfig, config: AuthConfig) {
    this.name = user.user ?? user.nkey ?? "";
    this.secret = user.password === undefined ? undefined : new Secret(user.password);
    this.key = user.nkey === undefined ? undefined : verifierOf(user.nkey, "U");
    this.account = account.name;
    this.#connectionTypes = user.connectionTypes;
    const rules = user.permissions ?? account.defaultPermissions ?? config.defaultPermissions;
    const permissions = rules === undefined ? undefined : createPermissions(wireRules(rules));
    this.#permissions =
      config.sharedInboxes === true ? permissions : withPrivateInboxes(permissions);
    this.#pace = user.limits && new Pace(user.limits);
    this.#rights = Object.freeze({
      mailboxes: user.mailboxes,
      sendTo: account.sendTo ?? "anyone",
      isOperator: account.name === systemAccountOf(config),
    });
    this.#accountConnectionsMax = account.maxConnections;
  }

  /** Whether it may come in this way. */
  mayComeBy(peer: Peer): boolean {
    return this.#connectionTypes === undefined || this.#connectionTypes.includes(peer.kind);
  }

  identity(proof: Proof): Identity {
    return {
      account: this.account,
      user: this.name,
      permissions: this.#permissions,
      rights: this.#rights,
      accountConnectionsMax: this.#accountConnectionsMax,
      pace: this.#pace,
      proof,
    };
  }
}

/** All configured users. */
export class Users {
  /** Those with a name. */
  readonly byName: ReadonlyMap<string, KnownUser>;
  /** Those with a public key. */
  readonly byKey: ReadonlyMap<string, KnownUser>;
  readonly #secrets: readonly Secret[];
  readonly #decoyKey = randomBytes(32);

  constructor(config: AuthConfig) {
    const byName = new Map<string, KnownUser>();
    const byKey = new Map<string, KnownUser>();
    const ofGlobal = { name: globalAccount, users: config.users ?? [] };
    for (const account of [ofGlobal, ...(config.accounts ?? [])]) {
      for (const user of account.users) {
        const known = new KnownUser(user, account, config);
        (known.key === undefined ? byName : byKey).set(known.name, known);
      }
    }
    this.byName = byName;
    this.byKey = byKey;
    this.#secrets = [...byName.values()].flatMap(({ secret }) => secret ?? []);
  }

  get size(): number {
    return this.byName.size + this.byKey.size;
  }

  find(name: string): KnownUser | undefined {
    return this.byName.get(name) ?? this.byKey.get(name);
  }

  /**
   * Somebody's secret for a name that nobody has, always the same: refusing it takes as long as
   * refusing a wrong password, so time does not tell which names exist.
   */
  decoyFor(name: string): Secret | undefined {
    const { length } = this.#secrets;
    if (length === 0) return undefined;
    const hash = createHmac("sha256", this.#decoyKey).update(name).digest();
    return this.#secrets[hash.readUInt32LE() % length];
  }
}

/** Name of the account that sees `$SYS.` where users have names or keys; undefined when there are none. */
export function systemAccountOf(config: AuthConfig): string | undefined {
  const hasUsers = (config.accounts ?? []).some(({ users }) => users.length > 0);
  if (config.systemAccount !== undefined) return config.systemAccount;
  return hasUsers || (config.users ?? []).length > 0 || config.token !== undefined
    ? "$SYS"
    : undefined;
}

/**
 * Whether a user of an account can come in at all.
 * @param config undefined = everybody comes in
 * @param user "" = who does not sign in
 * @returns which of the names nobody has; undefined when both are good. Users with JWTs are told by their form
 */
export function unknownName(
  config: AuthConfig | undefined,
  account: string,
  user: string,
): "account" | "user" | undefined {
  const { operator, accounts = [], users = [], token } = config ?? {};
  if (operator !== undefined) {
    if (!operator.accounts.has(account)) return "account";
    return isNkey(user, "U") ? undefined : "user";
  }
  const isGlobal = account === globalAccount;
  const found = isGlobal ? { users } : accounts.find(({ name }) => name === account);
  if (found === undefined) return "account";
  if (user !== "") {
    return found.users.some((each) => (each.user ?? each.nkey) === user) ? undefined : "user";
  }
  const hasUsers = users.length > 0 || accounts.some((each) => each.users.length > 0);
  return isGlobal && (token !== undefined || !hasUsers) ? undefined : "user";
}
