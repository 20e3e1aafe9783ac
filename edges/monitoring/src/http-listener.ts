// A small HTTP server that can only be read from: bounded headers, times and connections, two
// methods, no bodies. Knows paths and answers, not what they are about.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Answer, Answerer } from "./answer.ts";
import { isAllowedHost } from "./hosts.ts";
import { jsonText } from "./json-writer.ts";
import { type LongAnswerLimits, LongAnswers } from "./long-answers.ts";

/** Where a listener is. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** A listener that is open. */
export interface HttpListener {
  readonly address: HttpAddress;
  /** Ends it and all its connections. Idempotent. */
  close(): Promise<void>;
}

/** Where to listen, and who may ask. */
export interface HttpOptions extends HttpAddress {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Hears of a request that a defect of ours kept from being answered. */
  readonly failed: (error: unknown) => void;
  readonly longAnswers?: Partial<LongAnswerLimits> | undefined;
}

const limits = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const;
/** Connections at one time: scrapers, probes and a few people. */
const connectionsMax = 128;
const requestsPerConnectionMax = 1_000;
const headersMax = 64;
/** A reader that takes nothing for so long is gone. */
const silenceMs = 15_000;

/** @throws what the platform says when it can not listen */
export async function listenHttp(options: HttpOptions, answerer: Answerer): Promise<HttpListener> {
  const longAnswers = new LongAnswers(options.longAnswers);
  const server = createServer(limits, (request, response) => {
    void serve({ ...options, longAnswers }, answerer, request, response);
  });
  server.maxConnections = connectionsMax;
  server.maxRequestsPerSocket = requestsPerConnectionMax;
  server.maxHeadersCount = headersMax;
  server.setTimeout(silenceMs);
  server.on("checkContinue", (_request, response) => refuseBody(response));
  const address = await listen(server, options);
  let closed: Promise<void> | undefined;
  return {
    address,
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

async function listen(server: Server, { host, port }: HttpAddress): Promise<HttpAddress> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", () => {}); // a failed accept: whoever asks tries again
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no TCP address");
  return { host: bound.address, port: bound.port };
}

async function serve(
  options: Omit<HttpOptions, "longAnswers"> & { readonly longAnswers: LongAnswers },
  answerer: Answerer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on("error", () => {}); // the reader is gone, which "close" says too
  setCommonHeaders(options, request, response);
  try {
    const hosts = request.headersDistinct["host"] ?? [];
    if (!isAllowedHost(hosts, request.socket.localAddress ?? "", options.allowedHosts)) {
      plain(response, 403, "this host name is not one of the broker's\n");
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      plain(response, 405, "only GET and HEAD\n");
    } else if (hasBody(request)) {
      refuseBody(response);
    } else {
      const url = targetOf(request.url ?? "");
      if (url === undefined) plain(response, 400, "malformed request target\n");
      else {
        const answer = await answerer({ path: url.pathname, query: url.searchParams });
        await write(response, answer, options.longAnswers);
      }
    }
  } catch (error) {
    options.failed(error); // whoever asks must not learn from it
    if (response.headersSent) response.destroy();
    else plain(response, 500, "internal error\n");
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** What comes after it on this connection can not be trusted to be a request. */
function refuseBody(response: ServerResponse): void {
  response.setHeader("Connection", "close");
  plain(response, 400, "a request here has no body\n");
}

/** Only the plain form; a target that names another server is malformed. */
function targetOf(target: string): URL | undefined {
  if (!target.startsWith("/")) return undefined;
  try {
    return new URL(`http://x${target}`);
  } catch {
    return undefined;
  }
}

function setCommonHeaders(
  { allowedOrigins }: Pick<HttpOptions, "allowedOrigins">,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  response.setHeader("Referrer-Policy", "no-referrer");
  const { origin } = request.headers;
  if (allowedOrigins.length === 0) {
    response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
  } else if (allowedOrigins.includes("*")) {
    response.setHeader("Access-Control-Allow-Origin", "*");
  } else {
    response.setHeader("Vary", "Origin");
    if (origin !== undefined && allowedOrigins.includes(origin)) {
      response.setHeader("Access-Control-Allow-Origin", origin);
    }
  }
}

async function write(
  response: ServerResponse,
  answer: Answer,
  longAnswers: LongAnswers,
): Promise<void> {
  switch (answer.kind) {
    case "status":
      response.statusCode = answer.status;
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify(answer.body));
      return;
    case "json":
      response.setHeader("Content-Type", "application/json");
      response.end(`${jsonText(answer.body)}\n`);
      return;
    case "list":
      response.setHeader("Content-Type", "application/json");
      await longAnswers.serve(response, answer.build);
      return;
    case "text":
      response.setHeader("Content-Type", answer.type);
      response.end(answer.text);
      return;
    case "page":
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.setHeader("Content-Security-Policy", answer.policy);
      response.end(answer.html);
      return;
    case "refused":
      plain(response, 400, `${answer.message}\n`);
      return;
    case "missing":
      plain(response, 404, "404 page not found\n");
      return;
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(text);
}
