// The SDK in Chromium, over WebSocket, with the files that are published: it sends, fetches, follows a mailbox,
// and goes on when its broker is killed and started again. Nothing of Node is loaded.
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import path from "node:path";
import { findPeer, repositoryRoot, startBroker, startChild, tempDir } from "@mq9/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { bundle } from "../websocket/bundle.ts";

const chromium = findPeer("chromium");
const open: AsyncDisposable[] = [];
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

type Report = Readonly<Record<string, unknown>>;

const importMap = {
  imports: {
    "@mq9/sdk": "/sdk/index.js",
    "@mq9/protocol": "/protocol/index.js",
    "@nats-io/nats-core": "/nats-core.js",
    "#transport": "/sdk/transport/browser.js",
  },
};

const roots: Readonly<Record<string, string>> = {
  sdk: path.join(repositoryRoot, "clients/sdk/dist"),
  protocol: path.join(repositoryRoot, "core/protocol/dist"),
};

/** What the SDK takes of the NATS library, in all its files. */
async function natsNames(): Promise<string[]> {
  const names = new Set<string>();
  for (const file of await readdir(roots["sdk"] as string, { recursive: true })) {
    // What only Node loads may take more.
    if (!file.endsWith(".js") || /transport\/(?:node|either)/.test(file)) continue;
    const source = await readFile(path.join(roots["sdk"] as string, file), "utf8");
    for (const [, list = ""] of source.matchAll(/import \{([^}]*)\} from "@nats-io\/nats-core"/g)) {
      for (const each of list.split(",")) {
        const [name = ""] = each.trim().split(" as ");
        if (name !== "") names.add(name);
      }
    }
  }
  return [...names];
}

/** Serves the page and the packages; tells reports of the page and which files it took. */
class Site implements AsyncDisposable {
  readonly served: string[] = [];
  readonly #reports: Report[] = [];
  readonly #settings: object;
  readonly #natsCore: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #wake: () => void = () => {};

  constructor(settings: object, natsCore: string) {
    this.#settings = settings;
    this.#natsCore = natsCore;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async report(step: string, over: Promise<unknown>): Promise<Report> {
    for (;;) {
      const found = this.#reports.find((report) => report["step"] === step);
      if (found !== undefined) return found;
      const failed = this.#reports.find((report) => report["step"] === "failed");
      if (failed !== undefined) throw new Error(String(failed["error"]));
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const isOver = await Promise.race([woken.then(() => false), over.then(() => true)]);
      if (isOver) throw new Error(`no report of "${step}", only ${JSON.stringify(this.#reports)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "/";
    this.served.push(url);
    if (url === "/report") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      this.#reports.push(JSON.parse(body) as Report);
      this.#wake();
    }
    const [type, body] = await this.#bodyOf(url);
    response.setHeader("Content-Type", type);
    response.end(body);
  }

  async #bodyOf(url: string): Promise<[type: string, body: string]> {
    const script = "text/javascript";
    if (url === "/") {
      const map = `<script type="importmap">${JSON.stringify(importMap)}</script>`;
      return ["text/html", `${map}<script type="module" src="/journey.js"></script>`];
    }
    if (url === "/settings") return ["application/json", JSON.stringify(this.#settings)];
    if (url === "/nats-core.js") return [script, this.#natsCore];
    if (url === "/journey.js") {
      return [script, await readFile(path.join(import.meta.dirname, "journey.js"), "utf8")];
    }
    const [, root = "", file = ""] = /^\/(sdk|protocol)\/([\w./-]+\.js)$/.exec(url) ?? [];
    if (root === "" || file.includes("..")) return ["text/plain", ""];
    return [script, await readFile(path.join(roots[root] as string, file), "utf8")];
  }
}

/** A port that will be free again after a restart. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe.skipIf(chromium.path === undefined)(`Chromium ${chromium.reason}`, () => {
  it("sends, fetches and follows, and survives a restart of its broker", async () => {
    const folder = await tempDir("mq9-sdk-browser");
    open.push(folder);
    const port = await freePort();
    const config = path.join(folder.path, "mq9.conf");
    const site = new Site(
      { url: `ws://127.0.0.1:${port}` },
      await bundle("@nats-io/nats-core", await natsNames()),
    );
    open.push(site);
    const origin = await site.listen();
    const websocket = `host: 127.0.0.1, port: ${port}, no_tls: true, allowed_origins: ["${origin}"]`;
    await writeFile(config, `websocket { ${websocket} }\n`);
    const broker = await startBroker({ args: ["-c", config] });
    open.push(broker);
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--remote-debugging-port=0",
      `--user-data-dir=${path.join(folder.path, "profile")}`,
    ];
    const browser = startChild(chromium.path ?? "", [...flags, `${origin}/`]);
    open.push({
      [Symbol.asyncDispose]: async () => {
        browser.process.kill("SIGTERM");
        await browser.ended;
      },
    });
    const patience = new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    const over = Promise.race([browser.ended, patience]);
    expect(await site.report("ready", over)).toMatchObject({
      value: { hello: "world" },
      state: "acked",
    });
    await broker.kill();
    await broker.restart();
    expect(await site.report("survived", over)).toMatchObject({
      texts: ['{"hello":"world"}', "while it was away", "after"],
      numbers: [0, 1, 2],
      while_away: { msgId: 1 },
      mailId: "page",
    });
    expect(await site.report("over", over)).toMatchObject({
      code: "invalid",
      message: expect.stringContaining("ws:// or wss:// alone") as string,
    });
    expect(site.served.filter((url) => /node|either/.test(url))).toEqual([]);
  }, 90_000);
});
