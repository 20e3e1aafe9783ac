// What `connect` may be told, and what becomes of it: addresses, credentials, and how the connection is
// kept. Credentials in an address are taken out of it, so that no error shows them.

import { Mq9Error } from "@mq9/protocol";
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
} from "@nats-io/nats-core";
import { encodeText } from "./codec.ts";
import { assertTimeout, timerMs } from "./numbers.ts";
import type { Dialect } from "./remote/broker.ts";
import type { DialOptions, Surroundings, WebSocketClass } from "./transport/transport.ts";

/** How to reach a broker and as whom. Everything has a default. */
export interface ConnectOptions {
  /**
   * `nats://`, `tls://`, `ws://`, `wss://`; one, or several separated by commas, of which any will do. May
   * hold `user:password@` or `token@`. Default in Node: `MQ9_URL`, then `NATS_URL`, then
   * `nats://127.0.0.1:4222`; in a browser there is none.
   */
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** The seed of an NKey, `SU…`. */
  readonly nkey?: string | undefined;
  /** The text of a creds file. Default in Node: the file that `MQ9_CREDS` names. */
  readonly creds?: string | undefined;
  /** Files or texts of certificates, as the NATS library takes them. Not in browsers. */
  readonly tls?: TlsOptions | undefined;
  /** How the broker's lists show this connection. Default: the agent's name. */
  readonly name?: string | undefined;
  /** The own agent's name: default group of consumers. Default in Node: `MQ9_AGENT`. */
  readonly agent?: string | undefined;
  /** Milliseconds that a call may take, reconnects included. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds until `connect` itself gives up. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Come back when the connection breaks. Default true, for as long as it takes. */
  readonly reconnect?: boolean | undefined;
  /**
   * Where answers arrive, for users whose rights name a prefix of their own. Default in Node:
   * `MQ9_INBOX_PREFIX`; else `_INBOX`.
   */
  readonly inboxPrefix?: string | undefined;
  /**
   * Speak this and nothing better: `mq9` everything, `msg` generation 2 as published, `mailbox` and
   * `inbox` the generations before. Default: found out.
   */
  readonly dialect?: Dialect | undefined;
  /** A class like the browser's, for ws:// where the platform has none (Node 20: that of `ws`). */
  readonly webSocket?: WebSocketClass | undefined;
  /** Gives up connecting. A connection that stands is not touched. */
  readonly signal?: AbortSignal | undefined;
}

/** A `ConnectOptions` with every gap filled. */
export interface Settings {
  readonly dial: DialOptions;
  /** How fast the connection is tried again. */
  readonly pace: Pace;
  /** Without credentials; several separated by commas. */
  readonly url: string;
  /** Completes "the broker refused …". */
  readonly identity: string;
  readonly agent: string | undefined;
  readonly timeoutMs: number;
  readonly inboxPrefix: string | undefined;
  readonly options: ConnectOptions;
}

const urlDefault = "nats://127.0.0.1:4222";
const timeoutMsDefault = 10_000;
const connectTimeoutMsDefault = 5_000;
const pingIntervalMs = 20_000;
const reconnectMsMax = 4_000;

/** @throws {Mq9Error} `invalid` naming what makes no sense */
export function settingsOf(options: ConnectOptions, around: Surroundings): Settings {
  assertTimeout("timeoutMs", options.timeoutMs);
  assertTimeout("connectTimeoutMs", options.connectTimeoutMs);
  const given = options.url ?? around.url ?? urlDefault;
  const addresses = given
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map(addressOf);
  if (addresses.length === 0) throw new Mq9Error("invalid", "the url is empty");
  const url = addresses.map((address) => address.url).join(",");
  const signedIn = credentialsOf(options, around, addresses[0]?.userInfo);
  const agent = options.agent ?? around.agent;
  const wantsTls = addresses.some((address) => address.url.startsWith("tls://"));
  const name = options.name ?? agent;
  const inboxPrefix = options.inboxPrefix ?? around.inboxPrefix;
  const pace = new Pace();
  const dial: DialOptions = {
    servers: addresses.map((address) => address.url),
    ...(name === undefined ? {} : { name }),
    ...(signedIn.authenticator === undefined ? {} : { authenticator: signedIn.authenticator }),
    ...(options.tls !== undefined ? { tls: options.tls } : wantsTls ? { tls: {} } : {}),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    timeout: timerMs(options.connectTimeoutMs ?? connectTimeoutMsDefault),
    reconnect: options.reconnect ?? true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => pace.delayMs,
    pingInterval: pingIntervalMs,
    noAsyncTraces: true,
    ignoreClusterUpdates: false,
  };
  return {
    dial,
    pace,
    url,
    identity: signedIn.identity,
    agent,
    timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    inboxPrefix,
    options,
  };
}

