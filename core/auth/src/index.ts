// Who a connection is and what it may do.
export type {
  AccountConfig,
  AuthConfig,
  ConnectionType,
  MailboxRules,
  MailRights,
  OperatorConfig,
  UserConfig,
} from "./config.ts";
