// INFO, and the identifiers in it.

import { randomBytes } from "node:crypto";
import { encodeNkey } from "@mq9/wire";
import type { Entrance } from "./listeners/transport.ts";

/** What every connection is told of the server. */
export interface ServerInfo {
  readonly serverId: string;
  readonly serverName: string;
  /** A NATS version, which clients derive features from. */
  readonly version: string;
  /** Our own version, in a field that clients do not know. */
  readonly productVersion: string;
  readonly host: string;
  readonly port: number;
  readonly maxPayloadBytes: number;
}

/** What one connection is told besides. */
export interface ClientInfo {
  readonly clientId: number;
  readonly clientIp: string;
  readonly authRequired: boolean;
  /** "" for none. */
  readonly nonce: string;
  /** The server is about to stop. */
  readonly lameDuck: boolean;
}

/**
 * The object of an INFO line; clients look some of its fields up without asking.
 * @param entrance how this connection came in, if that differs from what the server says of itself
 */
export function infoObject(
  server: ServerInfo,
  client: ClientInfo,
  entrance?: Entrance,
): Record<string, unknown> {
  return {
    server_id: server.serverId,
    server_name: server.serverName,
    version: server.version,
    proto: 1,
    go: `node${process.versions.node}`,
    host: entrance?.host ?? server.host,
    port: entrance?.port ?? server.port,
    headers: true,
    ...(client.authRequired ? { auth_required: true } : {}),
    ...(entrance?.tls === "required" ? { tls_required: true } : {}),
    ...(entrance?.tls === "available" ? { tls_available: true } : {}),
    ...(entrance?.tlsVerify === true ? { tls_verify: true } : {}),
    max_payload: server.maxPayloadBytes,
    client_id: client.clientId,
    client_ip: client.clientIp,
    ...(client.nonce === "" ? {} : { nonce: client.nonce }),
    ...(client.lameDuck ? { ldm: true } : {}),
    ...(server.productVersion === "" ? {} : { mq9: server.productVersion }),
  };
}

/** A new server identifier: 56 characters that begin with `N`, as a public server key is written. */
export function newServerId(): string {
  return encodeNkey("N", randomBytes(32));
}

/** Fifteen characters that a client has to sign. */
export function newNonce(): string {
  return randomBytes(11).toString("base64url");
}
