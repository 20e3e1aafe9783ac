// The assembled broker: what it can be told, and how it is started and stopped.
export type {
  AuditActor,
  AuditEvent,
  AuditFact,
  AuditKind,
  AuditSink,
  AuthFailure,
} from "./audit.ts";
export {
  Broker,
  type BrokerAddress,
  type BrokerDeps,
  createBroker,
} from "./broker.ts";
export type { DiskReserve } from "./disk-guard.ts";
export { type DiskMarks, diskMarks } from "./disk-marks.ts";
export { type Log, type LogFields, type LogValue, silentLog } from "./log.ts";
export { Meters } from "./meters.ts";
export {
  type Accountz,
  type Accstatz,
  accountz,
  accountzQuery,
  accstatz,
  accstatzQuery,
} from "./monitor/accountz.ts";
export { type Connz, connz, connzQuery } from "./monitor/connz.ts";
export {
  gatewayz,
  type Healthz,
  healthz,
  jsz,
  leafz,
  type Readyz,
  readyz,
  routez,
} from "./monitor/healthz.ts";
export { MonitorError, type Parameters, queryParameters } from "./monitor/parameters.ts";
export { type Subsz, subscriptionCount, subsz, subszQuery } from "./monitor/subsz.ts";
export { connectionCount, type Varz, varz } from "./monitor/varz.ts";
export type { HttpFacts, MonitorView, Readiness, StoredFigures } from "./monitor/view.ts";
export {
  type BrokerOptions,
  type BrokerOptionsInput,
  type DiskOptions,
  defaultOptions,
  type LimitOptions,
  type MailboxOptions,
  type RegistryOptions,
  type ShutdownOptions,
  type TlsOptionsInput,
  type WebSocketOptionsInput,
} from "./options.ts";
export { OptionsError, type OutOfRange } from "./options-error.ts";
export { type Principal, QuarantineError, type QuarantineKeeper } from "./quarantines.ts";
export { isLoopback } from "./reach.ts";
export { resolveOptions } from "./resolve-options.ts";
export type { BrokerReload, LiveLimits } from "./rules.ts";
