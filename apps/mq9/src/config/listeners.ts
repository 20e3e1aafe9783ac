// Blocks `tls` and `websocket` of a configuration file. Paths stay paths here: the files are read
// when the broker starts and again at every reload.
import { defaultTlsOptions, defaultWebSocketOptions } from "@mq9/router";
import type { ConfigNode } from "../nats-config/tree.ts";
import {
  Block,
  type Findings,
  fail,
  readBlock,
  readDuration,
  readFlag,
  readHostPort,
  readText,
  readTexts,
  readWhole,
} from "./blocks.ts";

/** What a block `tls` says. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  readonly verify: boolean;
  /** The certificate names the user. */
  readonly certificateNamesUser: boolean;
  /** TLS before INFO; milliseconds = only if the client speaks first within them. */
  readonly handshakeFirst: boolean | number;
  readonly timeoutMs: number;
  readonly pinnedCerts: readonly string[] | undefined;
  readonly minVersion: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** What a block `websocket` says. */
export interface WebSocketSettings {
  readonly host: string | undefined;
  /** 0 = any free one. */
  readonly port: number;
  readonly tls: TlsSettings | undefined;
  readonly sameOrigin: boolean;
  readonly allowedOrigins: readonly string[];
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly handshakeTimeoutMs: number;
  readonly cookies: WebSocketCookies;
}

/** Names of cookies that stand in for what CONNECT leaves out. */
export interface WebSocketCookies {
  readonly jwt: string | undefined;
  readonly user: string | undefined;
  readonly pass: string | undefined;
  readonly token: string | undefined;
}

/** How long `handshake_first: auto` waits for the client to speak. */
const autoHandshakeMs = 50;

/** Reads `tls { … }`. @returns undefined for an empty block */
export function readTls(node: ConfigNode, findings: Findings): TlsSettings | undefined {
  const map = readBlock(node, "tls");
  if (map.size === 0) return undefined;
  const block = new Block(map, findings);
  const certFile = block.read("cert_file", readText);
  const keyFile = block.read("key_file", readText);
  const caFile = block.read("ca_file", readText);
  const certificateNamesUser = block.read("verify_and_map", readFlag) ?? false;
  const verify = block.read("verify", readFlag) ?? false;
  const handshakeFirst =
    block.read(["handshake_first", "first", "immediate"], readHandshakeFirst) ?? false;
  const timeoutMs = block.read("timeout", readDuration) ?? defaultTlsOptions.timeoutMs;
  const pinnedCerts = block.read("pinned_certs", readPins);
  const minVersion = block.read("min_version", readMinVersion);
  block.pass(["cipher_suites", "curve_preferences"], "the platform's own choice is used");
  block.pass(["insecure", "connection_rate_limit"], "it is for other kinds of connections");
  block.refuse(
    [
      "certs",
      "certificates",
      "cert_store",
      "cert_match",
      "cert_match_by",
      "ca_certs_match",
      "ocsp_peer",
      "verify_cert_and_check_known_urls",
    ],
    "mq9 takes certificates from cert_file, key_file and ca_file alone",
  );
  block.finish();
  if (certFile === undefined || keyFile === undefined)
    return fail(node, "tls: needs cert_file and key_file");
  if (certificateNamesUser && caFile === undefined) fail(node, "tls: verify_and_map needs ca_file");
  return {
    certFile,
    keyFile,
    caFile,
    verify: verify || certificateNamesUser,
    certificateNamesUser,
    handshakeFirst,
    timeoutMs,
    pinnedCerts,
    minVersion,
  };
}

function readHandshakeFirst(node: ConfigNode, name: string): boolean | number {
  if (typeof node.value === "boolean") return node.value;
  if (node.value === "auto") return autoHandshakeMs;
  return readDuration(node, name);
}

function readPins(node: ConfigNode, name: string): string[] {
  const pins = readTexts(node, name).map((pin) => pin.toLowerCase());
  const wrong = pins.find((pin) => !/^[\da-f]{64}$/.test(pin));
  if (wrong !== undefined) fail(node, `${name}: ${wrong} is no SHA-256 in hex`);
  return pins;
}

function readMinVersion(node: ConfigNode, name: string): "TLSv1.2" | "TLSv1.3" {
  const { value } = node;
  if (value === "1.2" || value === 1.2) return "TLSv1.2";
  if (value === "1.3" || value === 1.3) return "TLSv1.3";
  return fail(node, `${name}: must be "1.2" or "1.3"`);
}

/** Reads `websocket { … }`. @returns undefined when it does not say where to listen */
export function readWebSocket(node: ConfigNode, findings: Findings): WebSocketSettings | undefined {
  const block = new Block(readBlock(node, "websocket"), findings);
  const listen = block.read("listen", readHostPort);
  const port = block.read("port", readWhole) ?? listen?.port ?? 0;
  const host = block.read(["host", "net"], readText) ?? listen?.host;
  const noTls = block.read("no_tls", readFlag) ?? false;
  const tls = block.read("tls", (inner) => readTls(inner, findings));
  const sameOrigin = block.read("same_origin", readFlag) ?? false;
  const allowedOrigins =
    block.read(
      ["allowed_origins", "allowed_origin", "allow_origins", "allow_origin", "origins", "origin"],
      readTexts,
    ) ?? [];
  const trustedProxies = block.read("trusted_proxies", readTexts) ?? [];
  const timeoutMs =
    block.read("handshake_timeout", readDuration) ?? defaultWebSocketOptions.handshakeTimeoutMs;
  const cookies: WebSocketCookies = {
    jwt: block.read("jwt_cookie", readText),
    user: block.read("user_cookie", readText),
    pass: block.read("pass_cookie", readText),
    token: block.read("token_cookie", readText),
  };
  const compression = block.node("compression");
  if (compression !== undefined && compression.value !== false) {
    findings.remark(compression.place, "compression is ignored: messages are sent as they are");
  }
  block.pass(["advertise", "ping_interval", "headers"], "mq9 has no such thing for WebSockets");
  block.refuse(
    ["authorization", "authentication", "no_auth_user"],
    "users come in the same way on every listener; give them allowed_connection_types instead",
  );
  block.finish();
  if (port === 0) return undefined; // as without the block
  if (port < -1 || port > 65_535) fail(node, `websocket: ${port} is no port`);
  if (tls === undefined && !noTls) {
    fail(
      node,
      "websocket: needs tls { cert_file, key_file }, or no_tls: true when something in front of it encrypts",
    );
  }
  return {
    host,
    port: port === -1 ? 0 : port,
    tls: noTls ? undefined : tls,
    sameOrigin,
    allowedOrigins,
    trustedProxies,
    handshakeTimeoutMs: timeoutMs,
    cookies,
  };
}
