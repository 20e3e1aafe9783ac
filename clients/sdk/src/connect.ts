// From an address to a client that is signed in, or to an error that says what to do.

import { Mq9Error } from "@mq9/protocol";
import { AuthorizationError, type NatsConnection } from "@nats-io/nats-core";
import { dial, surroundings } from "#transport";
import { abortedError, textOf } from "./errors.ts";
import { Link } from "./link.ts";
import { Mq9 } from "./mq9.ts";
import { type ConnectOptions, type Settings, settingsOf } from "./options.ts";
import { Broker } from "./remote/broker.ts";
import { RemoteApi } from "./remote/remote-api.ts";
import { findTelemetry } from "./trace.ts";

/**
 * Connects to a broker and resolves when signed in.
 * @throws {Mq9Error} `unreachable` (nobody there, or no TLS that both accept), `forbidden` (the
 * credentials were refused), `invalid` (an option), `aborted`
 */
export async function connect(url?: string | ConnectOptions): Promise<Mq9>;
export async function connect(url: string, options?: ConnectOptions): Promise<Mq9>;
export async function connect(
  first: string | ConnectOptions = {},
  options: ConnectOptions = {},
): Promise<Mq9> {
  const given = typeof first === "string" ? { ...options, url: first } : first;
  const settings = settingsOf(given, await surroundings());
  const [nc] = await Promise.all([open(settings), findTelemetry()]);
  const { url, timeoutMs, agent, pace, inboxPrefix } = settings;
  const link = new Link(nc, { url, timeoutMs, pace, inboxPrefix });
  const api = new RemoteApi(link, new Broker(link, given.dialect));
  return new Mq9(api, { agent });
}

async function open(settings: Settings): Promise<NatsConnection> {
  const { signal, webSocket } = settings.options;
  if (signal?.aborted) throw abortedError(signal, "connecting");
  const connecting = dial(settings.dial, webSocket);
  if (signal === undefined) return await connecting.catch(failing(settings));
  let abort: () => void = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
  });
  const nc = await Promise.race([connecting.catch(failing(settings)), aborted]).finally(() => {
    signal.removeEventListener("abort", abort);
  });
  if (nc !== undefined) return nc;
  // It may still come: nobody wants it any more.
  connecting.then(
    (late) => void late.close(),
    () => {},
  );
  throw abortedError(signal, "connecting");
}

function failing(settings: Settings): (error: unknown) => never {
  return (error) => {
    throw error instanceof Mq9Error ? error : explained(error, settings);
  };
}

const tlsTrouble: readonly (readonly [RegExp, string])[] = [
  [
    /self.signed|unable to (?:verify|get local)|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED/i,
    "its certificate is signed by nobody known here: give the authority's certificate as tls.caFile",
  ],
  [
    /altname|ERR_TLS_CERT_ALTNAME_INVALID/i,
    "its certificate is for another host name: use that one",
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/i, "its certificate has expired"],
  [
    /alert (?:certificate required|bad certificate|handshake failure|unknown ca)|certificate required|CERTIFICATE_REQUIRED/i,
    "it wants a certificate from this side: give tls.certFile and tls.keyFile",
  ],
  [
    /wrong version number|WRONG_VERSION|packet length too long/i,
    "TLS was begun and it does not speak TLS there",
  ],
  [/does not support 'tls'/i, "it has no TLS there: use nats:// instead of tls://"],
];

/** The failure of a dial in words that say what to do. */
export function explained(
  error: unknown,
  { url, identity, dial: { tls: given } }: Pick<Settings, "url" | "identity" | "dial">,
): Mq9Error {
  const text = deepTextOf(error);
  const cause = { cause: error };
  if (error instanceof AuthorizationError || /authorization violation|authentication/i.test(text)) {
    return new Mq9Error(
      "forbidden",
      `the broker at ${url} refused ${identity}: check the user, the password, the token or the creds`,
      cause,
    );
  }
  const tls = tlsTrouble.find(([pattern]) => pattern.test(text));
  if (tls !== undefined) {
    return new Mq9Error("unreachable", `no connection to the broker at ${url}: ${tls[1]}`, cause);
  }
  if (/unexpected response from server/i.test(text)) {
    return new Mq9Error(
      "unreachable",
      `what answers at ${url} is no broker: is that the port of another service? mq9 listens on 4222 by default`,
      cause,
    );
  }
  if (/ENOTFOUND|EAI_AGAIN/i.test(text)) {
    return new Mq9Error("unreachable", `no broker at ${url}: this host name is not known`, cause);
  }
  const why = /timeout/i.test(text)
    ? "it did not answer in time"
    : /refused/i.test(text)
      ? "nobody listens there"
      : text || "the connection could not be made";
  // A broker that wants a certificate ends such a connection without a word that gets here.
  if (/timeout/i.test(text) && given && !given.cert && !given.certFile) {
    return new Mq9Error(
      "unreachable",
      `no broker at ${url}: ${why}. Is it running? It may also want a certificate from this side: give tls.certFile and tls.keyFile`,
      cause,
    );
  }
  // A browser does not tell a page why.
  const advice = /^wss?:/.test(url)
    ? "Is it running, with a websocket block in its configuration that allows the origin of this page?"
    : "Is it running? Start it with: mq9 serve";
  return new Mq9Error("unreachable", `no broker at ${url}: ${why}. ${advice}`, cause);
}

/** Messages and codes of an error and its causes. */
function deepTextOf(error: unknown): string {
  const texts: string[] = [];
  for (let each = error, depth = 0; each !== undefined && depth < 4; depth += 1) {
    texts.push(textOf(each));
    const { code, cause } = each as { code?: unknown; cause?: unknown };
    if (typeof code === "string") texts.push(code);
    each = cause;
  }
  return texts.join(" ");
}
