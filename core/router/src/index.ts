export { networkOf } from "./address-limits.ts";
export { type ConnectOptions, parseConnect } from "./connect-options.ts";
export { Connection, type ConnectionState } from "./connection.ts";
export type { Refused, RouterHooks, RouterStats } from "./hub.ts";
export {
  type Authenticate,
  type Authenticator,
  createPermissions,
  globalAccount,
  type Identity,
  type Peer,
  type PeerCertificate,
  type PeerKind,
  type PeerTls,
  type PermissionRules,
  type Permissions,
  type Refusal,
  type ResponseGrant,
  type SubjectRules,
} from "./identity.ts";
export type { ServerInfo } from "./info.ts";
export type { KeepAlive } from "./keepalive.ts";
export {
  checkTlsOptions,
  defaultTlsOptions,
  type TlsOptions,
  TlsOptionsError,
} from "./listeners/tls-options.ts";
export type {
  Accept,
  CookieCredentials,
  Entrance,
  Listener,
  Transport,
  TransportEvents,
} from "./listeners/transport.ts";
export {
  checkWebSocketOptions,
  defaultWebSocketOptions,
  type WebSocketOptions,
} from "./listeners/websocket.ts";
export type { CookieNames, OriginRules } from "./listeners/websocket-handshake.ts";
export {
  defaultRouterOptions,
  type RouterLimits,
  type RouterOptions,
  resolveRouterOptions,
} from "./options.ts";
export type { Outbox } from "./outbox.ts";
export { Pace, type RateLimits } from "./pace.ts";
export {
  createRouter,
  type DrainTimes,
  type Router,
  type RouterAddress,
  type TlsReload,
} from "./router.ts";
export { everyAccount, type ServedHandler, type ServedRequest } from "./served-subjects.ts";
export type { Client, Hold, RouterServices, SubjectSpace } from "./subject-space.ts";
export { MatchResult, Sublist, type SublistStats } from "./sublist.ts";
export type { DeliveryFilter, Subscription, SubscriptionRequest } from "./subscription.ts";
export type { Trace } from "./tracing.ts";
