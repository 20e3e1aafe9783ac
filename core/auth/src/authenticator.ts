// Lets connections in: the order in which credentials are looked at, and what each kind proves. Made by
// the broker from its configuration, asked by the router. Every refusal at the door reads the same.
import { generateKeyPairSync } from "node:crypto";
import type { Authenticator, ConnectOptions, Identity, Peer, Refusal } from "@mq9/router";
import { globalAccount } from "@mq9/router";
import { userOfCertificate } from "./certificate.ts";
import type { AuthConfig } from "./config.ts";
import { JwtUsers } from "./jwt-users.ts";
import { PasswordCheck } from "./password-check.ts";
import { Proof } from "./proof.ts";
import { Secret } from "./secret.ts";
import { verifySignature } from "./signature.ts";
import { Throttle } from "./throttle.ts";
import { type KnownUser, systemAccountOf, Users } from "./users.ts";

/** What an authenticator needs from its surroundings. */
export interface AuthenticatorDeps {
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** Who was wrong how often, also by earlier rules; undefined = it begins anew. */
  readonly throttle?: Throttle | undefined;
}

const refused = "authorizationViolation";
/** Stands in where a key is not known. */
const nobodysKey = generateKeyPairSync("ed25519").publicKey;

/**
 * Makes an authenticator. It keeps no connection and no timer.
 * @param config checked by `checkAuthConfig`
 */
export function createAuthenticator(config: AuthConfig, deps: AuthenticatorDeps): Authenticator {
  return new ConfiguredAuthenticator(config, deps);
}

/** Whether a description lets nobody in without credentials. */
export function requiresCredentials(config: AuthConfig): boolean {
  return isClosed(config, new Users(config)) && config.noAuthUser === undefined;
}

/** The account that sees `$SYS.`; undefined when there is none. @param config checked */
export function systemAccount(config: AuthConfig): string | undefined {
  if (config.operator === undefined) return systemAccountOf(config);
  const users = new JwtUsers(config.operator, config.systemAccount, () => 0);
  return users.systemAccount === "" ? undefined : users.systemAccount;
}

class ConfiguredAuthenticator implements Authenticator {
  readonly required: boolean;
  readonly nonces: boolean;
  readonly #users: Users;
  readonly #names: ReadonlySet<string>;
  readonly #token: Secret | undefined;
  readonly #jwtUsers: JwtUsers | undefined;
  readonly #default: KnownUser | undefined;
  readonly #isClosed: boolean;
  readonly #mapsCertificates: boolean;
  readonly #passwords: PasswordCheck;

  constructor(config: AuthConfig, { nowMs, throttle }: AuthenticatorDeps) {
    const { token, operator, noAuthUser } = config;
    this.#users = new Users(config);
    this.#names = new Set(this.#users.byName.keys());
    this.#token = token === undefined ? undefined : new Secret(token);
    this.#jwtUsers =
      operator && new JwtUsers(operator, config.systemAccount, nowMs, config.sharedInboxes);
    this.#default = noAuthUser === undefined ? undefined : this.#users.find(noAuthUser);
    this.#isClosed = isClosed(config, this.#users);
    this.#mapsCertificates = config.certificateNamesUser === true;
    this.#passwords = new PasswordCheck(throttle ?? new Throttle(nowMs));
    this.required = this.#isClosed && this.#default === undefined;
    this.nonces = operator !== undefined || this.#users.byKey.size > 0;
  }

