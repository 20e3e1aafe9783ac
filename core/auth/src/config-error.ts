// The error of a description of users that can not be used.

/** Says where and what to do. Never repeats a secret. */
export class AuthConfigError extends Error {
  /** Path of the setting, for instance `accounts["A"].users["alice"].password`. */
  readonly where: string;

  constructor(where: string, message: string) {
    super(`${where}: ${message}`);
    this.name = "AuthConfigError";
    this.where = where;
  }
}