/**
 * The pause before a connection is tried again: at once first, then longer with each failure. Everybody
 * loses a broker that restarts at the same time and should not come back in the same instant.
 */
export class Pace {
  #failures = 0;
  #delayMs = firstDelayMs();

  /** The library asks several times for one pause: the answer stays the same until the next try. */
  get delayMs(): number {
    return this.#delayMs;
  }

  tried(): void {
    this.#failures += 1;
    const most = Math.min(reconnectMsMax, 100 * 2 ** Math.min(this.#failures, 6));
    this.#delayMs = most / 2 + Math.random() * (most / 2);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#delayMs = firstDelayMs();
  }
}

function firstDelayMs(): number {
  return 10 + Math.random() * 90;
}

interface Address {
  readonly url: string;
  readonly userInfo: string | undefined;
}

/** What stands before the last `@` is who one is, as everywhere: passwords hold such letters. */
const addressPattern =
  /^(?:([a-z]+):\/\/)?(?:(.*)@)?((?:\[[^\]\s]*\]|[^@/?#\s:[\]]+)(?::\d*)?)(\/(?!\/)[^@]*|[?#][^@]*)?$/is;

function addressOf(text: string): Address {
  const [, scheme = "nats", userInfo, host = "", path = ""] = addressPattern.exec(text) ?? [];
  if (host === "" || !/^(?:nats|tls|ws|wss)$/i.test(scheme)) {
    // Half of an address with a comma in its password is one that ends in a piece of it.
    const shown = text.replace(/^([a-z]+:\/\/)?.*@/is, "$1…@").replace(/:(?!\/\/|\d*$).*/s, ":…");
    throw new Mq9Error(
      "invalid",
      `'${shown}' is no address of a broker: write nats://host:4222, tls://, ws:// or wss://`,
    );
  }
  return { url: `${scheme.toLowerCase()}://${host}${/^ws/i.test(scheme) ? path : ""}`, userInfo };
}

function credentialsOf(
  options: ConnectOptions,
  around: Surroundings,
  userInfo: string | undefined,
): { authenticator: Authenticator | undefined; identity: string } {
  const [urlUser, urlPassword] = (userInfo ?? "").split(/:(.*)/s).map(decoded);
  if (options.nkey !== undefined) {
    const seed = encodeText(options.nkey.trim());
    return checked("nkey", "the NKey", () => nkeyAuthenticator(seed));
  }
  const isNamed =
    options.user !== undefined || options.token !== undefined || userInfo !== undefined;
  const creds = options.creds ?? (isNamed ? undefined : around.creds);
  if (creds !== undefined) {
    const bytes = encodeText(creds);
    return checked("creds", "the creds", () => credsAuthenticator(bytes));
  }
  const user = options.user ?? (urlPassword === undefined ? undefined : urlUser);
  if (user !== undefined) {
    const pass = options.password ?? urlPassword ?? "";
    return { authenticator: () => ({ user, pass }), identity: `user '${user}' with this password` };
  }
  const token = options.token ?? (urlUser === "" ? undefined : urlUser);
  if (token !== undefined) {
    return { authenticator: () => ({ auth_token: token }), identity: "this token" };
  }
  return { authenticator: undefined, identity: "a connection without credentials" };
}

/** The library reads seeds only when it signs: what is no seed should be said before anybody dials. */
function checked(
  option: string,
  identity: string,
  make: () => Authenticator,
): { authenticator: Authenticator; identity: string } {
  try {
    const authenticator = make();
    authenticator("probe");
    return { authenticator, identity };
  } catch (error) {
    throw new Mq9Error("invalid", `the option ${option} holds no valid credentials`, {
      cause: error,
    });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
