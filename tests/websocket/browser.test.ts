// A browser on the page of docs/guide/browsers.md: a mailbox is made, mail waits while the page is away, requests
// are answered in clear and encrypted, and a page from elsewhere is turned away.

import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createAuthority, findPeer, repositoryRoot, startChild, tempDir } from "@mq9/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { bundle } from "./bundle.ts";

const chromium = findPeer("chromium");
const open: AsyncDisposable[] = [];
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

type Report = Readonly<Record<string, unknown>>;

/** Serves the page; reports of the browser end up in `reports`. */
class PageServer implements AsyncDisposable {
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

/** The page of the guide with this address in it, and the journey beside it. */
async function pageOf(address: string): Promise<string> {
  const guide = await readFile(path.join(repositoryRoot, "docs/guide/browsers.md"), "utf8");
  const [, page] = /```html\n([\s\S]*?)```/.exec(guide) ?? [];
  expect(page).toContain("ws://127.0.0.1:8080");
  const journey = '<script type="module" src="/journey.js"></script>';
  return `${page?.replace("ws://127.0.0.1:8080", address)}${journey}`;
}

async function journey(): Promise<{
  page: PageServer;
  elsewhere: PageServer;
  ended: Promise<unknown>;
}> {
  const folder = await tempDir("mq9-browser");
  open.push(folder);
  const authority = await createAuthority(folder.path);
  const altNames = "DNS:localhost,IP:127.0.0.1";
  const server = await authority.issue("server", { subject: "/CN=localhost", altNames });
  const page = new PageServer();
  const elsewhere = new PageServer();
  open.push(page, elsewhere);
  const origin = await page.listen();
  const foreign = await elsewhere.listen();
  const allowedOrigins = [origin];
  const plain = await brokerInProcess({ websocket: { port: 0, allowedOrigins } });
  const tls = { cert: server.cert, key: server.key };
  const encrypted = await brokerInProcess({ websocket: { port: 0, allowedOrigins, tls } });
  open.push(plain, encrypted);
  const address = (broker: BrokerInProcess, scheme: string): string =>
    `${scheme}://127.0.0.1:${broker.address.websocket?.port}`;
  const settings = {
    plain: address(plain, "ws"),
    encrypted: address(encrypted, "wss"),
    foreign: `${foreign}/`,
  };
  const script = "text/javascript";
  for (const each of [page, elsewhere]) {
    each.files.set("/", { type: "text/html", body: await pageOf(settings.plain) });
    each.files.set("/journey.js", {
      type: script,
      body: await readFile(path.join(import.meta.dirname, "journey.js"), "utf8"),
    });
    each.files.set("/nats-core.js", {
      type: script,
      body: await bundle("@nats-io/nats-core", ["wsconnect"]),
    });
    each.files.set("/settings", { type: "application/json", body: JSON.stringify(settings) });
  }
  const spki = new X509Certificate(server.cert).publicKey.export({ type: "spki", format: "der" });
  const trusted = createHash("sha256").update(spki).digest("base64");
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
    `--user-data-dir=${path.join(folder.path, "profile")}`,
    `--ignore-certificate-errors-spki-list=${trusted}`,
  ];
  const browser = startChild(chromium.path ?? "", [...flags, `${origin}/`]);
  open.push({
    [Symbol.asyncDispose]: async () => {
      browser.process.kill("SIGTERM");
      await browser.ended;
    },
  });
  const ended = browser.ended.then(() => {
    throw new Error(`the browser ended:\n${browser.stderr}`);
  });
  ended.catch(() => {}); // it ends with the test
  return { page, elsewhere, ended };
}

describe.skipIf(chromium.path === undefined)(`Chromium ${chromium.reason}`, () => {
  it("makes a mailbox, sends, comes back, asks, drains; a foreign page may not", async () => {
    const { page, elsewhere, ended } = await journey();
    const patience = new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    const over = Promise.race([ended, patience]);
    const sent = await page.report("sent", over);
    expect(sent["html"]).toBe("&lt;b&gt;left on the table&lt;/b&gt;");
    const back = await page.report("came back", over);
    expect(back).toMatchObject({ address: sent["address"], text: "<b>left on the table</b>" });
    const answered = { reply: "me too", isWhole: true, closed: true };
    expect(await page.report("ws", over)).toMatchObject(answered);
    expect(await page.report("wss", over)).toMatchObject(answered);
    expect(await elsewhere.report("elsewhere", over)).toMatchObject({ opened: false });
  }, 90_000);
});
