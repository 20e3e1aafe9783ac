// What a client says of itself in CONNECT. Parses its JSON; decides nothing.

import type { CookieCredentials } from "./listeners/transport.ts";

/** CONNECT as the router understands it. Text is decoded UTF-8. */
export interface ConnectOptions {
  readonly verbose: boolean;
  readonly pedantic: boolean;
  readonly echo: boolean;
  readonly headers: boolean;
  readonly noResponders: boolean;
  readonly protocol: number;
  /** Credentials; "" when absent. */
  readonly user: string;
  readonly pass: string;
  readonly authToken: string;
  readonly jwt: string;
  readonly nkey: string;
  readonly sig: string;
  readonly tlsRequired: boolean;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  /** It names an account, which no client may. */
  readonly namesAccount: boolean;
}

/** Fills in what a WebSocket handshake brought, where CONNECT says nothing. */
export function withCredentials(
  options: ConnectOptions,
  credentials: CookieCredentials | undefined,
): ConnectOptions {
  if (credentials === undefined) return options;
  const { jwt = "", user = "", pass = "", token = "" } = credentials;
  return {
    ...options,
    jwt: options.jwt || jwt,
    user: options.user || user,
    pass: options.pass || pass,
    authToken: options.authToken || token,
  };
}

/** What is kept once they were looked at. */
export function withoutSecrets(options: ConnectOptions): ConnectOptions {
  return { ...options, pass: "", authToken: "", jwt: "", sig: "" };
}

type Mutable = { -readonly [K in keyof ConnectOptions]: ConnectOptions[K] };

/** What holds for a connection that never sent CONNECT, and for keys that are absent. */
export const defaultConnectOptions: ConnectOptions = Object.freeze({
  verbose: true,
  pedantic: true,
  echo: true,
  headers: false,
  noResponders: false,
  protocol: 0,
  user: "",
  pass: "",
  authToken: "",
  jwt: "",
  nkey: "",
  sig: "",
  tlsRequired: false,
  name: "",
  lang: "",
  version: "",
  namesAccount: false,
});

const booleans: ReadonlyMap<string, BooleanKey> = new Map<string, BooleanKey>([
  ["verbose", "verbose"],
  ["pedantic", "pedantic"],
  ["echo", "echo"],
  ["headers", "headers"],
  ["no_responders", "noResponders"],
  ["tls_required", "tlsRequired"],
]);
const strings: ReadonlyMap<string, StringKey> = new Map<string, StringKey>([
  ["user", "user"],
  ["pass", "pass"],
  ["auth_token", "authToken"],
  ["jwt", "jwt"],
  ["nkey", "nkey"],
  ["sig", "sig"],
  ["name", "name"],
  ["lang", "lang"],
  ["version", "version"],
]);
type BooleanKey = "verbose" | "pedantic" | "echo" | "headers" | "noResponders" | "tlsRequired";
type StringKey =
  | "user"
  | "pass"
  | "authToken"
  | "jwt"
  | "nkey"
  | "sig"
  | "name"
  | "lang"
  | "version";

/**
 * Reads the argument of CONNECT. Keys are taken in any case, as stock servers do; unknown ones are
 * ignored, `null` counts as absent.
 * @returns undefined when it is neither a JSON object nor null, or a known key has the wrong type
 */
export function parseConnect(json: string): ConnectOptions | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (parsed === null) return defaultConnectOptions;
  if (typeof parsed !== "object" || Array.isArray(parsed)) return undefined;
  const options: Mutable = { ...defaultConnectOptions };
  for (const [key, value] of Object.entries(parsed)) {
    if (value !== null && !take(options, key.toLowerCase(), value)) return undefined;
  }
  return options;
}

/** @returns false when the value has the wrong type */
function take(options: Mutable, key: string, value: unknown): boolean {
  const boolean = booleans.get(key);
  if (boolean !== undefined) {
    if (typeof value !== "boolean") return false;
    options[boolean] = value;
    return true;
  }
  const string = strings.get(key);
  if (string !== undefined) {
    if (typeof value !== "string") return false;
    options[string] = value;
    return true;
  }
  if (key === "protocol") {
    if (!Number.isInteger(value) || Math.abs(value as number) >= 2 ** 63) return false;
    options.protocol = value as number;
  } else if (key === "account") {
    if (typeof value !== "string") return false;
    options.namesAccount ||= value !== "";
  } else if (key === "new_account") {
    if (typeof value !== "boolean") return false;
    options.namesAccount ||= value;
  }
  return true;
}
