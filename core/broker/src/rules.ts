// What holds now of all that can change while a broker runs: who is let in, limits, encryption. Looks at the
// whole of a change before it applies any of it. Called by the broker.
import {
  type AuthConfig,
  createAuthenticator,
  requiresCredentials,
  systemAccount,
  Throttle,
} from "@mq9/auth";
import { defaultDialectOptions } from "@mq9/dialects";
import type { ChangingOptions, Mailboxes } from "@mq9/mailbox";
import type { Authenticator, Router, TlsOptions } from "@mq9/router";
import type { MailboxSpace } from "./mailbox-space.ts";
import { checkRanges, type RangedOptions } from "./option-ranges.ts";
import type { BrokerOptions, LimitOptions, MailboxOptions, TlsOptionsInput } from "./options.ts";
import { OptionsError } from "./options-error.ts";
import { checkReach } from "./reach.ts";
import { resolveAuth, resolveTls } from "./resolve-options.ts";

/** What can change while a broker runs; undefined = stays as it is. */
export interface BrokerReload {
  /** Only where the listener encrypts already. */
  readonly tls?: TlsOptionsInput | undefined;
  readonly websocketTls?: TlsOptionsInput | undefined;
  /** Connections that it does not let in any more are closed. `{}` = everybody is let in. */
  readonly auth?: AuthConfig | undefined;
  /** For connections from now on; those that are there are not ended by it. */
  readonly limits?: LiveLimits | undefined;
  /** For requests from now on; nothing that is stored is taken away by it. */
  readonly mailbox?: Partial<MailboxOptions> | undefined;
}

/** The limits that can change while a broker runs. */
export type LiveLimits = Partial<
  Pick<
    LimitOptions,
    | "maxPayloadBytes"
    | "maxControlLineBytes"
    | "maxPendingTotalBytes"
    | "maxPartialTotalBytes"
    | "maxConnectionsPerAddress"
    | "connectRatePerAddress"
    | "connectTimeoutMs"
    | "maxSubscriptionTokens"
    | "maxPendingBytes"
    | "maxConnections"
    | "maxSubscriptionsPerConnection"
    | "pingIntervalMs"
    | "pingMax"
    | "writeDeadlineMs"
    | "authTimeoutMs"
  >
>;

/** What is known of who is let in. */
export interface Admission {
  readonly authRequired: boolean;
  readonly systemAccount: string | undefined;
  readonly configuredAccounts: readonly string[];
}

function admissionOf(auth: AuthConfig | undefined): Admission {
  return {
    authRequired: auth !== undefined && requiresCredentials(auth),
    systemAccount: auth && systemAccount(auth),
    configuredAccounts: (auth?.accounts ?? []).map(({ name }) => name),
  };
}

/** What a change is applied to. */
export interface Ruled {
  readonly router: Pick<Router, "reloadLimits" | "reloadTls" | "reauthenticate">;
  readonly mailboxes: Pick<Mailboxes, "change">;
  readonly space: Pick<MailboxSpace, "change">;
}

export class Rules {
  readonly #options: BrokerOptions;
  readonly #throttle = new Throttle(Date.now);
  /** With what was changed since the start. */
  #ranged: RangedOptions;
  #auth: AuthConfig | undefined;
  #admission: Admission;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#ranged = options;
    this.#auth = options.auth;
    this.#admission = admissionOf(options.auth);
  }

  /** Undefined = everybody is let in. */
  get auth(): AuthConfig | undefined {
    return this.#auth;
  }

  get admission(): Admission {
    return this.#admission;
  }

  /** Lets in whom the rules of now let in; undefined = nobody has to ask. */
  authenticator(): Authenticator | undefined {
    const auth = this.#auth;
    return auth && createAuthenticator(auth, { nowMs: Date.now, throttle: this.#throttle });
  }

  /** @throws {OptionsError} when the change can not be used; nothing is changed then */
  change({ tls, websocketTls, auth, limits, mailbox }: BrokerReload, to: Ruled): void {
    const options = this.#options;
    const checked = auth && this.#checkedAuth(auth);
    const encryption = {
      tls: tls && checkedTls("tls", tls, options.tls),
      websocketTls:
        websocketTls && checkedTls("websocket.tls", websocketTls, options.websocket?.tls),
    };
    const next = {
      ...this.#ranged,
      limits: { ...this.#ranged.limits, ...limits },
      mailbox: { ...this.#ranged.mailbox, ...mailbox },
    };
    checkRanges(next);
    if (limits !== undefined) changeLimits(to.router, limits); // nothing after it can fail
    this.#ranged = next;
    to.mailboxes.change(domainLimits(next));
    to.space.change({ ...next.mailbox, replyBytesMax: replyBytesMax(next) });
    to.router.reloadTls(encryption);
    if (checked === undefined) return;
    this.#auth = checked;
    this.#admission = admissionOf(checked);
    to.router.reauthenticate(this.authenticator());
  }

  #checkedAuth(auth: AuthConfig): AuthConfig {
    const { host, websocket, insecure } = this.#options;
    const checked = resolveAuth(auth);
    checkReach("auth", host, { insecure, auth: checked });
    if (websocket !== undefined) checkReach("auth", websocket.host, { insecure, auth: checked });
    return checked;
  }
}

function changeLimits(
  router: Ruled["router"],
  { maxSubscriptionsPerConnection: maxSubscriptions, ...others }: LiveLimits,
): void {
  try {
    router.reloadLimits({
      ...others,
      ...(maxSubscriptions === undefined ? {} : { maxSubscriptions }),
    });
  } catch (error) {
    if (error instanceof RangeError) throw new OptionsError("limits", error.message);
    throw error;
  }
}

/** The options of the domain that may change. */
export function domainLimits({
  mailbox,
  limits,
}: Pick<BrokerOptions, "mailbox" | "limits">): ChangingOptions {
  return {
    activeMax: mailbox.activeMailboxesMax,
    mailboxMessagesMax: mailbox.messagesPerMailboxMax,
    mailboxBytesMax: mailbox.bytesPerMailboxMax,
    accountMailboxesMax: mailbox.mailboxesPerAccountMax,
    accountMessagesMax: mailbox.messagesPerAccountMax,
    accountBytesMax: mailbox.bytesPerAccountMax,
    dedupWindowMs: mailbox.dedupWindowMs,
    payloadBytesMax: limits.maxPayloadBytes,
  };
}

/** A reply is a message too. */
export function replyBytesMax({ limits }: Pick<BrokerOptions, "limits">): number {
  return Math.min(defaultDialectOptions.replyBytesMax, limits.maxPayloadBytes);
}

/** @param before what the listener began with; undefined = in clear */
function checkedTls(
  path: string,
  input: TlsOptionsInput,
  before: TlsOptions | undefined,
): TlsOptions {
  if (before !== undefined) return resolveTls(input, path);
  throw new OptionsError(path, "a listener in clear can not be encrypted while it runs");
}
