// Whom a request may take this machine for. A page from elsewhere can make a browser ask 127.0.0.1
// under a name of its own; such a request is refused, so that the page never reads the answer.
import { isLoopback } from "@mq9/broker";

const ownNames: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Whether a request may be answered.
 * @param host all its Host headers
 * @param localAddress where it came in
 * @param allowed names beside those of the machine itself
 */
export function isAllowedHost(
  host: readonly string[],
  localAddress: string,
  allowed: readonly string[],
): boolean {
  const [first] = host;
  if (host.length > 1) return false;
  // Without one it comes from no browser: health checks of load balancers speak HTTP/1.0.
  if (first === undefined || !isLoopback(localAddress.replace(/^::ffff:/, ""))) return true;
  const name = nameOf(first);
  return (
    name !== undefined &&
    (ownNames.has(name) || allowed.some((each) => each.toLowerCase() === name))
  );
}

/** The name in a Host header, without its port. */
function nameOf(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}
