// Finds what is wrong with a description of users and accounts before anybody relies on it, and says
// it so that a person can mend it. Called by the broker for its options, at the start and on reload.
import {
  globalAccount,
  type PermissionRules,
  type RateLimits,
  type SubjectRules,
} from "@mq9/router";
import { isNkey, isValidSubject, toWireSubject } from "@mq9/wire";
import type { AccountConfig, AuthConfig, MailboxRules, UserConfig } from "./config.ts";
import { AuthConfigError } from "./config-error.ts";
import { JwtUsers } from "./jwt-users.ts";
import { sealAuthConfig } from "./sealed.ts";
import { secretProblem } from "./secret.ts";

const connectionTypes = ["STANDARD", "WEBSOCKET", "MQTT", "HTTP"];
const mailVerbs = ["send", "receive", "query", "manage"] as const;

/**
 * Checks a description.
 * @returns the same, with secrets that printing does not show
 * @throws {AuthConfigError} naming the first setting that can not be used
 */
export function checkAuthConfig(config: AuthConfig): AuthConfig {
  if (config.token !== undefined) checkSecret(config.token, "token", "the token");
  checkRules(config.defaultPermissions, "defaultPermissions");
  const names = new Names();
  const mapped = config.certificateNamesUser === true;
  checkUsers(config.users ?? [], globalAccount, "users", names, mapped);
  checkAccounts(config.accounts ?? [], names, mapped);
  if (config.token !== undefined && names.isUsed(globalAccount)) {
    throw new AuthConfigError(
      "token",
      `who has the token is in ${globalAccount} without a name, and so are users with rights of their own; use one, or put the users into an account`,
    );
  }
  checkSystemAccount(config);
  const { noAuthUser } = config;
  if (noAuthUser !== undefined && !names.has(noAuthUser)) {
    throw new AuthConfigError(
      "noAuthUser",
      `there is no user ${quote(noAuthUser)}; it must be the name of a user of one of the accounts`,
    );
  }
  if (config.operator !== undefined) checkOperator(config, names);
  return sealAuthConfig(config);
}

/** Names of users are unique over all accounts: nobody says its account when it comes. */
class Names {
  readonly #accounts = new Map<string, string>();

  has(name: string): boolean {
    return this.#accounts.has(name);
  }

  get size(): number {
    return this.#accounts.size;
  }

