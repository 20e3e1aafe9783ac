// Chromium on a page of a test, and the server that the page comes from and reports to.
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { findPeer, startChild } from "@mq9/testkit";

/** What a page tells; `step` says of what. */
export type Report = Readonly<Record<string, unknown>>;

/** Serves the page; reports of the browser end up in `reports`. */
export class PageServer implements AsyncDisposable {
  readonly reports: Report[] = [];
  readonly files = new Map<string, { type: string; body: string }>();
  readonly #server: Server = createServer(
    (request, response) => void this.#answer(request, response),
  );
  #wake: () => void = () => {};

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async report(step: string, ended: Promise<unknown>): Promise<Report> {
    for (;;) {
      const found = this.reports.find((report) => report["step"] === step);
      if (found !== undefined) return found;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const isOver = await Promise.race([woken.then(() => false), ended.then(() => true)]);
      if (isOver) throw new Error(`no report of "${step}", only ${JSON.stringify(this.reports)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/report") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      this.reports.push(JSON.parse(body) as Report);
      this.#wake();
    }
    const file = this.files.get(request.url ?? "");
    response.setHeader("Content-Type", file?.type ?? "text/plain");
    response.end(file?.body ?? "");
  }
}

/** A browser that runs. Disposing ends it. */
export interface Browser extends AsyncDisposable {
  /** Rejects when it ends by itself. */
  readonly ended: Promise<never>;
}

/**
 * Opens a page without a window.
 * @param folder for its profile
 * @param trusted certificate that it takes although nobody known signed it
 */
export function openBrowser(url: string, folder: string, trusted?: string): Browser {
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    `--user-data-dir=${path.join(folder, "profile")}`,
    ...(trusted === undefined ? [] : [`--ignore-certificate-errors-spki-list=${spkiOf(trusted)}`]),
  ];
  const browser = startChild(findPeer("chromium").path ?? "", [...flags, url]);
  const ended = browser.ended.then((): never => {
    throw new Error(`the browser ended:\n${browser.stderr}`);
  });
  ended.catch(() => {}); // it ends with the test
  return {
    ended,
    [Symbol.asyncDispose]: async () => {
      browser.process.kill("SIGTERM");
      await browser.ended;
    },
  };
}

function spkiOf(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey;
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64");
}
