// Copies of what was configured that do not show their secrets: printed or written as JSON they look
// as if there were none. Everything else reads them like the plain description.
import type { AuthConfig, UserConfig } from "./config.ts";

class SealedUser implements UserConfig {
  readonly user: string | undefined;
  readonly nkey: string | undefined;
  readonly permissions: UserConfig["permissions"];
  readonly mailboxes: UserConfig["mailboxes"];
  readonly connectionTypes: UserConfig["connectionTypes"];
  readonly limits: UserConfig["limits"];
  readonly #password: string | undefined;

  constructor(config: UserConfig) {
    this.user = config.user;
    this.nkey = config.nkey;
    this.permissions = config.permissions;
    this.mailboxes = config.mailboxes;
    this.connectionTypes = config.connectionTypes;
    this.limits = config.limits;
    this.#password = config.password;
    Object.freeze(this);
  }

  get password(): string | undefined {
    return this.#password;
  }
}

class SealedConfig implements AuthConfig {
  readonly users: AuthConfig["users"];
  readonly accounts: AuthConfig["accounts"];
  readonly systemAccount: AuthConfig["systemAccount"];
  readonly noAuthUser: AuthConfig["noAuthUser"];
  readonly defaultPermissions: AuthConfig["defaultPermissions"];
  readonly operator: AuthConfig["operator"];
  readonly certificateNamesUser: AuthConfig["certificateNamesUser"];
  readonly sharedInboxes: AuthConfig["sharedInboxes"];
  readonly #token: string | undefined;

  constructor(config: AuthConfig) {
    this.users = config.users && seal(config.users);
    this.accounts =
      config.accounts &&
      Object.freeze(
        config.accounts.map((account) => Object.freeze({ ...account, users: seal(account.users) })),
      );
    this.systemAccount = config.systemAccount;
    this.noAuthUser = config.noAuthUser;
    this.defaultPermissions = config.defaultPermissions;
    this.operator = config.operator;
    this.certificateNamesUser = config.certificateNamesUser;
    this.sharedInboxes = config.sharedInboxes;
    this.#token = config.token;
    Object.freeze(this);
  }

  get token(): string | undefined {
    return this.#token;
  }
}

function seal(users: readonly UserConfig[]): readonly UserConfig[] {
  return Object.freeze(users.map((user) => new SealedUser(user)));
}

/** The same description; secrets in it are read by name only. */
export function sealAuthConfig(config: AuthConfig): AuthConfig {
  return new SealedConfig(config);
}