  isUsed(account: string): boolean {
    return [...this.#accounts.values()].includes(account);
  }

  add(name: string, account: string, where: string): void {
    const other = this.#accounts.get(name);
    if (other === account) {
      throw new AuthConfigError(where, `there are two users ${quote(name)}; remove or rename one`);
    }
    if (other !== undefined) {
      throw new AuthConfigError(
        where,
        `user ${quote(name)} is in the accounts ${quote(other)} and ${quote(account)}; a user belongs to one account, so rename one of them`,
      );
    }
    this.#accounts.set(name, account);
  }
}

function checkUsers(
  users: readonly UserConfig[],
  account: string,
  where: string,
  names: Names,
  mapped: boolean,
): void {
  for (const [at, user] of users.entries()) {
    const name = user.user ?? user.nkey;
    // A key that is none may be a seed that got into the wrong place: it is not repeated.
    const isShown = user.user !== undefined || (user.nkey !== undefined && isNkey(user.nkey, "U"));
    const path = `${where}[${isShown && name !== undefined ? quote(name) : at}]`;
    if (name === undefined || name === "") {
      throw new AuthConfigError(path, "a user needs a name (user) or a public key (nkey)");
    }
    checkUser(user, path, mapped);
    names.add(name, account, path);
  }
}

function checkUser(user: UserConfig, where: string, mapped: boolean): void {
  if (user.nkey !== undefined) {
    if (user.user !== undefined || user.password !== undefined) {
      throw new AuthConfigError(
        where,
        "has a public key (nkey) besides a name or password; use one",
      );
    }
    if (!isNkey(user.nkey, "U")) {
      throw new AuthConfigError(
        where,
        "nkey is no public key of a user: 56 letters and digits beginning with U (a seed beginning with SU belongs to the client)",
      );
    }
  } else if (user.password === undefined) {
    if (!mapped) {
      throw new AuthConfigError(
        where,
        "has no password; set one, or let client certificates name users",
      );
    }
  } else {
    checkSecret(user.password, `${where}.password`, "the password");
  }
  checkRules(user.permissions, `${where}.permissions`);
  checkMailboxes(user.mailboxes, `${where}.mailboxes`);
  checkRates(user.limits, `${where}.limits`);
  for (const type of user.connectionTypes ?? []) {
    if (!connectionTypes.includes(type)) {
      throw new AuthConfigError(
        `${where}.connectionTypes`,
        `${quote(type)} is not one of ${connectionTypes.join(", ")}`,
      );
    }
  }
}

function checkRates(limits: RateLimits | undefined, where: string): void {
  for (const [name, rate] of Object.entries(limits ?? {})) {
    if (rate === undefined || (Number.isFinite(rate) && rate >= 0)) continue;
    throw new AuthConfigError(`${where}.${name}`, "must be a number of at least 0, 0 = no limit");
  }
}

function checkAccounts(accounts: readonly AccountConfig[], names: Names, mapped: boolean): void {
  const known = new Set<string>();
  for (const account of accounts) {
    const where = `accounts[${quote(account.name)}]`;
    if (!/^[^\s\p{C}]{1,128}$/u.test(account.name)) {
      throw new AuthConfigError(
        where,
        "the name of an account has 1 to 128 characters without spaces",
      );
    }
    if (known.has(account.name)) {
      throw new AuthConfigError(
        where,
        "there are two accounts of this name; put their users together",
      );
    }
    known.add(account.name);
    const { maxConnections } = account;
    if (
      maxConnections !== undefined &&
      !(Number.isSafeInteger(maxConnections) && maxConnections >= 0)
    ) {
      throw new AuthConfigError(`${where}.maxConnections`, "must be a whole number of at least 0");
    }
    checkRules(account.defaultPermissions, `${where}.defaultPermissions`);
    checkUsers(account.users, account.name, `${where}.users`, names, mapped);
  }
}

function checkSystemAccount({ systemAccount, accounts, operator }: AuthConfig): void {
  if (systemAccount === undefined) return;
  if (systemAccount === globalAccount) {
    throw new AuthConfigError(
      "systemAccount",
      `must not be ${globalAccount}, which everybody without an account is in`,
    );
  }
  const isKnown =
    operator === undefined
      ? systemAccount === "$SYS" || accounts?.some(({ name }) => name === systemAccount) === true
      : isNkey(systemAccount, "A");
  if (!isKnown) {
    throw new AuthConfigError(
      "systemAccount",
      `there is no account ${quote(systemAccount)}; name one of the accounts`,
    );
  }
}

function checkOperator(config: AuthConfig, names: Names): void {
  const { operator, token, noAuthUser, systemAccount } = config;
  if (operator === undefined) return;
  if (names.size > 0 || token !== undefined || noAuthUser !== undefined) {
    throw new AuthConfigError(
      "operator",
      "with an operator all users come with JWTs; remove token, users and no_auth_user",
    );
  }
  new JwtUsers(operator, systemAccount, () => 0); // reads and verifies all of it
}

function checkSecret(text: string, where: string, what: string): void {
  const problem = secretProblem(text);
  if (problem !== undefined) throw new AuthConfigError(where, `${what} ${problem}`);
}

function checkRules(rules: PermissionRules | undefined, where: string): void {
  if (rules === undefined) return;
  checkSubjects(rules.publish, `${where}.publish`, false);
  checkSubjects(rules.subscribe, `${where}.subscribe`, true);
  const answers = rules.allowResponses;
  if (answers === undefined || answers === true) return;
  const { messagesMax, ttlMs } = answers;
  if (!Number.isSafeInteger(messagesMax) || messagesMax === 0 || !(ttlMs >= 0)) {
    throw new AuthConfigError(
      `${where}.allowResponses`,
      "needs a number of messages (negative = any) and a time of at least 0",
    );
  }
}

/** @param queues entries may name a queue after the subject */
function checkSubjects(rules: SubjectRules | undefined, where: string, queues: boolean): void {
  for (const list of ["allow", "deny"] as const) {
    for (const entry of rules?.[list] ?? []) {
      const parts = entry.trim().split(/\s+/);
      const isGood =
        parts.length <= (queues ? 2 : 1) &&
        parts.every((part) => isValidSubject(toWireSubject(part)));
      if (isGood) continue;
      const form = queues ? "a subject, or a subject and a queue" : "a subject";
      throw new AuthConfigError(
        `${where}.${list}`,
        `${quote(entry)} is not ${form}: tokens between dots must not be empty, and > comes last`,
      );
    }
  }
}

function checkMailboxes(rules: MailboxRules | undefined, where: string): void {
  for (const verb of mailVerbs) {
    for (const entry of rules?.[verb] ?? []) {
      if (isValidSubject(toWireSubject(entry))) continue;
      throw new AuthConfigError(
        `${where}.${verb}`,
        `${quote(entry)} is no pattern of mailbox names: tokens between dots, * for one, > for the rest`,
      );
    }
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}
