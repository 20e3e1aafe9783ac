// Decides about users that come with a JWT: whether the chain from an operator over an account to the
// user holds, and what it leaves them. Called by the authenticator in operator mode.
import {
  type ConnectOptions,
  createPermissions,
  type Identity,
  type Peer,
  type Refusal,
} from "@mq9/router";
import type { MailRights, OperatorConfig } from "./config.ts";
import { withPrivateInboxes } from "./inboxes.ts";
import { textOf, textsOf } from "./json.ts";
import { isInTime, readToken, type Token } from "./jwt.ts";
import { readTrust, type Trust, type TrustedAccount } from "./operator-accounts.ts";
import { Proof } from "./proof.ts";
import { wireRules } from "./rules.ts";
import { verifierOf, verifySignature } from "./signature.ts";
import { fillRules } from "./template.ts";
import { allowedForMs, isFrom, readLimits, saysNothing, type UserLimits } from "./user-limits.ts";

/** Users of an operator's accounts. */
export class JwtUsers {
  readonly #trust: Trust;
  readonly #systemAccount: string;
  readonly #nowMs: () => number;
  readonly #sharedInboxes: boolean;

  /**
   * @param sharedInboxes see `AuthConfig`
   * @throws {AuthConfigError} for operators and accounts that are not signed as they have to be
   */
  constructor(
    config: OperatorConfig,
    systemAccount: string | undefined,
    nowMs: () => number,
    sharedInboxes = false,
  ) {
    this.#sharedInboxes = sharedInboxes;
    this.#trust = readTrust(config, "operator");
    this.#systemAccount = systemAccount ?? this.#trust.systemAccount;
    this.#nowMs = nowMs;
  }

  /** Public key of the system account; "" when there is none. */
  get systemAccount(): string {
    return this.#systemAccount;
  }

  authenticate(options: ConnectOptions, peer: Peer): Identity | Refusal {
    const token = readToken(options.jwt, "user");
    if (token === undefined) return "authorizationViolation";
    const user = this.#judge(token, peer);
    if (typeof user === "string") return "authorizationViolation"; // who is not in yet hears no reason
    if (user.limits.isBearer) {
      return user.account.refusesBearers ? "authorizationViolation" : user.identity;
    }
    const key = verifierOf(token.subject, "U");
    const isSigned =
      key !== undefined && peer.nonce !== "" && verifySignature(key, peer.nonce, options.sig);
    return isSigned ? user.identity : "authorizationViolation";
  }

  /** Whether somebody who was let in by its JWT still would be. */
  renew(token: Token, peer: Peer): Identity | Refusal {
    const user = this.#judge(token, peer);
    if (typeof user === "string") return user;
    const isRefused = user.limits.isBearer && user.account.refusesBearers;
    return isRefused ? "authorizationViolation" : user.identity;
  }

  #judge(token: Token, peer: Peer): Judged | Refusal {
    const nowMs = this.#nowMs();
    if (!isInTime(token, nowMs)) return "authenticationExpired";
    const named = textOf(token.claims, "issuer_account");
    const account = this.#trust.accounts.get(named === "" ? token.issuer : named);
    if (account === undefined) return "authorizationViolation";
    if (!isInTime(account.token, nowMs)) return "accountExpired";
    if (isRevoked(account, token)) return "authenticationRevoked";
    const limits = limitsOf(token, account);
    if (limits === undefined || limits.needsProxy) return "authorizationViolation";
    const { connectionTypes, sources, times, timeZone } = limits;
    if (connectionTypes.length > 0 && !connectionTypes.includes(peer.kind)) {
      return "authorizationViolation";
    }
    if (sources.length > 0 && !isFrom(sources, peer.address)) return "authorizationViolation";
    const forMs = allowedForMs(times, timeZone, nowMs);
    if (forMs === 0) return "authenticationExpired";
    const ends = [token, account.token].map(({ expiresAtSeconds }) =>
      expiresAtSeconds === 0 ? Number.POSITIVE_INFINITY : expiresAtSeconds * 1000,
    );
    const endMs = Math.min(nowMs + forMs, ...ends);
    return { account, limits, identity: this.#identity(token, account, limits, endMs) };
  }

  #identity(token: Token, account: TrustedAccount, limits: UserLimits, endMs: number): Identity {
    const rules = limits.rules ?? account.defaults;
    const permissions = rules === undefined ? undefined : createPermissions(wireRules(rules));
    const rights: MailRights = {
      mailboxes: undefined,
      sendTo: "anyone",
      isOperator: account.token.subject === this.#systemAccount,
    };
    return {
      account: account.token.subject,
      user: token.subject,
      permissions: this.#sharedInboxes ? permissions : withPrivateInboxes(permissions),
      expiresAtMs: Number.isFinite(endMs) ? endMs : undefined,
      rights,
      maxSubscriptions: lower(limits.subscriptions, account.subscriptionsMax),
      maxPayloadBytes: lower(limits.payloadBytes, account.payloadBytesMax),
      accountConnectionsMax: account.connectionsMax,
      proof: Proof.ofToken(token),
    };
  }
}

interface Judged {
  readonly account: TrustedAccount;
  readonly limits: UserLimits;
  readonly identity: Identity;
}

/** What holds for a user. @returns undefined when who signed it may not sign it */
function limitsOf(token: Token, account: TrustedAccount): UserLimits | undefined {
  if (token.issuer === account.token.subject) return readLimits(token.claims, token.version === 1);
  const signing = account.signingKeys.get(token.issuer);
  if (signing === undefined) return undefined;
  const { template } = signing;
  if (template === undefined) return readLimits(token.claims, token.version === 1);
  if (!saysNothing(token.claims)) return undefined;
  const filled = fillRules(template.rules, {
    name: token.name,
    subject: token.subject,
    accountName: account.token.name,
    accountSubject: account.token.subject,
    tags: textsOf(token.claims, "tags"),
    accountTags: account.tags,
  });
  return filled === undefined ? undefined : { ...template, rules: filled.rules };
}

function isRevoked(account: TrustedAccount, token: Token): boolean {
  return ["*", token.subject].some((key) => {
    const untilSeconds = account.revocations.get(key);
    return untilSeconds !== undefined && token.issuedAtSeconds <= untilSeconds;
  });
}

function lower(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
