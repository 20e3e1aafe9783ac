// Where a broker listens, and whether whoever reaches it there is asked who he is.
import { BlockList, isIP } from "node:net";
import { requiresCredentials } from "@mq9/auth";
import { checkWebSocketOptions } from "@mq9/router";
import type { BrokerOptions } from "./options.ts";
import { OptionsError } from "./options-error.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Whether listening on this host reaches this machine only. A name other than `localhost` may mean
 * anything tomorrow, so it does not count.
 */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === "localhost";
  return loopback.check(host, family === 4 ? "ipv4" : "ipv6");
}

/** @throws {OptionsError} for an address, port or name that is none, or that may not be listened on */
export function checkAddress(options: BrokerOptions): void {
  const { host, port, serverName } = options;
  if (host === "" || /[\s/]/.test(host)) {
    throw new OptionsError("host", `host ${JSON.stringify(host)} is no address or host name`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OptionsError(
      "port",
      `port ${port} is not between 0 and 65535 (0 or -1 = any free port)`,
    );
  }
  if (/\s/.test(serverName) || serverName.length > 128) {
    throw new OptionsError(
      "serverName",
      `server name ${JSON.stringify(serverName)} must be at most 128 characters without spaces`,
    );
  }
  checkReach("host", host, options);
  if (options.websocket !== undefined)
    checkReach("websocket.host", options.websocket.host, options);
}

/**
 * Checks that whoever reaches a listener is asked who they are.
 * @throws {OptionsError} when everybody in the network would be let in and nobody said that is meant
 */
export function checkReach(
  option: string,
  host: string,
  { insecure, auth }: Pick<BrokerOptions, "insecure" | "auth">,
): void {
  if (insecure || isLoopback(host)) return;
  if (auth !== undefined && requiresCredentials(auth)) return;
  throw new OptionsError(
    option,
    `refusing to listen on ${host} without authentication: everyone who can reach that address could read and write every mailbox whose name they know; listen on 127.0.0.1, or say so with the insecure option if the network itself is trusted`,
  );
}

/** @throws {OptionsError} for a listener that can not be, or would say in clear what has to stay secret */
export function checkWebSocket({ host, port, websocket, insecure }: BrokerOptions): void {
  if (websocket === undefined) return;
  try {
    checkWebSocketOptions(websocket);
  } catch (error) {
    if (error instanceof RangeError) throw new OptionsError("websocket", error.message);
    throw error;
  }
  if (port !== 0 && port === websocket.port && host === websocket.host) {
    throw new OptionsError(
      "websocket.port",
      `port ${port} can not serve both NATS and WebSocket clients`,
    );
  }
  if (websocket.tls === undefined && !insecure && !isLoopback(websocket.host)) {
    throw new OptionsError(
      "websocket.tls",
      `refusing to serve WebSocket clients on ${websocket.host} in clear: everyone on the way could read along; give it a certificate, or say so with the insecure option if something in front of it encrypts`,
    );
  }
}
