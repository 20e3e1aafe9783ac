// Completes options with their defaults and checks them. Called by whoever makes a broker, and by the broker
// for what a reload brings.
import { type AuthConfig, AuthConfigError, checkAuthConfig } from "@mq9/auth";
import {
  checkTlsOptions,
  defaultTlsOptions,
  defaultWebSocketOptions,
  type TlsOptions,
  TlsOptionsError,
  type WebSocketOptions,
} from "@mq9/router";
import { checkRanges } from "./option-ranges.ts";
import {
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
import { OptionsError } from "./options-error.ts";
import { checkAddress, checkWebSocket, isLoopback } from "./reach.ts";

/**
 * Completes, checks and freezes options. The argument is left as it is.
 * @throws {OptionsError} naming the first option that is out of range or contradicts another
 */
export function resolveOptions(input: BrokerOptionsInput = {}): BrokerOptions {
  const top = withDefaults(
    {
      host: defaultOptions.host,
      port: defaultOptions.port,
      serverName: defaultOptions.serverName,
      insecure: defaultOptions.insecure,
    },
    {
      host: input.host,
      port: input.port,
      serverName: input.serverName,
      insecure: input.insecure,
    },
  );
  const options: BrokerOptions = {
    ...top,
    port: top.port === -1 ? 0 : top.port,
    tls: input.tls && resolveTls(input.tls, "tls"),
    websocket: input.websocket && resolveWebSocket(input.websocket, top.host),
    auth: input.auth && resolveAuth(input.auth),
    tap: input.tap ?? (isLoopback(top.host) && input.auth === undefined),
    limits: Object.freeze(withDefaults<LimitOptions>(defaultOptions.limits, input.limits)),
    mailbox: Object.freeze(withDefaults<MailboxOptions>(defaultOptions.mailbox, input.mailbox)),
    registry: Object.freeze(withDefaults<RegistryOptions>(defaultOptions.registry, input.registry)),
    disk: Object.freeze(withDefaults<DiskOptions>(defaultOptions.disk, input.disk)),
    shutdown: Object.freeze(withDefaults<ShutdownOptions>(defaultOptions.shutdown, input.shutdown)),
  };
  checkAddress(options);
  checkWebSocket(options);
  checkRanges(options);
  return Object.freeze(options);
}

/**
 * Checks who is let in.
 * @throws {OptionsError} naming what can not be used
 */
export function resolveAuth(auth: AuthConfig): AuthConfig {
  try {
    return checkAuthConfig(auth);
  } catch (error) {
    if (!(error instanceof AuthConfigError)) throw error;
    throw new OptionsError(`auth.${error.where}`, `auth.${error.message}`);
  }
}

/**
 * Completes and checks encryption.
 * @param path how the option is called in errors
 * @throws {OptionsError} when certificate and key can not be used
 */
export function resolveTls(input: TlsOptionsInput, path: string): TlsOptions {
  const { cert, key, ca, pinnedCerts, minVersion, ...rest } = input;
  const fixed = { cert, key, ca, pinnedCerts, minVersion };
  const tls = Object.freeze({ ...fixed, ...withDefaults(defaultTlsOptions, rest) });
  try {
    checkTlsOptions(tls);
  } catch (error) {
    if (!(error instanceof TlsOptionsError)) throw error;
    throw new OptionsError(`${path}.${error.option}`, error.message);
  }
  return tls;
}

function resolveWebSocket(input: WebSocketOptionsInput, host: string): WebSocketOptions {
  const { port, tls, cookies, trustedProxies, localOrigins, ...rest } = input;
  const chosen = withDefaults({ ...defaultWebSocketOptions, host, port: 0 }, rest);
  return Object.freeze({
    ...chosen,
    port: port === -1 ? 0 : port,
    localOrigins,
    tls: tls && resolveTls(tls, "websocket.tls"),
    cookies,
    trustedProxies,
  });
}

/** Fills what is missing; unlike a spread it takes an explicit `undefined` for missing too. */
function withDefaults<T extends object>(
  defaults: T,
  chosen: { readonly [K in keyof T]?: T[K] | undefined } | undefined,
): T {
  const result = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof T)[]) {
    const value = chosen?.[name];
    if (value !== undefined) result[name] = value;
  }
  return result;
}
