// Who gets in, and how what they say is encrypted: puts flags and blocks of the file together and
// reads certificates. Called at the start and at every reload.
import { readFileSync } from "node:fs";
import type { AuthConfig } from "@mq9/auth";
import {
  checkTlsOptions,
  defaultTlsOptions,
  type TlsOptions,
  TlsOptionsError,
  type WebSocketOptions,
} from "@mq9/router";
import { usageError } from "../exit-codes.ts";
import type { Resolved } from "./layers.ts";
import type { TlsSettings, WebSocketSettings } from "./listeners.ts";
import { fileKey, type SettingName, type Settings } from "./settings.ts";

/** What a broker is told about it. */
export interface Access {
  /** Undefined = everybody gets in. */
  readonly auth: AuthConfig | undefined;
  /** Time for CONNECT; undefined = the default. */
  readonly authTimeoutMs: number | undefined;
  readonly tls: TlsOptions | undefined;
  readonly websocket: WebSocketOptions | undefined;
}

/**
 * @throws {ExitError} when flags contradict, or a certificate can not be read
 */
export function accessOf(resolved: Resolved): Access {
  const { settings, blocks } = resolved;
  const fileTls = tlsOfFlags(settings) ?? blocks?.tls;
  const webSocket = blocks?.webSocket;
  return {
    auth: authOf(resolved),
    authTimeoutMs: blocks?.authorization?.timeoutMs,
    tls: fileTls === undefined ? undefined : readTlsFiles(fileTls, blocks?.allowNonTls === true),
    websocket: webSocket === undefined ? undefined : webSocketOf(webSocket, settings.host),
  };
}

/**
 * Who gets in; undefined = everybody.
 * @throws {ExitError} when flags contradict
 */
export function authOf({ settings, blocks }: Resolved): AuthConfig | undefined {
  const { user, pass, auth: token } = settings;
  const tls = tlsOfFlags(settings) ?? blocks?.tls;
  if ((user === "") !== (pass === "")) throw usageError("--user and --pass belong together");
  if (user !== "" && token !== "") throw usageError("either --user and --pass, or --auth");
  // As with a nats-server, one user or token given by hand takes the place of those in the file.
  const given = user !== "" || token !== "";
  const fromFile = given ? undefined : blocks?.authorization;
  const users = user === "" ? (fromFile?.users ?? []) : [{ user, password: pass }];
  const config: AuthConfig = {
    token: token === "" ? fromFile?.token : token,
    users: users.length === 0 ? undefined : users,
    accounts: blocks?.accounts,
    systemAccount: blocks?.systemAccount,
    noAuthUser: blocks?.noAuthUser,
    defaultPermissions: blocks?.authorization?.defaultPermissions,
    operator: blocks?.operator,
    sharedInboxes: settings.sharedInboxes || undefined,
    certificateNamesUser: tls?.certificateNamesUser === true ? true : undefined,
  };
  const { token: any, users: some, accounts, operator } = config;
  const isEmpty = any === undefined && some === undefined && operator === undefined;
  return isEmpty && accounts === undefined ? undefined : config;
}

const tlsFlags: readonly SettingName[] = ["tlsCaCert", "tlsVerify"];

function tlsOfFlags(settings: Settings): TlsSettings | undefined {
  const { tlsCert, tlsKey, tlsCaCert, tlsVerify } = settings;
  if (tlsCert === "" && tlsKey === "") {
    const alone = tlsFlags.find((name) => settings[name] !== "" && settings[name] !== false);
    if (alone !== undefined) throw usageError(`${fileKey(alone)} needs tls_cert and tls_key`);
    return undefined;
  }
  if (tlsCert === "" || tlsKey === "") throw usageError("tls_cert and tls_key belong together");
  if (tlsVerify && tlsCaCert === "") throw usageError("tls_verify needs tls_ca_cert");
  return {
    certFile: tlsCert,
    keyFile: tlsKey,
    caFile: tlsCaCert === "" ? undefined : tlsCaCert,
    verify: tlsVerify,
    certificateNamesUser: false,
    handshakeFirst: defaultTlsOptions.handshakeFirst,
    timeoutMs: defaultTlsOptions.timeoutMs,
    pinnedCerts: undefined,
    minVersion: undefined,
  };
}

function readTlsFiles(tls: TlsSettings, allowNonTls: boolean): TlsOptions {
  const { certFile, keyFile, caFile, verify, handshakeFirst, timeoutMs, pinnedCerts, minVersion } =
    tls;
  const options: TlsOptions = {
    cert: readPem(certFile, "certificate"),
    key: readPem(keyFile, "private key"),
    ca: caFile === undefined ? undefined : readPem(caFile, "certificate authorities"),
    verify,
    handshakeFirst,
    allowNonTls,
    timeoutMs,
    pinnedCerts,
    minVersion,
  };
  try {
    checkTlsOptions(options);
  } catch (error) {
    if (!(error instanceof TlsOptionsError)) throw error;
    const culprits: Readonly<Record<string, string>> = {
      cert: ` (${certFile})`,
      key: ` (${certFile}, ${keyFile})`,
      ca: caFile === undefined ? ": set ca_file" : ` (${caFile})`,
    };
    throw usageError(`${error.message}${culprits[error.option] ?? ""}`);
  }
  return options;
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw usageError(`the ${what} ${path} can not be read: ${(error as Error).message}`);
  }
}

function webSocketOf(settings: WebSocketSettings, host: string): WebSocketOptions {
  const { tls, cookies, port, sameOrigin, allowedOrigins, trustedProxies } = settings;
  const { handshakeTimeoutMs } = settings;
  const hasCookies = Object.values(cookies).some((name) => name !== undefined);
  return {
    host: settings.host ?? host,
    port,
    tls: tls === undefined ? undefined : readTlsFiles(tls, false),
    sameOrigin,
    trustedProxies,
    allowedOrigins,
    handshakeTimeoutMs,
    cookies: hasCookies ? cookies : undefined,
  };
}
