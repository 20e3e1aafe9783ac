// The description of users and accounts that an authenticator is made of: plain data, already free of
// files and environment. Configuration formats are read elsewhere (apps/mq9); nothing is checked here.
import type { PermissionRules, RateLimits } from "@mq9/router";

/** How a connection came in; users can be bound to some of them. */
export type ConnectionType = "STANDARD" | "WEBSOCKET" | "MQTT" | "HTTP";

/** Rights on mailboxes of the account, as patterns of mailbox names (`*` one token, `>` the rest). */
export interface MailboxRules {
  readonly send?: readonly string[] | undefined;
  /** Subscribe, fetch and settle. */
  readonly receive?: readonly string[] | undefined;
  readonly query?: readonly string[] | undefined;
  /** Create under these names, renew, drop, purge, redrive, hand out tokens. */
  readonly manage?: readonly string[] | undefined;
}

/** What `Identity.rights` holds for the owner of `$mq9.AI.`. Undefined there = no users are configured. */
export interface MailRights {
  /** Undefined = what it owns, and what the account's policy gives to everybody. */
  readonly mailboxes: MailboxRules | undefined;
  /** See `AccountConfig.sendTo`. */
  readonly sendTo: "anyone" | "granted";
  /** It is of the system account: may do everything with every mailbox of its account. */
  readonly isOperator: boolean;
}

/** Exactly one of `user` and `nkey`, or neither for a user that only a certificate names. */
export interface UserConfig {
  readonly user?: string | undefined;
  /** Plain, bcrypt (`$2a$…`), or scrypt (`$scrypt$…`, made by `mq9 passwd`). */
  readonly password?: string | undefined;
  /** Public user key, `U…`. */
  readonly nkey?: string | undefined;
  readonly permissions?: PermissionRules | undefined;
  readonly mailboxes?: MailboxRules | undefined;
  /** Undefined = all. */
  readonly connectionTypes?: readonly ConnectionType[] | undefined;
  /** What it may publish with all its connections together; undefined = as much as it can. */
  readonly limits?: RateLimits | undefined;
}

export interface AccountConfig {
  readonly name: string;
  readonly users: readonly UserConfig[];
  /** Connections of the account at one time; undefined = no limit. */
  readonly maxConnections?: number | undefined;
  /**
   * Who may send to a mailbox of the account whose name it knows: every user of it, or only those with
   * a right to. Default `anyone`.
   */
  readonly sendTo?: "anyone" | "granted" | undefined;
  /** For its users without permissions of their own; undefined = `AuthConfig.defaultPermissions`. */
  readonly defaultPermissions?: PermissionRules | undefined;
}

/** Trust in an operator: users prove themselves with JWTs. */
export interface OperatorConfig {
  /** JWTs of the operator, or its public key `O…`. */
  readonly operators: readonly string[];
  /** Account JWTs by public account key `A…`. */
  readonly accounts: ReadonlyMap<string, string>;
}

/** Everything an authenticator is made of. Nothing set = everybody comes in, into `$G`. */
export interface AuthConfig {
  /** Plain or a hash. */
  readonly token?: string | undefined;
  /** Users of the account `$G`. */
  readonly users?: readonly UserConfig[] | undefined;
  readonly accounts?: readonly AccountConfig[] | undefined;
  /** Name of the account that sees `$SYS.`; default `$SYS`. */
  readonly systemAccount?: string | undefined;
  /** A user by name: who sends no credentials is this one. */
  readonly noAuthUser?: string | undefined;
  /** For users without permissions of their own. */
  readonly defaultPermissions?: PermissionRules | undefined;
  readonly operator?: OperatorConfig | undefined;
  /**
   * Every user may subscribe to `_INBOX.>` and hear what others are answered, as on a nats-server.
   * Default: refused, as far as a pattern takes in inboxes whose names it does not know.
   */
  readonly sharedInboxes?: boolean | undefined;
  /** The client certificate names the user. */
  readonly certificateNamesUser?: boolean | undefined;
}