  readonly authenticate = (
    options: ConnectOptions,
    peer: Peer,
  ): Identity | Refusal | Promise<Identity | Refusal> => {
    if (this.#jwtUsers !== undefined) return this.#jwtUsers.authenticate(options, peer);
    if (options.nkey !== "" && this.#users.byKey.size > 0) return this.#byKey(options, peer);
    if (this.#mapsCertificates) return this.#byCertificate(peer);
    if (isBare(options)) return this.anonymous(peer) ?? refused;
    if (!this.#isClosed) return everybody;
    if (options.user !== "" && this.#users.byName.size > 0) return this.#byPassword(options, peer);
    return this.#byToken(options, peer);
  };

  anonymous(peer: Peer): Identity | undefined {
    if (this.#mapsCertificates && this.#users.byName.size > 0) return undefined;
    if (!this.#isClosed) return everybody;
    const user = this.#default;
    return user?.mayComeBy(peer) === true ? user.identity(Proof.ofNobody("default")) : undefined;
  }

  renew(identity: Identity, _options: ConnectOptions, peer: Peer): Identity | Refusal {
    const proof = identity.proof instanceof Proof ? identity.proof : Proof.ofNobody("nothing");
    const { kind, secret, token } = proof;
    if (kind === "jwt") {
      const users = this.#jwtUsers;
      return users === undefined || token === undefined ? refused : users.renew(token, peer);
    }
    if (kind === "nothing" || kind === "default") return this.anonymous(peer) ?? refused;
    if (kind === "token") {
      const isSame = secret !== undefined && this.#token?.equals(secret) === true;
      return isSame ? tokenHolder(proof) : refused;
    }
    if (kind === "certificate") return this.#mapsCertificates ? this.#byCertificate(peer) : refused;
    const user = (kind === "nkey" ? this.#users.byKey : this.#users.byName).get(identity.user);
    if (user === undefined || !user.mayComeBy(peer)) return refused;
    if (kind === "nkey") return user.identity(proof);
    const isSame = secret !== undefined && user.secret?.equals(secret) === true;
    return isSame ? user.identity(proof) : refused;
  }

  #byKey(options: ConnectOptions, peer: Peer): Identity | Refusal {
    const user = this.#users.byKey.get(options.nkey);
    const isSigned = verifySignature(user?.key ?? nobodysKey, peer.nonce, options.sig);
    const isIn = isSigned && peer.nonce !== "" && user?.mayComeBy(peer) === true;
    return isIn && user?.key !== undefined ? user.identity(Proof.ofKey("nkey")) : refused;
  }

  #byCertificate(peer: Peer): Identity | Refusal {
    const certificate = peer.tls?.certificate;
    const name = certificate && userOfCertificate(certificate, this.#names);
    const user = name === undefined ? undefined : this.#users.byName.get(name);
    if (user === undefined || !user.mayComeBy(peer)) return refused;
    return user.identity(Proof.ofKey("certificate"));
  }

  #byPassword(options: ConnectOptions, peer: Peer): Verdict {
    const { user: name, pass } = options;
    const user = this.#users.byName.get(name);
    const own = user?.secret;
    const decoy = this.#users.decoyFor(name); // found for all names, so that it takes the same time
    const secret = own ?? decoy;
    if (secret === undefined) return refused;
    const offer = { user: name, secret: pass, address: peer.address };
    return mapped(this.#passwords.check(secret, own !== undefined, offer), () =>
      user?.mayComeBy(peer) === true
        ? user.identity(Proof.ofSecret("password", secret.digest))
        : refused,
    );
  }

  #byToken(options: ConnectOptions, peer: Peer): Verdict {
    const secret = this.#token;
    if (secret === undefined) return refused;
    const offer = { user: "", secret: options.authToken, address: peer.address };
    return mapped(this.#passwords.check(secret, true, offer), () =>
      tokenHolder(Proof.ofSecret("token", secret.digest)),
    );
  }
}

type Verdict = Identity | Refusal | Promise<Identity | Refusal>;

const everybody: Identity = Object.freeze({
  account: globalAccount,
  user: "",
  permissions: undefined,
  proof: Proof.ofNobody("nothing"),
});

function tokenHolder(proof: Proof): Identity {
  return { account: globalAccount, user: "", permissions: undefined, proof };
}

/** Nobody comes in but by what is configured. */
function isClosed({ token, operator }: AuthConfig, users: Users): boolean {
  return token !== undefined || operator !== undefined || users.size > 0;
}

/** It sent no credentials; without an operator a JWT is none. */
function isBare({ user, pass, authToken, nkey }: ConnectOptions): boolean {
  return [user, pass, authToken, nkey].every((value) => value === "");
}

function mapped(fits: boolean | Promise<boolean>, identity: () => Identity | Refusal): Verdict {
  if (typeof fits === "boolean") return fits ? identity() : refused;
  return fits.then((isRight) => (isRight ? identity() : refused));
}
