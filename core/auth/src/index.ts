// Who a connection is and what it may do.
export {
  type AuthenticatorDeps,
  createAuthenticator,
  requiresCredentials,
  systemAccount,
} from "./authenticator.ts";
export { checkAuthConfig } from "./check-config.ts";
export type {
  AccountConfig,
  AuthConfig,
  ConnectionType,
  MailboxRules,
  MailRights,
  OperatorConfig,
  UserConfig,
} from "./config.ts";
export { AuthConfigError } from "./config-error.ts";
export { hashPassword, isHash, secretProblem } from "./secret.ts";
export { Throttle } from "./throttle.ts";
export { unknownName } from "./users.ts";
