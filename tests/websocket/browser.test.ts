// A browser on the page of docs/guide/browsers.md: a mailbox is made, mail waits while the page is away, requests
// are answered in clear and encrypted, and a page from elsewhere is turned away.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { createAuthority, findPeer, repositoryRoot, tempDir } from "@mq9/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { openBrowser, PageServer } from "../support/browser.ts";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { bundle } from "./bundle.ts";

const chromium = findPeer("chromium");
const open: AsyncDisposable[] = [];
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

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
  const browser = openBrowser(`${origin}/`, folder.path, server.cert);
  open.push(browser);
  return { page, elsewhere, ended: browser.ended };
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
