// INFO, and the identifiers in it.

import { randomBytes } from "node:crypto";

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

/** The object of an INFO line; clients look some of its fields up without asking. */
export function infoObject(server: ServerInfo, client: ClientInfo): Record<string, unknown> {
  return {
    server_id: server.serverId,
    server_name: server.serverName,
    version: server.version,
    proto: 1,
    go: `node${process.versions.node}`,
    host: server.host,
    port: server.port,
    headers: true,
    ...(client.authRequired ? { auth_required: true } : {}),
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
  const key = Buffer.alloc(35);
  key[0] = 0x68; // the type "server"
  randomBytes(32).copy(key, 1);
  key.writeUInt16LE(crc16(key.subarray(0, 33)), 33);
  return base32(key);
}

/** Fifteen characters that a client has to sign. */
export function newNonce(): string {
  return randomBytes(11).toString("base64url");
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Base32 without padding; 35 bytes make 56 characters. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}
